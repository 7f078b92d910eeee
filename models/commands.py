"""Command line: the cost and the speed of the systems, and the Identity baseline.

python -m models summary|benchmark|identity --help
"""

import importlib.util
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from data_prep.cli import Commands, prepare_libraries
from data_prep.errors import UserError
from data_prep.options import PLACE, Whole, seed_option
from models.config import MAX_BATCH, ModelConfig
from models.measures import half_width
from models.precision import PRECISIONS, prepare
from models.presets import Preset, get_preset
from models.systems import SYSTEMS, get_system

if TYPE_CHECKING:
    from models.tools.benchmark import Timing
    from models.tools.cost import Cost

BACKENDS = ("tensorflow", "jax", "torch")

preset_option = click.option(
    "--preset", "preset_name", default="tiny", show_default=True, help="Name of a preset."
)


@click.group(cls=Commands)
def main() -> None:
    """Summarize and time the systems, under the backend that KERAS_BACKEND names."""
    prepare_libraries()


@main.command()
@preset_option
@click.option("--system", help="Name of one system; all by default.")
def summary(preset_name: str, system: str | None) -> None:
    """Print parameters, operations, memory and output shapes."""
    _check_backend()
    preset = get_preset(preset_name)
    systems = list(SYSTEMS.values()) if system is None else [get_system(system)]
    from models.tools.cost import cost_of

    _show_costs([cost_of(each, preset) for each in systems], preset_name, preset)


@main.command()
@preset_option
@click.option("--system", default="c2", show_default=True, help="Name of a system.")
@click.option("--batch", type=Whole(1, MAX_BATCH), help="Clips per batch. [default: the preset's]")
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="float32",
    show_default=True,
    help="Keras's dtype policy.",
)
@click.option(
    "--steps", type=Whole(1, 1_000_000), default=10, show_default=True, help="Batches to time."
)
def benchmark(preset_name: str, system: str, batch: int | None, precision: str, steps: int) -> None:
    """Time a training step and inference on synthetic clips."""
    backend = _check_backend()
    prepare(precision)
    get_system(system)
    batch = batch or get_preset(preset_name).batch
    config = ModelConfig(system=system, preset=preset_name)
    from models.tools import benchmark as tool

    timings = tool.benchmark(config, batch=batch, precision=precision, steps=steps)
    _show_timings(timings, f"{system} at {preset_name}: batch {batch}, {precision}, {backend}")
    rate = tool.matrix_rate(precision)
    click.echo(f"matrix product, for comparison: {rate / 1e9:.0f} GFLOP/s")
    for place, peak in tool.peak_memory().items():
        click.echo(f"peak memory of the {place}: {peak / 1e9:.2f} GB")


@main.command()
@click.option("--videos", type=PLACE, metavar="DIR", required=True, help="Folder of videos.")
@click.option("--pairs", type=Whole(2, 1_000_000), default=60, show_default=True)
@seed_option
def identity(videos: str, pairs: int, seed: int) -> None:
    """Measure the Identity baseline on a folder's videos, at the papers' clip shape.

    On natural video the loss on transparencies must be near the published 0.364. The loss on
    occlusions of the same pairs is never below it.
    """
    from data_prep.config import DataConfig
    from data_prep.sources import examination, kinetics

    # Not decoded: only the middle of each video is used, and a damaged one is left out then.
    found, rejections = examination.examine_all(kinetics.find_videos(videos), decode=False)
    if len(found) < 2:
        reasons = kinetics.first_reasons(rejections)
        raise UserError(f"{videos}: must hold at least 2 usable videos, got {len(found)}{reasons}")
    from models.tools.identity import identity_losses

    for name, values in identity_losses(found, DataConfig(seed=seed), pairs).items():
        half = half_width(values.var(ddof=1), len(values))
        click.echo(f"{name:<13}{values.mean():.3f} ±{half:.3f}  ({len(values)} pairs)")


def _check_backend() -> str:
    """Return Keras's backend, checked before Keras fails on an unknown one."""
    name = os.environ.get("KERAS_BACKEND", BACKENDS[0])
    installed = [backend for backend in BACKENDS if importlib.util.find_spec(backend)]
    if name not in installed:
        raise UserError(
            f"KERAS_BACKEND: must be an installed backend, one of {', '.join(installed)}, got "
            f"{name!r}"
        )
    # Keras's own settings file does not count: it is not part of this project.
    os.environ["KERAS_BACKEND"] = name
    return name


def _show_costs(costs: "Sequence[Cost]", preset_name: str, preset: Preset) -> None:
    clip = preset.clip
    has_published = preset_name == "paper"
    columns = ["system", "parameters\nmillion"]
    columns += ["published\nmillion"] * has_published
    columns += ["forward\nGFLOPs per clip", "activations\nMB per clip"]
    rows = []
    for cost in costs:
        row = [cost.system.name, f"{cost.parameters / 1e6:.2f}"]
        if has_published:
            row.append(_published(cost))
        rows.append([*row, f"{cost.flops / 1e9:.2f}", f"{cost.activations / 1e6:.1f}"])
    size = f"{clip.frames} frames of {clip.height}x{clip.width}"
    _show_table(f"Systems at {preset_name}: {size}", columns, rows)
    rows = [
        [cost.system.name, name, ", ".join("x".join(map(str, shape)) for shape in shapes)]
        for cost in costs
        for name, shapes in cost.outputs.items()
    ]
    _show_table("Outputs", ["system", "output", "shape"], rows)


def _published(cost: "Cost") -> str:
    published = cost.system.published.parameters
    if published is None:
        return ""
    return f"{published:.1f} ({cost.parameters / published / 1e4 - 100:+.1f} %)"


def _show_timings(timings: "Sequence[Timing]", title: str) -> None:
    columns = ["", "ms per batch (median)", "clips/s", "GFLOP/s"]
    rows = [
        [item.name, f"{1e3 * item.seconds:.1f}", f"{item.clips:.2f}", f"{item.flops / 1e9:.1f}"]
        for item in timings
    ]
    _show_table(title, columns, rows)


def _show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in columns:
        is_text = column in ("", "system", "output", "shape")
        table.add_column(column, justify="left" if is_text else "right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
