"""The gRPC client of a served separator, and an embedded server for one machine."""
