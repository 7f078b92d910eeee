"""Report: one HTML page about a run, for people."""
