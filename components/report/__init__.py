"""Report: one HTML page about a run, for people."""

FILE = "report.html"
"""The page in the artifact's folder."""
