"""A rendered sample data set in Kinetics' layout."""
