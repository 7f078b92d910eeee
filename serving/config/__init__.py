"""TensorFlow Serving's own files: written for a deployment, and changed by moving labels."""
