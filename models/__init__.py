"""The papers' networks and losses in Keras, and their input, training and export in TensorFlow."""

PACKAGE = "layered_video"
"""Under which Keras knows the classes of ours, so that a saved model finds them again."""
