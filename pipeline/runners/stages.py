"""What the local run is doing: a line a stage, with its time."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def telling_stages(names: list[str]) -> Iterator[dict[str, float]]:
    """Say which stage is running for as long as the context lasts, and keep the seconds.

    It goes by TFX's launcher, which every stage passes; TFX's log, which says the same, is cut off
    by what libraries do to logging while a model is trained.

    Args:
        names: the stages, in order.

    Yields:
        Stage -> seconds, of the stages that ended.
    """
    from absl import logging as absl_logging
    from tfx.orchestration.portable.launcher import Launcher

    absl_logging.use_absl_handler()
    absl_logging.get_absl_handler().setLevel(logging.ERROR)
    seconds: dict[str, float] = {}
    launch = Launcher.launch

    def told(self):
        name = self._pipeline_node.node_info.id
        click.echo(f"[{names.index(name) + 1}/{len(names)}] {name} ...", err=True)
        started = time.monotonic()
        result = launch(self)
        seconds[name] = time.monotonic() - started
        click.echo(f"    {name}: {seconds[name]:.1f} s", err=True)
        return result

    Launcher.launch = told
    try:
        yield seconds
    finally:
        Launcher.launch = launch
