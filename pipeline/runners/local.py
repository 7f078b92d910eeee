"""Running the pipeline on this machine: TFX's local runner, with its metadata in SQLite."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import click

from components.analyses.registry import get_analysis
from components.index.indexing import check_enough
from components.index.indexing import index as write_span
from components.mixture_gen.spans import list_manifests, reference_to
from data_prep.errors import UserError
from data_prep.sources import manifest
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
    """Write the manifest of a folder as a new span, see `components.index.indexing`.

    Args:
        videos: the folder.
        annotations: Kinetics' CSVs; empty to look for them.
        places: paths of the run.
        config: the settings.
        decode: whether to decode every video completely.

    Returns:
        The manifest's path.

    Raises:
        UserError: the folder does not hold what mixtures need; then nothing is written.
    """
    places.check()
    return write_span(
        videos,
        annotations,
        str(places.manifests),
        config.data,
        beam_args=config.beam_args,
        workers=config.workers,
        decode=decode,
        report=partial(click.echo, err=True),
    )


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

    from pipeline.create import create_pipeline
    from pipeline.runners.stage_reporter import StageReporter

    with places.entered() as inside, _metadata(inside) as connection:
        config = with_initial_model(with_folders(config, inside.name_of), inside)
        pipeline = create_pipeline(
            config,
            root=str(inside.artifacts / config.name),
            manifests=str(inside.manifests),
            manifest=_reference(config, inside),
            unfinished=str(inside.unfinished),
            checkpoints=str(inside.checkpoints),
            serving=str(inside.serving(config.task.kind)),
            beam_args=beam_args,
            metadata=connection,
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
    check_enough(manifest.read(require_manifest(places)), config.data)
    beam_args = _beam_args(config, places)

    from pipeline.create import create_mixtures_pipeline
    from pipeline.runners.stage_reporter import StageReporter

    with places.entered() as inside, _metadata(inside) as connection:
        pipeline = create_mixtures_pipeline(
            config,
            root=str(inside.artifacts / config.mixtures_name),
            manifest=reference_to(require_manifest(inside)),
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
def metadata_store(places: Places) -> Iterator[Any]:
    """Yield ML Metadata's store, once it agrees with the files, without a word about those.

    Args:
        places: paths of the run, inside of the output.

    Raises:
        UserError: the file is something else.
    """
    from tfx.orchestration.metadata import Metadata

    with _metadata(places, told=False) as connection, Metadata(connection) as handle:
        yield handle.store


@contextmanager
def _metadata(places: Places, *, told: bool = True) -> Iterator[Any]:
    """Yield the connection to ML Metadata, once it agrees with the files.

    Args:
        places: paths of the run, inside of the output.
        told: whether to say which outputs are gone.

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
    if gone and told:
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
        check_enough(manifest.read(require_manifest(places)), config.data)
    elif any(analysis.reads_videos for analysis, _ in config.applicable_analyses):
        require_manifest(places)


def _reference(config: PipelineConfig, places: Places) -> str:
    """Return the reference to the newest manifest; imported mixtures need none."""
    return "" if config.mixtures else reference_to(require_manifest(places))
