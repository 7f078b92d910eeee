"""Command line of data preparation.

python -m data_prep sample|index|generate|validate|inspect|mix|worker-pool --help
"""

from typing import Any, get_args

import click

from data_prep.cli import Commands, prepare_libraries
from data_prep.config import MAX_SIDE
from data_prep.engines.commands import worker_pool
from data_prep.mixing.mix_videos import mix_videos
from data_prep.mixing.mixture_options import mixture_type_option
from data_prep.mixture_commands import generate, inspect, validate
from data_prep.options import (
    PLACE,
    Real,
    Whole,
    seed_option,
)
from data_prep.sample.sample_config import MAX_CLASSES, Colors
from data_prep.sample.write import write_sample
from data_prep.storage.outputs import require_folder_output
from data_prep.video_commands import index


@click.group(cls=Commands, resumable=("generate", "index"))
def main() -> None:
    """Make mixtures of videos: a sample, a manifest, TFRecords, contact sheets.

    Files and folders are local paths or URIs such as s3://BUCKET/FOLDER and gs://BUCKET/FOLDER.
    """
    prepare_libraries()


for command in (index, generate, validate, inspect, worker_pool):
    main.add_command(command)


@main.command()
@click.option("--output", type=PLACE, metavar="DIR", required=True, help="Folder of the sample.")
@click.option("--clips", type=Whole(4, 1_000_000), default=96, show_default=True, help="Videos.")
@click.option(
    "--classes", type=Whole(2, MAX_CLASSES), default=8, show_default=True, help="Classes."
)
@click.option(
    "--colors",
    type=click.Choice(get_args(Colors)),
    default="class",
    show_default=True,
    help="Whether a hue belongs to a class or to a scene, so that scenes of a class differ.",
)
@seed_option
def sample(output: str, clips: int, classes: int, colors: Colors, seed: int) -> None:
    """Render a small data set in Kinetics' layout."""
    require_folder_output(output)
    write_sample(output, clips=clips, classes=classes, colors=colors, seed=seed)
    click.echo(f"{clips} videos of {classes} classes in {output}")


@main.command()
@click.argument("target", type=PLACE)
@click.argument("other", type=PLACE)
@click.option("--output", type=PLACE, metavar="MP4", required=True, help="The mixture.")
@mixture_type_option
@click.option("--seconds", type=Real(0.1, 100_000), default=5.0, show_default=True)
@click.option("--size", type=Whole(16, MAX_SIDE), default=224, show_default=True, help="Pixels.")
@seed_option
def mix(target: str, other: str, output: str, **settings: Any) -> None:
    """Mix two videos into one that shows both, with the audio of TARGET."""
    seconds = mix_videos(target, other, output, **settings)
    click.echo(f"{seconds:.2f} s of {target} and {other} in {output}")
