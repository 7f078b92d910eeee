"""The pipeline's command line.

python -m pipeline --help
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from data_prep import storage
from data_prep.cli import Commands, prepare_libraries
from data_prep.errors import UserError
from data_prep.options import LOCAL_PLACE, PLACE, Whole, check_option
from data_prep.sources import manifest
from data_prep.storage.outputs import require_folder_output
from models.precision import prepare
from pipeline.cloud_commands import cancel, compile_pipeline, schedule, status, submit
from pipeline.compiled_commands import run_compiled
from pipeline.config import PipelineConfig, load_config
from pipeline.config_options import Decorator, config_option, set_option
from pipeline.console import show
from pipeline.demo import run_demo, sample
from pipeline.initial_model import require_initial_model
from pipeline.mixtures import require_mixtures
from pipeline.places import Places
from pipeline.retention_commands import prune
from pipeline.run_log import recorded
from pipeline.run_summary import RunSummary
from pipeline.runners import local
from pipeline.study.runs import check_systems, forbid_initial_model, run_study, trainable_on
from pipeline.study.study import write_study
from serving.versions import find_model

annotations_option = click.option(
    "--annotations",
    type=PLACE,
    multiple=True,
    metavar="FILE",
    help="Kinetics' CSV; repeatable. By default, CSVs in the folder or above it are found.",
)


def videos_option(default: str) -> Decorator:
    """Return the option of the videos' folder, with its default in words."""
    return click.option(
        "--videos",
        type=PLACE,
        metavar="FOLDER",
        help=f"Folder of videos. [default: {default}]",
    )


def output_option(default: str) -> Decorator:
    """Return the option of the folder that holds everything."""
    return click.option(
        "--output",
        type=LOCAL_PLACE,
        default=default,
        show_default=True,
        callback=_checked_folder,
        help="Folder of all results.",
    )


def _checked_folder(ctx: click.Context, param: click.Parameter, folder: Path) -> Path:
    require_folder_output(str(folder))
    return folder


@click.group(cls=Commands, resumable=("run", "demo", "tables", "run-compiled"))
def main() -> None:
    """Run the pipeline, from a folder of videos to a served model, or compile it."""
    prepare_libraries()
    if (backend := os.environ["KERAS_BACKEND"]) != "tensorflow":
        raise UserError(f"KERAS_BACKEND: must be tensorflow for the pipeline, got {backend!r}")


@main.command()
@config_option("demo")
@videos_option("the videos of the last run in this output")
@annotations_option
@check_option
@output_option("output")
@set_option
def run(
    config_name: str,
    videos: str | None,
    annotations: Sequence[str],
    decode: bool,
    output: Path,
    overrides: Sequence[str],
) -> None:
    """Run the pipeline on this machine."""
    _check_annotations(annotations, videos)
    if not decode and not videos:
        raise click.UsageError("--check packets: must come with --videos")
    config = _load(config_name, overrides)
    started = time.monotonic()
    places = Places(output)

    def index_and_run() -> RunSummary:
        if videos:
            click.echo(f"Reading {videos} ...", err=True)
            local.index(videos, annotations, places, config, decode=decode)
        return local.run(config, places)

    with storage.lease(str(places.output)):
        summary = recorded(config, places.output, index_and_run)
    show(summary, places, seconds=time.monotonic() - started)


@main.command()
@config_option("demo")
@output_option("demo")
@set_option
def demo(config_name: str, output: Path, overrides: Sequence[str]) -> None:
    """Run everything on sample data, and separate a held-out mixture."""
    config = _load(config_name, overrides)
    with storage.lease(str(output)):
        run_demo(config, output)


@main.command()
@config_option("tables")
@videos_option("a rendered sample")
@annotations_option
@check_option
@click.option(
    "--systems", default="all", show_default=True, help="Names, `all` or `variants`, with commas."
)
@click.option("--seeds", type=Whole(1, 1000), default=1, show_default=True)
@output_option("tables")
@set_option
def tables(
    config_name: str,
    videos: str | None,
    annotations: Sequence[str],
    decode: bool,
    systems: str,
    seeds: int,
    output: Path,
    overrides: Sequence[str],
) -> None:
    """Train and evaluate systems on the same mixtures, and write the papers' tables.

    `all` stands for the published systems, and `variants` for this project's variants of them.

    Rerun the same command to resume an interrupted study, also with more seeds or systems:
    finished runs are reused.
    """

    def configure(more: Mapping[str, object]) -> PipelineConfig:
        # As JSON, which is YAML: a path may hold characters that mean something to YAML.
        given = (f"{key}={json.dumps(value)}" for key, value in more.items())
        return load_config(config_name, (*overrides, *given))

    _check_annotations(annotations, videos)
    config = _prepared(configure({}))
    forbid_initial_model(config)
    names = check_systems(systems)
    places = Places(output)
    with storage.lease(str(places.output)):
        folder = videos or sample(output, config.sample)
        found = local.index(folder, annotations, places, config, decode=decode)
        names = trainable_on(names, {video.label for video in manifest.read(found)})
        runs = run_study(configure, places, names, seeds)
        page = write_study(runs, config, places)
    click.echo(f"results in {page}")


@main.command()
@click.option(
    "--model",
    type=LOCAL_PLACE,
    required=True,
    help="A pushed model: the folder of a version, or the one above it for the newest version.",
)
@click.option(
    "--videos", type=PLACE, metavar="FOLDER", required=True, help="Folder of real videos."
)
@annotations_option
@click.option("--output", type=LOCAL_PLACE, required=True, help="Folder for index.html.")
@click.option(
    "--mixtures",
    type=Whole(0, 1000),
    default=4,
    show_default=True,
    help="Mixtures of pairs of the videos, if there are two; 0 for none.",
)
@click.option(
    "--count",
    type=Whole(0, 1000),
    default=4,
    show_default=True,
    help="Largest number of videos that are separated as they are; 0 for none.",
)
def gallery(
    model: Path, videos: str, annotations: Sequence[str], output: Path, mixtures: int, count: int
) -> None:
    """Separate real videos and mixtures of them, and write a page about it."""
    if not mixtures and not count:
        raise click.UsageError("--mixtures and --count: one must be at least 1, got 0 for both")
    require_folder_output(str(output))
    find_model(model)
    # TensorFlow takes seconds to load.
    from pipeline.video_gallery import write_gallery

    page = write_gallery(
        model, videos, output, annotations=annotations, mixtures=mixtures, count=count
    )
    click.echo(f"gallery in {page}")


for command in (compile_pipeline, submit, schedule, status, cancel, run_compiled, prune):
    main.add_command(command)


def _load(name: str, overrides: Sequence[str]) -> PipelineConfig:
    """Read the settings of a run on this machine, and check what can be checked at once."""
    return _prepared(load_config(name, overrides))


def _prepared(config: PipelineConfig) -> PipelineConfig:
    if config.mixtures:
        require_mixtures(config.mixtures, config.data)
    prepare(config.train.precision)
    require_initial_model(config)
    return config


def _check_annotations(annotations: Sequence[str], videos: str | None) -> None:
    if annotations and not videos:
        raise click.UsageError("--annotations: must come with --videos")
