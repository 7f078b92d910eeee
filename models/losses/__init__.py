"""The papers' losses, in Keras alone."""
