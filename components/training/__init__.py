"""What TFX's Trainer runs."""
