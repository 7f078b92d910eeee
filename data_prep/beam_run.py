"""Runs a Beam pipeline quietly."""

from collections.abc import Iterator
from contextlib import contextmanager

import apache_beam as beam


@contextmanager
def running(pipeline: beam.Pipeline) -> Iterator[beam.Pipeline]:
    """Run it."""
    with pipeline:
        yield pipeline
