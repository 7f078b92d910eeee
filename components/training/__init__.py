"""Entry point of TFX's Trainer."""
