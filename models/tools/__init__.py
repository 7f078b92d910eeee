"""Cost, speed and the Identity baseline, measured from the command line."""
