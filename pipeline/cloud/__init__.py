"""Vertex AI Pipelines and Kubeflow Pipelines: compilation, submission, schedules."""
