"""The commands `python -m serving mix` and `python -m serving compare`."""

import os
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from statistics import fmean

import click
from rich.console import Console
from rich.table import Table

from data_prep import storage
from data_prep.errors import UserError
from data_prep.mixing.mix_videos import mix_videos
from data_prep.mixing.mixture_options import mixture_type_option
from data_prep.options import LOCAL_PLACE, PLACE, Real, seed_option

_MEASURES = ("loss", "PSNR (dB)", "SSIM", "flicker")


@click.command()
@click.argument("first", type=PLACE)
@click.argument("second", type=PLACE)
@click.option("--output", type=PLACE, metavar="MP4", required=True, help="The mixture.")
@mixture_type_option
@click.option(
    "--seconds", type=Real(0.1, 100_000), default=60.0, show_default=True, help="Maximum length."
)
@seed_option
def mix(first: str, second: str, output: str, mixture_type: str, seconds: float, seed: int) -> None:
    """Mix two videos into one that shows both, at the size and rate of FIRST and with its audio.

    The two videos as they are in the mixture are kept beside it, in the folder NAME_truth, for
    `compare`.
    """
    name, _ = os.path.splitext(output)  # noqa: PTH122  (a URI is no Path)
    folder = f"{name}_truth"
    truth = [storage.join(folder, f"truth_{number}.mp4") for number in (1, 2)]
    written = mix_videos(
        first,
        second,
        output,
        mixture_type=mixture_type,
        seconds=seconds,
        size=None,
        seed=seed,
        truth=truth,
    )
    click.echo(f"{written:.2f} s of {first} and {second} in {output}, the truth in {folder}")


@click.command()
@click.argument("outputs", type=LOCAL_PLACE)
@click.option(
    "--truth", type=LOCAL_PLACE, required=True, help="Folder of the videos that were mixed."
)
@click.option(
    "--mixture", type=LOCAL_PLACE, help="The mixture, to be scored as each of the outputs too."
)
def compare(outputs: Path, truth: Path, mixture: Path | None) -> None:
    """Score the separated videos in the folder OUTPUTS against the true ones.

    OUTPUTS may also be the results of another tool: videos, or folders of images. Each true video
    is compared with one of them, as the lowest loss over the whole length assigns them.
    """
    # SciPy and scikit-image take a while to load, and the arguments are checked without them.
    from serving.comparison.compare import compare as run
    from serving.comparison.compare import score_alike
    from serving.comparison.frame_sequences import FrameSequence, find_sequences

    videos, known = find_sequences(outputs), find_sequences(truth)
    if mixture is not None and not mixture.is_file():
        raise UserError(f"--mixture: must be a file, got {mixture}")
    found = run(videos, known)
    table = Table(title=f"{outputs} against {truth}", title_justify="left")
    table.add_column("video")
    table.add_column("truth")
    for measure in _MEASURES:
        table.add_column(measure, justify="right")
    rows = [astuple(scores) for scores in found.scores]
    for names, row in zip(found.names, rows, strict=True):
        table.add_row(*names, *_cells(row))
    table.add_row("sum of losses, means", "", *_cells(_total(rows)))
    if mixture is not None:
        rows = [astuple(scores) for scores in score_alike(FrameSequence(mixture), known)]
        table.add_row("the mixture (Identity)", "", *_cells(_total(rows)))
    Console().print(table)
    click.echo(_identity(found.seconds, found.switched))


def _cells(row: Sequence[float]) -> list[str]:
    return [f"{value:.{digits}f}" for value, digits in zip(row, (3, 2, 3, 2), strict=True)]


def _total(rows: Sequence[Sequence[float]]) -> list[float]:
    losses, *others = zip(*rows, strict=True)
    return [sum(losses), *map(fmean, others)]


def _identity(seconds: int, switched: Sequence[int]) -> str:
    if not switched:
        return f"Each video shows the same true one in all {seconds} seconds."
    first = ", ".join(map(str, switched[:5])) + (", ..." if len(switched) > 5 else "")
    return f"The videos change places in {len(switched)} of {seconds} seconds: {first}."
