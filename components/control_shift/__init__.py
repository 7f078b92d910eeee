"""ControlShift: how well a sound controls a separator as it is shifted against the picture."""
