"""A training's progress, on a terminal as a bar, elsewhere as a line now and then."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from models.training.fit import Progress

_SECONDS_BETWEEN_LINES = 20.0


@contextmanager
def training_progress() -> Iterator[Callable[[Progress], None]]:
    """Give a function that shows a training's progress on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (
        *(TextColumn("  training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()),
        TextColumn("{task.description}"),
    )
    last_line = time.monotonic()
    with Bar(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=None)

        def report(progress: Progress) -> None:
            nonlocal last_line
            text = describe(progress)
            bar.update(task, completed=progress.step, total=progress.steps, description=text)
            late = time.monotonic() - last_line > _SECONDS_BETWEEN_LINES
            if not console.is_terminal and (late or progress.step == progress.steps):
                last_line = time.monotonic()
                print(f"  step {progress.step}/{progress.steps}  {text}", file=sys.stderr)

        yield report


def describe(progress: Progress) -> str:
    """Say a progress in words."""
    scalars = progress.scalars
    parts = [f"loss {scalars.get('loss', scalars['objective']):.3f}"]
    for name in ("control_accuracy", "accuracy"):
        if name in scalars:
            parts.append(f"{name.replace('_', ' ')} {scalars[name]:.0%}")
    parts.append(f"{1000 * progress.seconds / progress.updates:.0f} ms a step")
    parts.append(f"{progress.waited / progress.seconds:.1%} waiting for input")
    return "  ".join(parts)
