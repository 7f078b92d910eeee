"""MixtureGen: a manifest of videos becomes records of mixtures, as TFX Examples."""
