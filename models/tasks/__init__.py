"""Tasks: what a system learns, serves and is measured by."""
