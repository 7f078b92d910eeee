"""Command line of data preparation.

python -m data_prep sample|index|generate|validate|inspect|mix|worker-pool --help
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, get_args

import click

from data_prep import storage
from data_prep.cli import Commands, prepare_libraries
from data_prep.config import MAX_MIXTURES, MAX_SIDE, DataConfig
from data_prep.engines.commands import worker_pool
from data_prep.errors import UserError
from data_prep.mixing.mix_videos import mix_videos
from data_prep.mixing.mixture_options import mixture_type_option
from data_prep.options import (
    PLACE,
    PREFIX,
    Real,
    Whole,
    check_option,
    seed_option,
    workers_option,
)
from data_prep.printed_tables import show_dataset, show_estimate
from data_prep.progress_bar import watching
from data_prep.records.dataset import Dataset
from data_prep.records.layout import lay_out
from data_prep.records.shard_progress import ShardProgress
from data_prep.sample.sample_config import MAX_CLASSES, Colors
from data_prep.sample.write import write_sample
from data_prep.settings import MAX_SEED, MAX_WORKERS, load
from data_prep.sources import examination, kinetics, manifest
from data_prep.sources.examination_folder import folder_beside, folder_in
from data_prep.sources.kinetics import Listing, printable
from data_prep.sources.known_files import kept_beside
from data_prep.sources.videos import Video
from data_prep.storage.outputs import require_folder_output
from data_prep.yaml_text import read_yaml

BEAM = {"ignore_unknown_options": True}
_SHOWN_PROBLEMS = 20

annotations_option = click.option(
    "--annotations",
    type=PLACE,
    metavar="CSV",
    multiple=True,
    help="Kinetics' CSV; may be repeated. By default, CSVs in the folder or above it are found.",
)
beam_arguments = click.argument("beam_options", nargs=-1, type=click.UNPROCESSED)


@click.group(cls=Commands, resumable=("generate", "index"))
def main() -> None:
    """Make mixtures of videos: a sample, a manifest, TFRecords, contact sheets.

    Files and folders are local paths or URIs such as s3://BUCKET/FOLDER and gs://BUCKET/FOLDER.
    """
    prepare_libraries()


main.add_command(worker_pool)


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


@main.command(context_settings=BEAM)
@click.option("--videos", type=PLACE, metavar="DIR", required=True, help="Folder of videos.")
@annotations_option
@click.option("--output", type=PLACE, metavar="CSV", required=True, help="The manifest.")
@click.option(
    "--prefix",
    type=PREFIX,
    metavar="URI",
    help="Folder of the videos as readers of the manifest see it, such as gs://BUCKET/videos.",
)
@check_option
@click.option("--fresh", is_flag=True, help="Open all files, also those that have not changed.")
@workers_option
@beam_arguments
def index(
    videos: str,
    annotations: tuple[str, ...],
    output: str,
    prefix: str | None,
    decode: bool,
    fresh: bool,
    workers: int,
    beam_options: tuple[str, ...],
) -> None:
    """Write a manifest of a folder's videos, with size and digest.

    The rejected files and the reasons go to rejected.csv beside it, or to train.rejected.csv if
    the manifest is train.csv. What was found out about each file is kept in examined.jsonl.gz, so
    that the next run opens only files that have changed. Rerun the same command to resume an
    interrupted run. Further options are Beam's; with the
    runner of an engine, `--job-timeout HOURS` cancels a job that takes longer (24 by default).
    """
    manifest.check_outputs(output)
    _check_beam(beam_options, workers)
    listing, found, rejections = _examine(
        videos,
        annotations,
        decode,
        beam_options,
        workers,
        folder=folder_beside(storage.absolute(output)),
        kept=kept_beside(output),
        fresh=fresh,
    )
    if not found:
        reasons = kinetics.first_reasons(rejections)
        raise UserError(f"{videos}: must hold a video that can be used, got none{reasons}")
    if prefix:
        found = manifest.moved(found, videos, prefix)
    manifest.write_rejected(manifest.rejected_beside(output), rejections)
    manifest.write(output, found)
    click.echo(
        f"{len(found)} videos in {output}; {len(rejections)} files not used; "
        f"{listing.absent} annotated but absent"
    )


@main.command(context_settings=BEAM)
@click.option("--videos", type=PLACE, metavar="DIR", help="Folder of videos.")
@click.option("--manifest", "manifest_file", type=PLACE, metavar="CSV", help="Instead of --videos.")
@annotations_option
@click.option("--output", type=PLACE, metavar="DIR", required=True, help="Folder of the data set.")
@click.option("--config", type=PLACE, metavar="YAML", help="Settings of the data set.")
@click.option("--seed", type=Whole(0, MAX_SEED), help="Seed; overrides the setting.")
@click.option("--train-mixtures", type=Whole(1, MAX_MIXTURES), help="Overrides the setting.")
@click.option("--eval-mixtures", type=Whole(1, MAX_MIXTURES), help="Overrides the setting.")
@click.option("--overwrite", is_flag=True, help="Replace an existing data set.")
@click.option("--dry-run", is_flag=True, help="Say what it would cost, and write nothing.")
@check_option
@workers_option
@beam_arguments
def generate(
    videos: str | None,
    manifest_file: str | None,
    annotations: tuple[str, ...],
    output: str,
    config: str | None,
    overwrite: bool,
    dry_run: bool,
    decode: bool,
    workers: int,
    beam_options: tuple[str, ...],
    **settings: int | None,
) -> None:
    """Make TFRecords of mixtures from a folder of videos, or from a manifest.

    Rerun the same command to resume an interrupted run. With --dry-run, a few mixtures are made to
    measure what all of them will cost. Further options are Beam's; with the
    runner of an engine, `--job-timeout HOURS` cancels a job that takes longer (24 by default).
    """
    if (videos is None) == (manifest_file is None):
        raise click.UsageError("either --videos or --manifest is needed")
    if annotations and manifest_file:
        raise click.UsageError("--annotations goes with --videos; a manifest has its splits")
    _check_beam(beam_options, workers)
    data_config = _data_config(config, settings)
    dataset = Dataset(storage.absolute(output))

    def find(folder: str | None) -> tuple[Sequence[Video], list[kinetics.Rejection], int]:
        if manifest_file:
            rejections = manifest.read_rejected(manifest.rejected_beside(manifest_file))
            return manifest.read(manifest_file), rejections, 0
        assert videos is not None
        listing, found, rejections = _examine(
            videos, annotations, decode, beam_options, workers, folder=folder
        )
        return found, rejections, listing.absent

    if dry_run:
        from data_prep.run_cost import estimate_cost  # loads Beam

        show_estimate(estimate_cost(find(None)[0], data_config, dataset.layout), output)
        return
    with dataset.writing(data_config, overwrite=overwrite) as require_held:
        found, rejections, absent = find(folder_in(dataset.folder))
        from data_prep.generate import generate as run  # loads Beam

        progress = ShardProgress(dataset.layout)
        shards = sum(1 for _ in lay_out(data_config))
        with watching("Shards", shards, progress.finished, progress.describe):
            info = run(
                found,
                output,
                data_config,
                rejections=rejections,
                absent=absent,
                beam_args=beam_options,
                workers=workers,
                overwrite=overwrite,
                require_held=require_held,
                report=partial(click.echo, err=True),
            )
    show_dataset(info, output)


@main.command()
@click.argument("records", type=PLACE)
@click.option(
    "--output", type=PLACE, metavar="DIR", required=True, help="Folder of sheets and MP4s."
)
@click.option(
    "--count", type=Whole(1, 1_000), default=4, show_default=True, help="Records of each split."
)
@click.option("--config", type=PLACE, metavar="YAML", help="Settings, if they are not found.")
def inspect(records: str, output: str, count: int, config: str | None) -> None:
    """Write a contact sheet and a playable MP4 for a few records.

    RECORDS is a TFRecord file, a folder of them, or the output of `generate`.
    """
    clip = _data_config(config, {}).clip if config else None
    require_folder_output(output)
    from data_prep.records.contact_sheet import inspect as run  # loads TensorFlow

    for path in run(records, output, count=count, clip=clip):
        click.echo(path)


@main.command()
@click.argument("dataset", type=PLACE)
@click.option(
    "--workers",
    type=Whole(1, MAX_WORKERS),
    default=1,
    show_default=True,
    help="Files of records that are read at the same time.",
)
def validate(dataset: str, workers: int) -> None:
    """Check that a data set is complete and undamaged: every record, and what describes it.

    DATASET is the output of `generate`, or the Examples artifact of the pipeline's MixtureGen.
    Each problem is a line; the exit code is 1 if there is one.
    """
    from data_prep.records.validation import validate as run

    found = run(storage.absolute(dataset), workers=workers)
    for problem in found.problems[:_SHOWN_PROBLEMS]:
        click.echo(printable(problem))
    if found.problems:
        count, word = len(found.problems), "problem" if len(found.problems) == 1 else "problems"
        more = f"; the first {_SHOWN_PROBLEMS} are shown" if count > _SHOWN_PROBLEMS else ""
        raise UserError(f"{dataset}: must be whole and consistent, got {count} {word}{more}")
    click.echo(f"{found.mixtures} mixtures in {found.files} files are as {dataset} describes them")


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


def _examine(
    videos: str,
    annotations: tuple[str, ...],
    decode: bool,
    beam_options: tuple[str, ...],
    workers: int,
    *,
    folder: str | None,
    kept: str | None = None,
    fresh: bool = False,
) -> tuple[Listing, Sequence[Video], list[kinetics.Rejection]]:
    """Find and open the videos of a folder, and report what is odd about it."""
    listing = kinetics.find_videos(videos, annotations)
    for note in listing.notes:
        click.echo(note, err=True)
    found, rejections = examination.examine_all(
        listing,
        beam_options,
        workers=workers,
        decode=decode,
        folder=folder,
        kept=kept,
        fresh=fresh,
        report=partial(click.echo, err=True),
    )
    return listing, found, rejections


def _check_beam(options: tuple[str, ...], workers: int) -> None:
    """Refuse options that are neither ours nor Beam's as click refuses all others."""
    if not options:
        return
    from data_prep.beam_options import OptionError, pipeline_options  # loads Beam

    try:
        pipeline_options(options, workers=workers)
    except OptionError as error:
        raise click.UsageError(str(error)) from error


def _data_config(config: str | None, overrides: dict[str, int | None]) -> DataConfig:
    mapping = read_yaml(config) if config else {}
    if isinstance(mapping, dict):
        mapping |= {key: value for key, value in overrides.items() if value is not None}
    return load(DataConfig, mapping, config or "settings")
