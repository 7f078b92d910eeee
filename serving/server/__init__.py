"""The embedded server: TensorFlow Serving's gRPC interface over a folder of versions."""
