"""Shards made in turn without Beam, which takes most of the time of a small run."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import tenacity

from data_prep.records import writer


class InTurn:
    """Stands for a Beam pipeline."""

    def __init__(self, options: Any):
        self.options = options

    def __or__(self, transform: writer.WriteShards) -> None:
        for shard in transform.shards:
            writer.WriteShard(transform.job).process(shard)


def make_shards_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `generate` do without Beam, and without waits before it tries again."""
    monkeypatch.setattr(tenacity.nap.time, "sleep", lambda seconds: None)
    monkeypatch.setattr("data_prep.generate.beam", SimpleNamespace(Pipeline=InTurn))
    monkeypatch.setattr(writer, "running", nullcontext)
