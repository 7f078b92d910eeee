"""Progress on a terminal, whichever processes do the work."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def watching(title: str, total: int, count: Callable[[], int]) -> Iterator[None]:
    """Shows a bar on stderr while the context lasts; nothing where stderr is no terminal.

    A context that ends well has done all.

    Args:
        title: what is being done.
        total: how many there are to do.
        count: says how many are done so far; asked once a second.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        *(TimeElapsedColumn(), TimeRemainingColumn()),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)
        done = threading.Event()

        def poll():
            while not done.wait(1.0):
                bar.update(task, completed=count())

        thread = threading.Thread(target=poll, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
        # Not what `count` says: it may look at things that are gone once all is done.
        bar.update(task, completed=total)
