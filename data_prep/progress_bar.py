"""Progress bar on a terminal, whichever processes do the work."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from data_prep.errors import StorageError

Item = TypeVar("Item")


@contextmanager
def watching(
    title: str, total: int, count: Callable[[], int], describe: Callable[[], str] = lambda: ""
) -> Iterator[None]:
    """Show a bar on stderr while the context lasts; nothing if stderr is not a terminal.

    A context that ends without an error has done everything.

    Args:
        title: what is being done.
        total: how many there are to do.
        count: returns how many are done so far; called once a second.
        describe: returns what they are, after each count.
    """
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[found]}", markup=False),
        console=console,
    )
    if not console.is_terminal:
        yield
        return
    with bar:
        task = bar.add_task(title, total=total, found="")
        done = threading.Event()

        def poll() -> None:
            while not done.wait(1.0):
                with suppress(StorageError):  # the work itself reports what is wrong
                    bar.update(task, completed=count(), found=describe())

        thread = threading.Thread(target=poll, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
        # `count` may look at files that are gone once everything is done.
        bar.update(task, completed=total)


def tracked(title: str, items: Iterable[Item], total: int) -> Iterator[Item]:
    """Yield items, and show how many of them are done; see `watching`.

    Args:
        title: what is being done.
        items: the items.
        total: how many there are.
    """
    done = 0
    with watching(title, total, lambda: done):
        for item in items:
            yield item
            done += 1
