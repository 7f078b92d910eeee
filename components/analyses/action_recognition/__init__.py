"""ActionRecognition: how well actions are recognised in what a separator makes of mixtures."""

PURE, MIXED = INPUTS = ("pure", "mixed")
"""What the classifier is given beside separators' outputs: single videos, and the mixture."""
