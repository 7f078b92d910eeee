"""The papers' networks, in Keras alone."""
