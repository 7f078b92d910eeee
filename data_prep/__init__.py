"""From a folder of videos to TFRecords of mixtures: media, pairing, mixing, records, Beam."""
