"""Runners: the local machine, and compilation for Vertex AI."""
