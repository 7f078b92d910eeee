"""Progress of a training run: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from models.measures import LOSS, MEASURES
from models.training.progress import Progress

_SECONDS_BETWEEN_LINES = 20.0


@contextmanager
def training_progress() -> Iterator[Callable[[Progress], None]]:
    """Yield a function that shows the progress of a training run on stderr.

    A run that is resumed, or starts from an exported model, says so first.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("  training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    last_line = time.monotonic()
    with Bar(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=None)

        def report(progress: Progress) -> None:
            nonlocal last_line
            bar.update(task, completed=progress.step, total=progress.steps)
            if not progress.scalars:
                begins = progress.started_from or f"resuming from step {progress.resumed_from}"
                console.print(f"  {begins}", markup=False, highlight=False, soft_wrap=True)
                return
            text = describe(progress)
            bar.update(task, description=text)
            late = time.monotonic() - last_line > _SECONDS_BETWEEN_LINES
            if not console.is_terminal and (late or progress.step == progress.steps):
                last_line = time.monotonic()
                print(f"  step {progress.step}/{progress.steps}  {text}", file=sys.stderr)

        yield report


def describe(progress: Progress) -> str:
    """Describe the progress in words."""
    scalars = progress.scalars
    parts = [f"loss {LOSS.format(scalars.get(LOSS.name, scalars['objective']))}"]
    parts += [
        f"{name.replace('_', ' ')} {measure.format(scalars[name])}"
        for name, measure in MEASURES.items()
        if measure.is_share and name in scalars
    ]
    parts.append(f"{1000 * progress.seconds_per_update:.0f} ms per step")
    parts.append(f"{progress.waiting_share:.1%} waiting for input")
    return "  ".join(parts)
