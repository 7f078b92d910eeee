"""The papers' networks and losses in Keras; their input, training and export in TensorFlow."""

PACKAGE = "layered_video"
"""The name under which Keras registers our classes, so that a saved model finds them again."""
