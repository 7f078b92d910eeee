"""The TFX pipeline, its configuration, and a thin runner a target."""
