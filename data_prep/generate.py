"""Records of mixtures as a folder of TFRecords: what the command `generate` does.

python -m data_prep generate --videos DIR --output DIR
"""

from collections.abc import Sequence
from pathlib import Path

import apache_beam as beam

from data_prep.beam_options import pipeline_options
from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.mixing.planning import plan
from data_prep.records.dataset import Dataset
from data_prep.records.making import account
from data_prep.records.shards import WriteShards
from data_prep.sources.kinetics import Rejection
from data_prep.sources.manifest import Video


def generate(
    videos: Sequence[Video],
    output: Path,
    config: DataConfig,
    *,
    rejections: Sequence[Rejection] = (),
    absent: int = 0,
    beam_args: Sequence[str] = (),
    workers: int = 1,
    overwrite: bool = False,
) -> dict:
    """Makes a data set of mixtures; what an interrupted run has finished is kept.

    The records depend on the videos' content and the settings alone, not on the number of workers.

    Args:
        videos: the manifest's.
        output: the data set's folder, on this machine or one that all workers share; its layout
            is `data_prep.records.dataset`'s.
        config: settings of the data set.
        rejections: files left out earlier, for `rejected.csv`.
        absent: annotated videos that are not there, for `info.json`.
        beam_args: Beam's options.
        workers: processes on this machine.
        overwrite: whether to make the data set anew if `output` holds one.

    Returns:
        What `info.json` says.

    Raises:
        UserError: too few usable videos, an `output` of other settings, or nothing could be read.
    """
    options = pipeline_options(beam_args, workers=workers)
    planned = plan(videos, config)
    dataset = Dataset(output)
    dataset.open(planned.videos, config, overwrite=overwrite)
    if dataset.marker.exists():
        return dataset.read_info()
    shards = [
        shard
        for pairings in planned.pairings.values()
        for shard in dataset.shards(pairings, config.records_per_shard)
    ]
    with beam.Pipeline(options=options) as pipeline:
        _ = pipeline | WriteShards(shards, config)
    try:
        info, unreadable = account(planned, config, dataset.read_reports())
    except UserError:
        dataset.clear()
        raise
    rejected = sorted([*rejections, *planned.rejections, *unreadable], key=lambda item: item.path)
    info |= {"annotated_but_absent": absent, "files_not_used": len(rejected)}
    dataset.complete(info, rejected)
    return info
