"""The papers' networks and losses in Keras, and their input, training and export in TensorFlow."""
