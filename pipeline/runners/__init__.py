"""Runners: this machine, and compilation for Vertex AI and Kubeflow Pipelines."""
