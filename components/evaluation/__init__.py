"""What TFX's Evaluator computes, and what it blesses."""
