"""A study: all systems trained and evaluated on the same mixtures, and the papers' tables."""
