"""A gRPC client of served models, and an embedded server for one machine."""
