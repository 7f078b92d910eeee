"""The TFX pipeline, its configuration, and its runners."""
