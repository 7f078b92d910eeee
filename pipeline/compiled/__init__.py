"""Runs of compiled pipelines on this machine, by the platforms' contract with containers."""
