"""Records of mixtures: the feature contract, the writer, and the folder of a data set."""
