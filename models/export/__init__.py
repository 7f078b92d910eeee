"""Trained models as SavedModels, written and loaded back."""
