"""What the systems cost, and how fast they are.

python -m models summary|benchmark|identity --help
"""

import importlib.util
import os
from pathlib import Path

import click

from data_prep.cli import Commands, prepare_libraries
from models.precision import PRECISIONS, prepare

BACKENDS = ("tensorflow", "jax", "torch")

preset_option = click.option(
    "--preset", "preset_name", default="tiny", show_default=True, help="A preset's name."
)


@click.group(cls=Commands)
def main():
    """Summarise and time the systems, under the backend that KERAS_BACKEND names."""
    prepare_libraries()


@main.command()
@preset_option
@click.option("--system", help="One system, or i3d; by default all.")
def summary(preset_name, system):
    """Print parameters, operations, memory and output shapes."""
    _check_backend()
    from models.presets import get_preset

    preset = get_preset(preset_name)
    from models.systems import NAMES
    from models.tools.cost import summarise

    summaries = [summarise(name, preset) for name in ([system] if system else NAMES)]
    _show_summaries(summaries, preset_name, preset)


@main.command()
@preset_option
@click.option("--system", default="c2", show_default=True, help="A system's name, or i3d.")
@click.option("--batch", type=click.IntRange(1), help="Clips a batch. [default: the preset's]")
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="float32",
    show_default=True,
    help="Keras's dtype policy.",
)
@click.option(
    "--steps", type=click.IntRange(1), default=10, show_default=True, help="Batches to time."
)
def benchmark(preset_name, system, batch, precision, steps):
    """Time a training step and inference on synthetic clips."""
    backend = _check_backend()
    prepare(precision)
    from models.presets import get_preset

    preset = get_preset(preset_name)
    from models.tools import benchmark as bench

    batch = batch or preset.batch
    timings = bench.benchmark(system, preset, batch=batch, precision=precision, steps=steps)
    title = f"{system} at {preset_name}: batch {batch}, {precision}, {backend}"
    _show_timings(timings, title)
    rate = bench.matrix_rate(precision)
    click.echo(f"a product of matrices, for comparison: {rate / 1e9:.0f} GFLOP/s")
    for where, peak in bench.peak_memory().items():
        click.echo(f"peak memory of the {where}: {peak / 1e9:.2f} GB")


@main.command()
@click.option(
    "--videos",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of videos.",
)
@click.option("--pairs", type=click.IntRange(2), default=60, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def identity(videos, pairs, seed):
    """Measure the Identity baseline on a folder's videos, at the papers' clip shape.

    On natural video the loss on transparencies must be near the published 0.364; that of
    occlusions of the same pairs is never below it.
    """
    from data_prep.config import DataConfig
    from data_prep.sources import kinetics, manifest

    found, _ = manifest.build(kinetics.find_videos(videos))
    from models.tools.identity import identity_losses

    losses = identity_losses(found, DataConfig(seed=seed), pairs)
    for name in ("transparency", "occlusion"):
        values = getattr(losses, name)
        half = 1.96 * values.std(ddof=1) / len(values) ** 0.5
        click.echo(f"{name:<13}{values.mean():.3f} ±{half:.3f}  ({len(values)} pairs)")


def _check_backend() -> str:
    """Return Keras's backend; a wrong one is an error before Keras makes its own of it."""
    from data_prep.errors import UserError

    name = os.environ.get("KERAS_BACKEND", BACKENDS[0])
    installed = [backend for backend in BACKENDS if importlib.util.find_spec(backend)]
    if name not in installed:
        raise UserError(
            f"KERAS_BACKEND must be an installed backend: choose one of {', '.join(installed)}; "
            f"received {name!r}"
        )
    # What Keras's own file of settings says does not count: it is not part of this project.
    os.environ["KERAS_BACKEND"] = name
    return name


def _show_summaries(summaries, preset_name, preset) -> None:
    clip = preset.clip
    published = preset_name == "paper"
    columns = ["system", "parameters\nmillion", *["published\nmillion"] * published]
    columns += ["forward\nGFLOPs a clip", "activations\nMB a clip"]
    rows = []
    for item in summaries:
        row = [item.name, f"{item.parameters / 1e6:.2f}"]
        if published:
            row.append(_published(item))
        rows.append([*row, f"{item.flops / 1e9:.2f}", f"{item.activations / 1e6:.1f}"])
    size = f"{clip.frames} frames of {clip.height}x{clip.width}"
    _show_table(f"Systems at {preset_name}: {size}", columns, rows)
    rows = [
        [item.name, name, ", ".join("x".join(map(str, shape)) for shape in shapes)]
        for item in summaries
        for name, shapes in item.outputs.items()
    ]
    _show_table("What they return", ["system", "output", "shape"], rows)


def _published(item) -> str:
    if item.published is None:
        return ""
    return f"{item.published:.1f} ({item.parameters / item.published / 1e4 - 100:+.1f} %)"


def _show_timings(timings, title) -> None:
    columns = ["", "ms a batch (median)", "clips/s", "GFLOP/s"]
    rows = [
        [item.name, f"{1e3 * item.seconds:.1f}", f"{item.clips:.2f}", f"{item.flops / 1e9:.1f}"]
        for item in timings
    ]
    _show_table(title, columns, rows)


def _show_table(title, columns, rows) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in columns:
        left = column in ("", "system", "output", "shape")
        table.add_column(column, justify="left" if left else "right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main(prog_name="python -m models")
