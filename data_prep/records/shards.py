"""Records of mixtures as files, a shard each: the Beam transform of the command and the pipeline.

Paths may be URIs, of a store that TensorFlow knows.
"""

import json
import os
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import apache_beam as beam
import tensorflow as tf
from apache_beam.metrics import Metrics

from data_prep.config import DataConfig
from data_prep.mixing.pairing import Pairing
from data_prep.records.making import Report, make_record


@dataclass(frozen=True)
class Shard:
    """One file of records to make, and the report that says what it holds."""

    path: str
    report: str
    pairings: tuple[Pairing, ...]


def lay_out(
    pairings: Sequence[Pairing], records_per_shard: int, *, records: str, reports: str
) -> list[Shard]:
    """Lays a split's pairings out over files; a mixture's file depends on its index alone.

    Args:
        pairings: of one split, by index.
        records_per_shard: at most so many in one file.
        records: folder of the files.
        reports: folder of the reports, and of the files until they are whole.
    """
    split = pairings[0].split
    starts = range(0, len(pairings), records_per_shard)
    return [
        Shard(
            os.path.join(records, f"mixtures-{i:05d}-of-{len(starts):05d}.tfrecord"),
            os.path.join(reports, f"{split}-{i:05d}.json"),
            tuple(pairings[start : start + records_per_shard]),
        )
        for i, start in enumerate(starts)
    ]


class WriteShards(beam.PTransform):
    """Makes the records of shards and writes them; a shard that has its report is kept.

    The bytes of a file depend on its pairings and the settings alone, not on who writes it when.
    """

    def __init__(self, shards: Sequence[Shard], config: DataConfig):
        super().__init__()
        self._shards = shards
        self._config = config

    def expand(self, pipeline):
        """Applies the transform to a pipeline; gives the reports' paths."""
        return (
            pipeline
            | "Shards" >> beam.Create(self._shards)
            | "Spread" >> beam.Reshuffle()
            | "WriteShard" >> beam.ParDo(_WriteShard(self._config))
        )


def read_reports(folder: str) -> list[Report]:
    """Reads what became of the mixtures of all finished shards."""
    reports = []
    for path in sorted(tf.io.gfile.glob(os.path.join(folder, "*.json"))):
        with tf.io.gfile.GFile(path) as file:
            reports += [Report(**report) for report in json.load(file)]
    return reports


@beam.typehints.with_input_types(Shard)
@beam.typehints.with_output_types(str)
class _WriteShard(beam.DoFn):
    def __init__(self, config: DataConfig):
        self._config = config
        self._made = Metrics.counter("shards", "made")
        self._kept = Metrics.counter("shards", "kept")

    def process(self, shard):
        if tf.io.gfile.exists(shard.report):
            self._kept.inc()
        else:
            self._write(shard)
            self._made.inc()
        yield shard.report

    def _write(self, shard: Shard) -> None:
        for path in (shard.path, shard.report):
            tf.io.gfile.makedirs(os.path.dirname(path))
        # A name of its own, for Beam may have two workers make the same shard at the same time.
        draft = f"{shard.report}.{uuid.uuid4().hex}.tmp"
        reports = []
        with tf.io.TFRecordWriter(draft) as writer:
            for pairing in shard.pairings:
                record, report = make_record(pairing, self._config)
                reports.append(asdict(report))
                if record is not None:
                    writer.write(record)
        tf.io.gfile.rename(draft, shard.path, overwrite=True)
        # Only the report makes a shard finished, so it comes after the records.
        with tf.io.gfile.GFile(draft, "w") as file:
            file.write(json.dumps(reports))
        tf.io.gfile.rename(draft, shard.report, overwrite=True)
