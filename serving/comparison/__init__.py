"""Comparison of separated videos with the videos that were mixed."""
