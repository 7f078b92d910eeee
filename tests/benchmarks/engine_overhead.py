"""CPU and wall seconds of `generate` on engines, beside one process of Beam's DirectRunner.

python tests/benchmarks/engine_overhead.py MANIFEST [--mixtures 384]

Each engine first makes two mixtures, so that what starting takes can be left out; its servers run
before the clock does. CPU seconds are those of the whole machine, so nothing else may run. Prints a
Markdown table.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parent.parent / "engines"))
from clusters import Engine, dask_cluster, run
from killed_engines import portable


@contextmanager
def direct(folder: Path, workers: int) -> Iterator[Engine]:
    """Give Beam's DirectRunner."""
    yield Engine(["--workers", str(workers)])


ENGINES = {
    "DirectRunner": lambda folder: direct(folder, 1),
    "DirectRunner, 2 workers": lambda folder: direct(folder, 2),
    "Beam's job service, EXTERNAL pool": portable,
    "Dask, 2 workers": dask_cluster,
}


def cpu_seconds() -> float:
    """Return the seconds that the processors of this machine have worked."""
    user, nice, system = map(int, Path("/proc/stat").read_text().split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def spent(words: list[str], output: Path) -> tuple[float, float]:
    """Return the CPU and wall seconds of a command."""
    shutil.rmtree(output, ignore_errors=True)
    before, start = cpu_seconds(), time.perf_counter()
    run([*words, "--output", str(output)])
    return cpu_seconds() - before, time.perf_counter() - start


@click.command()
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, resolve_path=True))
@click.option("--mixtures", default=384, show_default=True)
def main(manifest: str, mixtures: int) -> None:
    """Run the engines one after the other."""
    click.echo("| engine | start: CPU, wall | mixtures: CPU, wall | CPU to one process |")
    click.echo("| --- | --- | --- | --- |")
    alone = 0.0
    for name, engine in ENGINES.items():
        with tempfile.TemporaryDirectory() as folder, engine(Path(folder)) as running:
            words = ["generate", "--manifest", manifest, "--eval-mixtures", "2", *running.options]
            few, all_ = (
                spent([*words, "--train-mixtures", str(count)], Path(folder, "mixtures"))
                for count in (2, mixtures)
            )
        cpu, wall = all_[0] - few[0], all_[1] - few[1]
        alone = alone or cpu
        figures = f"{few[0]:.1f}, {few[1]:.1f} s | {cpu:.1f}, {wall:.1f} s | {cpu / alone:.2f}"
        click.echo(f"| {name} | {figures} |")


if __name__ == "__main__":
    main()
