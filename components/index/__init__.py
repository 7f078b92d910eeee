"""The first stage of a compiled pipeline, which looks for new videos."""
