"""A study: every system trained and evaluated on the same mixtures, and the papers' tables."""
