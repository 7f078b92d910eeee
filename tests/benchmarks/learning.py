"""Compare what two checkouts learn in the same CPU time: held-out loss against CPU seconds.

python tests/benchmarks/learning.py RECORDS --before CHECKOUT [--system c2] [--seconds 120]

RECORDS is a folder that `python -m data_prep generate` wrote. Each checkout trains a system in a
process with its own packages, presets and pipeline configuration. The two take turns, so that the
machine's load weighs on both alike. The number of steps follows from the CPU seconds of the first
ones, so that the learning rate's schedule ends with the budget. Loading, the first step of a run,
which traces it, and evaluation do not count. Prints a Markdown table per system.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
from training_by_turns import END, SHARES, Results

ROOT = Path(__file__).parents[2]
TRAINING = Path(__file__).with_name("training_by_turns.py")

folder_type = click.Path(exists=True, file_okay=False, path_type=Path, resolve_path=True)


@click.command()
@click.argument("records", type=folder_type)
@click.option("--system", "systems", multiple=True, default=("c2", "centrifuge"), show_default=True)
@click.option("--seconds", type=click.FloatRange(1), default=120, help="CPU seconds of each run.")
@click.option("--before", type=folder_type, help="Checkout of another version.")
@click.option("--config", default="tables", show_default=True, help="Pipeline configuration.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting.")
@click.option("--set-now", multiple=True, metavar="KEY=VALUE", help="The same, without --before's.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def main(
    records: Path,
    systems: Sequence[str],
    seconds: float,
    before: Path | None,
    config: str,
    overrides: Sequence[str],
    set_now: Sequence[str],
    seed: int,
) -> None:
    """Train systems in two checkouts by turns, and print the held-out losses side by side."""
    checkouts = {"before": before, "now": ROOT} if before else {"now": ROOT}
    further = {"before": (), "now": set_now}
    for system in systems:
        jobs = {
            name: {
                "checkout": str(checkout),
                "records": str(records),
                "config": config,
                "settings": [
                    f"model.system={system}",
                    f"train.seed={seed}",
                    *overrides,
                    *further[name],
                ],
                "seconds": seconds,
            }
            for name, checkout in checkouts.items()
        }
        report(system, train_by_turns(jobs))


def train_by_turns(jobs: dict[str, dict[str, Any]]) -> dict[str, Results]:
    """Do each job in a process, of which only one works at a time."""
    results: dict[str, Results] = {}
    with ExitStack() as stack:
        waiting = {name: stack.enter_context(start(job)) for name, job in jobs.items()}
        while waiting:
            for name, process in list(waiting.items()):
                message = take_turn(process)
                if "error" in message:
                    raise click.ClickException(f"{name}: {message['error']}")
                if message:
                    results[name] = message
                    del waiting[name]
    return {name: results[name] for name in jobs}


@contextmanager
def start(job: dict[str, Any]) -> Iterator[subprocess.Popen]:
    """Start a process with the packages of a job's checkout; it is killed in the end."""
    path = os.pathsep.join(filter(None, [job["checkout"], os.environ.get("PYTHONPATH")]))
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, TRAINING, json.dumps({**job, "folder": folder})],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def take_turn(process: subprocess.Popen) -> Results:
    """Let a process work for a turn; return its results, empty until it has them."""
    assert process.stdin and process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline() or '{"error": "the process ended by itself"}')


def report(system: str, results: dict[str, Results]) -> None:
    """Print the table of a system: a column per checkout."""
    columns = list(results.values())
    identities = [column["identity"] for column in columns]
    check_equal(identities)
    rows = {
        "steps": [str(column["steps"]) for column in columns],
        "CPU ms per step": [f"{1000 * column['cpu_per_step']:.0f}" for column in columns],
        "wall ms per step": [f"{1000 * column['wall_per_step']:.0f}" for column in columns],
        "CPU seconds": [f"{column['cpu']:.1f}" for column in columns],
    }
    for share in (*SHARES, END):
        losses = [column["losses"].get(str(share), {}) for column in columns]
        rows[f"loss after {share:.0%} of the CPU seconds"] = list(map(shown, losses))
    rows["loss of Identity"] = list(map(shown, identities))
    click.echo(f"\n| `{system}`, held out: {', '.join(identities[0])} | {' | '.join(results)} |")
    click.echo(f"|{' --- |' * (1 + len(results))}")
    for name, cells in rows.items():
        click.echo(f"| {name} | {' | '.join(cells)} |")


def check_equal(identities: Sequence[dict[str, float]]) -> None:
    """Check that all checkouts have read the same mixtures and measure the same loss."""
    first = identities[0]
    for other in identities[1:]:
        same = first.keys() == other.keys()
        if not same or any(abs(first[kind] - other[kind]) > 1e-4 for kind in first):
            raise click.ClickException(
                f"held-out mixtures: must have one Identity loss, got {first} and {other}"
            )


def shown(losses: dict[str, float]) -> str:
    """Return the losses of the mixture types, or a dash if there are none."""
    return " / ".join(f"{loss:.3f}" for loss in losses.values()) or "-"


if __name__ == "__main__":
    main()
