"""Running the pipeline on this machine: TFX's local runner, with its metadata in SQLite."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import click

from components.analyses.registry import get_analysis
from components.mixture_gen.spans import list_manifests, span_folder
from data_prep import storage
from data_prep.errors import UserError
from data_prep.mixing.pairing import usable
from data_prep.mixing.planning import plan
from data_prep.sources import examination, kinetics, manifest
from data_prep.sources.examined_files import EXAMINED
from data_prep.sources.videos import Video
from pipeline.config import PipelineConfig
from pipeline.initial_model import with_initial_model
from pipeline.places import Places
from pipeline.run_summary import RunSummary, read_mixtures, summarize


def index(
    videos: str,
    annotations: Sequence[str],
    places: Places,
    config: PipelineConfig,
    *,
    decode: bool = True,
) -> str:
    """Write the manifest of a folder as a new span, unless it equals that of the newest span.

    Files that have not changed since an earlier span are not opened again. If only files that are
    not used have changed, the newest span gets their list.

    Args:
        videos: the folder.
        annotations: Kinetics' CSVs; empty to look for them.
        places: paths of the run.
        config: the settings.
        decode: whether to decode every video completely, see `examination.examine_all`.

    Returns:
        The manifest's path.

    Raises:
        UserError: the folder does not hold what mixtures need; then nothing is written.
    """
    places.check()
    listing = kinetics.find_videos(videos, annotations)
    for note in listing.notes:
        click.echo(note, err=True)
    found, rejections = examination.examine_all(
        listing,
        config.beam_args,
        workers=config.workers,
        decode=decode,
        folder=str(places.manifests / ".index"),
        kept=str(places.manifests / EXAMINED),
        report=partial(click.echo, err=True),
    )
    _check_enough(found, config, rejections)
    earlier = list_manifests(str(places.manifests))
    number = max(earlier, default=0)
    # TFX looks for spans at any time, so the folder gets its name last.
    draft = str(places.manifests / ".draft")
    storage.remove_tree(draft)
    manifest.write_rejected(storage.join(draft, manifest.REJECTED), rejections)
    manifest.write(storage.join(draft, manifest.MANIFEST), found)
    if earlier and _equal(earlier[number], storage.join(draft, manifest.MANIFEST)):
        rejected = storage.join(storage.parent(earlier[number]), manifest.REJECTED)
        if not _equal(rejected, storage.join(draft, manifest.REJECTED)):
            storage.move(storage.join(draft, manifest.REJECTED), rejected)
        storage.remove_tree(draft)
        return earlier[number]
    span = span_folder(str(places.manifests), number + 1)
    storage.move(draft, span)
    return storage.join(span, manifest.MANIFEST)


def require_manifest(places: Places) -> str:
    """Return the manifest of the newest span.

    Raises:
        UserError: there is no span yet.
    """
    found = list_manifests(str(places.manifests))
    if not found:
        raise UserError(f"{places.manifests}: no manifest yet; give --videos once")
    return found[max(found)]


def run(config: PipelineConfig, places: Places) -> RunSummary:
    """Run the pipeline on the newest manifest, and write the summary.

    Raises:
        UserError: a stage failed for a reason that a user can fix.
    """
    places.check()
    _check_manifest(config, places)
    beam_args = _beam_args(config, places)

    from pipeline.create import create_pipeline, write_schema
    from pipeline.runners.previous_model import LatestBlessedBefore
    from pipeline.runners.stage_reporter import StageReporter

    with places.entered() as inside, _metadata(inside) as connection:
        config = with_initial_model(with_folders(config, inside.name_of), inside)
        write_schema(str(inside.schema))
        pipeline = create_pipeline(
            config,
            root=str(inside.artifacts / config.name),
            manifests=str(inside.manifests),
            unfinished=str(inside.unfinished),
            schema=str(inside.schema),
            checkpoints=str(inside.checkpoints),
            serving=str(inside.serving(config.task.kind)),
            beam_args=beam_args,
            metadata=connection,
            baseline_strategy=LatestBlessedBefore,
        )
        runner = StageReporter()
        runner.run(pipeline)
        summary = summarize(config, connection, runner.run_id, runner.seconds)
    summary.write(str(places.summary))
    return summary


def with_folders(config: PipelineConfig, name_of: Callable[[str], str]) -> PipelineConfig:
    """Return the settings with other names of the folders that they hold, see `Places.name_of`."""
    analyses = {
        name: get_analysis(name).with_folders(settings, name_of)
        for name, settings in config.analyses.items()
    }
    mixtures = name_of(config.mixtures) if config.mixtures else ""
    return config.model_copy(update={"analyses": analyses, "mixtures": mixtures})


def make_mixtures(config: PipelineConfig, places: Places) -> str:
    """Make the mixtures of the newest manifest, unless they are made already.

    Returns:
        Their folder, for `PipelineConfig.mixtures` of the runs that share them.

    Raises:
        UserError: there are not enough videos.
    """
    _check_enough(manifest.read(require_manifest(places)), config)
    beam_args = _beam_args(config, places)

    from pipeline.create import create_mixtures_pipeline
    from pipeline.runners.stage_reporter import StageReporter

    with places.entered() as inside, _metadata(inside) as connection:
        pipeline = create_mixtures_pipeline(
            config,
            root=str(inside.artifacts / config.mixtures_name),
            manifests=str(inside.manifests),
            unfinished=str(inside.unfinished),
            beam_args=beam_args,
            metadata=connection,
        )
        runner = StageReporter()
        runner.run(pipeline)
        return read_mixtures(config.mixtures_name, connection, runner.run_id)


def _beam_args(config: PipelineConfig, places: Places) -> list[str]:
    """Return the options of the stages that Beam runs, once their runner can be reached."""
    from data_prep.beam_options import beam_flags, pipeline_options

    pipeline_options(config.beam_args, workers=config.workers)
    # Names of artifacts begin with the working directory, see `Places.entered`.
    here = [f"--working_folder={places.output}"] if config.beam_args else []
    return beam_flags([*config.beam_args, *here], workers=config.workers)


@contextmanager
def _metadata(places: Places) -> Iterator[Any]:
    """Yield the connection to ML Metadata, once it agrees with the files.

    Raises:
        UserError: the file is something else.
    """
    from ml_metadata.errors import StatusError
    from tfx import v1 as tfx
    from tfx.orchestration.metadata import Metadata

    from pipeline.runners.earlier_outputs import describe_missing, remove_unfinished, update_states

    connection = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(places.metadata))
    try:
        with Metadata(connection) as handle:
            remove_unfinished(handle.store, places.artifacts, places.unfinished)
            gone = update_states(handle.store)
    except (StatusError, RuntimeError) as error:
        raise UserError(
            f"{places.metadata}: must be a database of ML Metadata that can be written, got {error}"
        ) from error
    if gone:
        click.echo(describe_missing(gone), err=True)
    try:
        yield connection
    except KeyboardInterrupt:
        with Metadata(connection) as handle:
            remove_unfinished(handle.store, places.artifacts, places.unfinished)
        raise


def _check_manifest(config: PipelineConfig, places: Places) -> None:
    """Check that the run has the videos it needs.

    Mixtures of another run need none, unless an analysis decodes held-out videos again.
    """
    if not config.mixtures:
        _check_enough(manifest.read(require_manifest(places)), config)
    elif any(analysis.reads_videos for analysis, _ in config.applicable_analyses):
        require_manifest(places)


def _check_enough(
    videos: Sequence[Video],
    config: PipelineConfig,
    rejections: Sequence[kinetics.Rejection] = (),
) -> None:
    """Check that there are enough videos, and say why files are not used if there are not."""
    try:
        plan(videos, config.data)
    except UserError as error:
        _, too_short = usable(videos, config.data.clip)
        reasons = kinetics.first_reasons([*rejections, *too_short])
        raise UserError(f"{error}{reasons}") from error


def _equal(one: str, other: str) -> bool:
    return storage.exists(one) and storage.read_bytes(one) == storage.read_bytes(other)
