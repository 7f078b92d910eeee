"""The pipeline's command line.

python -m pipeline run|demo|tables|gallery|compile --help
"""

import json
import os
import time
from pathlib import Path

import click

from data_prep.cli import Commands, prepare_libraries
from data_prep.errors import UserError
from models.precision import prepare

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)

set_option = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a setting; repeatable."
)
annotations_option = click.option(
    "--annotations",
    type=FILE,
    multiple=True,
    help="Kinetics' CSV; may be repeated. By default CSVs in the folder or above it are found.",
)


def config_option(default: str):
    """Return the option that names a configuration."""
    return click.option(
        "--config", "config_name", default=default, show_default=True, help="A name or a YAML file."
    )


def videos_option(default: str):
    """Return the option of the videos' folder, by default what the words say."""
    return click.option("--videos", type=FOLDER, help=f"Folder of videos. [default: {default}]")


def output_option(default: str):
    """Return the option of the folder that holds everything."""
    return click.option(
        "--output",
        type=FOLDER,
        default=default,
        show_default=True,
        help="Folder of everything that is made.",
    )


@click.group(cls=Commands)
def main():
    """Run the pipeline, from a folder of videos to a served model, or compile it."""
    prepare_libraries()
    if (backend := os.environ["KERAS_BACKEND"]) != "tensorflow":
        raise UserError(f"KERAS_BACKEND must be tensorflow for the pipeline: received {backend!r}")


@main.command()
@config_option("demo")
@videos_option("the videos of the last run in this output")
@annotations_option
@output_option("output")
@set_option
def run(config_name, videos, annotations, output, settings):
    """Run the pipeline on this machine."""
    from pipeline.config import load_config

    config = load_config(config_name, settings)
    prepare(config.train.precision)
    _check_annotations(annotations, videos)
    from pipeline.console import show
    from pipeline.runners import local

    started = time.monotonic()
    places = local.Places(output)
    if videos:
        click.echo(f"Looking through {videos} ...", err=True)
        local.index(videos, annotations, places, config)
    summary = local.run(config, places)
    show(summary, places, seconds=time.monotonic() - started)


@main.command()
@config_option("demo")
@output_option("demo")
@set_option
def demo(config_name, output, settings):
    """Do the whole way on sample data, and take a held-out mixture apart."""
    from pipeline.config import load_config

    config = load_config(config_name, settings)
    prepare(config.train.precision)
    from pipeline.demo import demo as run_demo

    run_demo(config, output)


@main.command()
@config_option("tables")
@videos_option("a rendered sample")
@annotations_option
@click.option("--systems", default="all", show_default=True, help="Names, with commas.")
@click.option("--seeds", type=click.IntRange(1), default=1, show_default=True)
@output_option("tables")
@set_option
def tables(config_name, videos, annotations, systems, seeds, output, settings):
    """Train and evaluate every system on the same mixtures, and write the papers' tables.

    What is finished is not done again: after an interruption, or with more seeds or systems, the
    same command goes on.
    """
    from pipeline.config import load_config

    def configure(overrides):
        # As JSON, which YAML holds: a path may have signs in it that mean something to YAML.
        given = (f"{key}={json.dumps(value)}" for key, value in overrides.items())
        return load_config(config_name, (*settings, *given))

    config = configure({})
    prepare(config.train.precision)
    _check_annotations(annotations, videos)
    from data_prep.sources import manifest
    from pipeline.demo import sample
    from pipeline.runners import local
    from pipeline.study.runs import CLASSES, CLIPS, check_systems, run_study, without_classes
    from pipeline.study.study import write_study

    names = check_systems(systems)
    places = local.Places(output)
    found = local.index(videos or sample(output, CLIPS, CLASSES), annotations, places, config)
    names = without_classes(names, {video.label for video in manifest.read(found)})
    runs = run_study(configure, places, names, seeds)
    click.echo(f"results in {write_study(runs, config, places)}")


@main.command()
@click.option(
    "--model",
    type=FOLDER,
    required=True,
    help="A pushed model: a version's folder, or the one that holds it, for the newest.",
)
@click.option("--videos", type=FOLDER, required=True, help="Folder of real videos.")
@click.option("--output", type=FOLDER, required=True, help="Folder for index.html.")
@click.option(
    "--mixtures",
    type=click.IntRange(min=0),
    default=4,
    show_default=True,
    help="Mixtures of pairs of the videos, where there are two; 0 for none.",
)
@click.option(
    "--count",
    type=click.IntRange(min=0),
    default=4,
    show_default=True,
    help="Videos that are taken apart as they are, at most; 0 for none.",
)
def gallery(model, videos, output, mixtures, count):
    """Take real videos and mixtures of them apart, and write a page of it."""
    if not mixtures and not count:
        raise click.UsageError("--mixtures and --count are both 0: nothing would be shown")
    from pipeline.video_gallery import write_gallery

    page = write_gallery(model, videos, output, mixtures=mixtures, count=count)
    click.echo(f"gallery in {page}")


@main.command("compile")
@click.option("--target", type=click.Choice(["vertex"]), default="vertex", show_default=True)
@config_option("demo")
@click.option(
    "--output",
    type=FILE,
    required=True,
    help="The compiled pipeline, .json or .yaml.",
)
@set_option
def compile_pipeline(target, config_name, output, settings):
    """Compile the pipeline for Vertex AI or Kubeflow Pipelines, without a network."""
    from pipeline.config import load_config

    config = load_config(config_name, settings)
    from pipeline.runners.vertex import compile_for_vertex

    schema = compile_for_vertex(config, output)
    click.echo(f"{config.name} for {target} in {output}. Before it runs, upload:")
    click.echo(f"  {schema} to {config.vertex.root}/schema/")
    click.echo(f"  span-1/manifest.csv of python -m data_prep index to {config.vertex.manifests}/")


def _check_annotations(annotations, videos) -> None:
    if annotations and not videos:
        raise click.UsageError("--annotations goes with --videos")


if __name__ == "__main__":
    main(prog_name="python -m pipeline")
