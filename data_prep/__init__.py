"""Data preparation: from a folder of videos to TFRecords of mixtures."""
