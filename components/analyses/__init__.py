"""Analyses of a trained model, one folder each, listed in `components.analyses.registry`."""
