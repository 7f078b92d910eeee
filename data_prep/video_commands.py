"""The command `index`, and what it shares with `generate`: the examination of a folder."""

from collections.abc import Sequence
from functools import partial

import click

from data_prep import storage
from data_prep.errors import UserError
from data_prep.options import PLACE, PREFIX, check_option, workers_option
from data_prep.sources import examination, kinetics, manifest
from data_prep.sources.examination_folder import folder_beside
from data_prep.sources.kinetics import Listing
from data_prep.sources.known_files import kept_beside
from data_prep.sources.videos import Video

BEAM = {"ignore_unknown_options": True}

annotations_option = click.option(
    "--annotations",
    type=PLACE,
    metavar="CSV",
    multiple=True,
    help="Kinetics' CSV; may be repeated. By default, CSVs in the folder or above it are found.",
)
beam_arguments = click.argument("beam_options", nargs=-1, type=click.UNPROCESSED)


@click.command(context_settings=BEAM)
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
    interrupted run. Further options are Beam's; with the runner of an engine, `--job-timeout HOURS`
    cancels a job that takes longer (24 by default).
    """
    manifest.check_outputs(output)
    check_beam(beam_options, workers)
    listing, found, rejections = examine(
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


def examine(
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
    """Find and open the videos of a folder, and report what is odd about it.

    Args:
        videos: the folder.
        annotations: Kinetics' CSVs; empty to look for them.
        decode: whether to decode every video completely.
        beam_options: options of Beam.
        workers: processes on this machine.
        folder: see `examination.examine_all`.
        kept: see there.
        fresh: see there.

    Returns:
        What the folder holds, its usable videos, and its rejected files.

    Raises:
        UserError: the folder does not hold what the annotations promise.
        StorageError: the storage failed.
    """
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


def check_beam(options: tuple[str, ...], workers: int) -> None:
    """Refuse options that are neither ours nor Beam's as click refuses all others.

    Raises:
        UsageError: Beam does not know an option, or its value.
        UserError: the runner cannot be had.
    """
    if not options:
        return
    from data_prep.beam_options import OptionError, pipeline_options  # loads Beam

    try:
        pipeline_options(options, workers=workers)
    except OptionError as error:
        raise click.UsageError(str(error)) from error
