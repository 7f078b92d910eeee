"""ControlShift: how well a sound controls a separator as it is shifted against the picture."""

SILENCE, STRANGER = OTHER_SOUNDS = ("silence", "stranger")
"""What a mixture is heard with beside V1's sound."""
