"""What a data set will cost, measured on a few of its mixtures before any is written.

python -m data_prep generate --videos DIR --output DIR --dry-run
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import apache_beam as beam
import numpy as np

from data_prep.config import DataConfig
from data_prep.mixing.planning import Plan, plan
from data_prep.records.layout import RecordLayout, lay_out
from data_prep.records.making import make_record
from data_prep.records.writer import Job, WriteShards
from data_prep.sources.videos import Video
from data_prep.splits import SPLITS, TRAIN

SAMPLE = 8
"""Mixtures that are made to measure the cost."""


@dataclass(frozen=True)
class CostEstimate:
    """What a data set will cost.

    Attributes:
        videos: number of videos of each split, by its name.
        video_bytes: size of all videos.
        mixtures: number of mixtures of each split, by its name.
        shards: number of files of records.
        record_bytes: mean size of a record; NaN if none of the sample could be made.
        seconds: mean seconds that one core takes for a mixture, without Beam's share.
        dropped: mixtures of the sample that could not be made.
        graph_bytes: size of the Beam pipeline, as it is sent to a runner.
    """

    videos: dict[str, int]
    video_bytes: int
    mixtures: dict[str, int]
    shards: int
    record_bytes: float
    seconds: float
    dropped: int
    graph_bytes: int

    @property
    def total_bytes(self) -> float:
        """Size of all records."""
        return self.record_bytes * sum(self.mixtures.values())

    @property
    def core_hours(self) -> float:
        """Hours that one core takes for all mixtures."""
        return self.seconds * sum(self.mixtures.values()) / 3600


def estimate_cost(
    videos: Sequence[Video], config: DataConfig, layout: RecordLayout
) -> CostEstimate:
    """Plan a data set, and make a few of its mixtures without writing them.

    Args:
        videos: the videos of a manifest.
        config: settings of the data set.
        layout: where everything would go.

    Raises:
        UserError: too few usable videos.
        StorageError: a video of the sample cannot be read.
    """
    planned = plan(videos, config)
    sizes, seconds = _measure(planned)
    return CostEstimate(
        videos={split: int(planned.videos.in_split(split).sum()) for split in SPLITS},
        video_bytes=int(planned.videos.numbers("bytes").sum()),
        mixtures={split: config.mixtures_of(split) for split in SPLITS},
        shards=sum(1 for _ in lay_out(config)),
        record_bytes=float(np.mean(sizes)) if sizes else float("nan"),
        seconds=float(np.mean(seconds)),
        dropped=len(seconds) - len(sizes),
        graph_bytes=graph_bytes(planned, layout),
    )


def _measure(planned: Plan) -> tuple[list[int], list[float]]:
    """Make mixtures from all over the train split; return their bytes, and each one's seconds."""
    count = planned.config.mixtures_of(TRAIN)
    places = np.unique(np.linspace(0, count - 1, min(SAMPLE, count)).astype(int)).tolist()
    # The first one loads libraries, which workers do once, too.
    make_record(next(planned.pairings(TRAIN, 0, 1)), planned.config)
    sizes, seconds = [], []
    for place in places:
        [pairing] = planned.pairings(TRAIN, place, place + 1)
        start = time.perf_counter()
        record, _ = make_record(pairing, planned.config)
        seconds.append(time.perf_counter() - start)
        if record is not None:
            sizes.append(len(record))
    return sizes, seconds


def graph_bytes(planned: Plan, layout: RecordLayout) -> int:
    """Return the size of the Beam pipeline that makes the records, as it is sent to a runner."""
    pipeline = beam.Pipeline(runner="DirectRunner")
    job = Job(layout, planned.config, planned.fingerprint)
    _ = pipeline | WriteShards(list(lay_out(planned.config)), job)
    return int(pipeline.to_runner_api().ByteSize())
