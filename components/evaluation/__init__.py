"""Configuration, metric and results of TFX's Evaluator."""
