"""Records of mixtures: the feature contract, TFRecord shards and the data set's folder."""
