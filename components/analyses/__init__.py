"""Analyses of a trained model, one folder each."""
