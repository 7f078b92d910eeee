"""Tables that the commands print about a data set."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click
from rich import filesize
from rich.console import Console
from rich.table import Table
from rich.text import Text

from data_prep import storage
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.records.info import DatasetInfo
from data_prep.sources.manifest import REJECTED

if TYPE_CHECKING:
    from data_prep.run_cost import CostEstimate


def show_dataset(info: DatasetInfo, output: str) -> None:
    """Print the mixtures of a finished data set, by split."""
    shown = [name for name in MIXTURE_TYPES if info.settings.shares.get(name)]
    rows = []
    for name, split in info.splits.items():
        counts = [split.mixture_types.get(mixture_type, 0) for mixture_type in shown]
        rows.append((name, split.mixtures, *counts, len(split.dropped), split.videos))
    columns = ("split", "mixtures", *shown, "dropped", "videos")
    _print(f"Mixtures in {output}", columns, rows)
    click.echo(f"{info.files_not_used} files not used: {storage.join(output, REJECTED)}")


def show_estimate(estimate: "CostEstimate", output: str) -> None:
    """Print what a data set will cost."""
    rows = [
        ("videos", _by_split(estimate.videos), filesize.decimal(estimate.video_bytes)),
        ("mixtures", _by_split(estimate.mixtures), f"{estimate.seconds:.3f} s of one core each"),
        (
            "records",
            f"{estimate.shards:,} files",
            f"{filesize.decimal(round(estimate.record_bytes))} each, "
            f"{filesize.decimal(round(estimate.total_bytes))} in all"
            if estimate.record_bytes == estimate.record_bytes
            else "none of the sample could be made",
        ),
        ("work", f"{estimate.core_hours:,.3g} core hours", "without Beam's share"),
        ("Beam's graph", filesize.decimal(estimate.graph_bytes), "whatever the number of videos"),
    ]
    _print(f"Estimate of {output}; nothing is written", ("", "", ""), rows, right=False)
    if estimate.dropped:
        click.echo(f"{estimate.dropped} mixtures of the sample could not be made")


def _by_split(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {split}" for split, count in counts.items())


def _print(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: bool = True
) -> None:
    # Not markup, as a name may hold [brackets].
    table = Table(title=Text(title), title_justify="left", show_header=any(columns))
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if right and place else "left")
    for row in rows:
        table.add_row(*map(str, row))
    Console().print(table)
