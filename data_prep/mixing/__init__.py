"""Mixing: mixture types, pairs of clips, and composition."""
