"""The schema of the records, as an artifact."""
