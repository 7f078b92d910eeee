"""Generation of a folder of TFRecords from videos.

python -m data_prep generate --videos DIR --output DIR
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext

import apache_beam as beam

from data_prep import storage
from data_prep.beam_options import pipeline_options
from data_prep.config import DataConfig
from data_prep.mixing.planning import plan
from data_prep.records.dataset import Dataset
from data_prep.records.info import DatasetInfo
from data_prep.records.outcomes import NothingMadeError, require_few_dropped
from data_prep.records.writer import write_records
from data_prep.sources.kinetics import Rejection
from data_prep.sources.videos import Video


def generate(
    videos: Sequence[Video],
    output: str,
    config: DataConfig,
    *,
    rejections: Sequence[Rejection] = (),
    absent: int = 0,
    beam_args: Sequence[str] = (),
    workers: int = 1,
    overwrite: bool = False,
    require_held: Callable[[], None] | None = None,
    report: Callable[[str], None] | None = None,
) -> DatasetInfo:
    """Make a data set of mixtures; the finished shards of an interrupted run are reused.

    The records depend on the content of the videos and the settings alone, not on the number of
    workers.

    Example:
        >>> from data_prep.config import ClipConfig, DataConfig
        >>> from data_prep.generate import generate
        >>> from data_prep.sources import examination, kinetics
        >>> clip = ClipConfig(frames=8, fps=8, height=48, width=48, short_side=48)
        >>> config = DataConfig(clip=clip, train_mixtures=4, eval_mixtures=2)
        >>> videos, rejections = examination.examine_all(kinetics.find_videos("sample/videos"))
        >>> info = generate(videos, "mixtures", config, rejections=rejections)
        >>> info.splits["train"].mixtures
        4
        >>> info.splits["train"].mixture_types
        {'transparency': 2, 'occlusion': 2}

    Args:
        videos: the videos of a manifest.
        output: folder of the data set, a URI that all workers can reach; its layout is described
            in `data_prep.records.dataset`.
        config: settings of the data set.
        rejections: files rejected earlier, for `rejected.csv`.
        absent: number of annotated videos that were not found, for `info.json`.
        beam_args: Beam's options.
        workers: processes on this machine.
        overwrite: whether to replace the data set if `output` holds another or a complete one.
        require_held: what `Dataset.writing` yields, if the caller is the writer already.
        report: called with a line for people if the run resumes an interrupted one.

    Returns:
        Facts about the data set, as `info.json` holds them.

    Raises:
        UserError: too few usable videos, an `output` of other settings or with another writer, or
            more mixtures lost than `config.max_dropped_share`. What was made is kept for the next
            run.
        StorageError: something could not be read or written, or a video has another size than when
            it was indexed. What was made is kept for the next run.
    """
    options = pipeline_options(beam_args, workers=workers)
    planned = plan(videos, config)
    dataset = Dataset(storage.absolute(output))
    writing = (
        dataset.writing(config, overwrite=overwrite)
        if require_held is None
        else nullcontext(require_held)
    )
    with writing as require_held:
        if not overwrite and dataset.holds(planned):
            info = dataset.read_info()
            require_few_dropped(info.splits, config.max_dropped_share)
        else:
            require_held()
            dataset.open(planned, overwrite=overwrite)
            try:
                info = write_records(
                    planned,
                    dataset.layout,
                    beam.Pipeline(options=options),
                    require_held=require_held,
                    rejections=rejections,
                    absent=absent,
                    report=report,
                )
            except NothingMadeError:
                dataset.clear()
                raise
        storage.remove_drafts(dataset.layout.reports)  # also of a run killed after its marker
    return info
