"""MixtureGen: makes records of mixtures from a manifest of videos, as TFX Examples."""
