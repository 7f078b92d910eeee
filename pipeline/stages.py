"""What the local run is doing: a line a stage, with its time."""

import logging
import time

import click

_RUNNING = "Component %s is running."
_FINISHED = "Component %s is finished."


class Stages(logging.Handler):
    """Hears TFX's runner start and end its stages, says so, and keeps the seconds.

    Attributes:
        seconds: stage -> seconds, of the stages that ended.
        current: the stage that is running, or None.
    """

    def __init__(self, names: list[str]):
        """Construct the handler for the stages of these names, in order."""
        super().__init__(logging.INFO)
        self.seconds: dict[str, float] = {}
        self.current: str | None = None
        self._names = names
        self._started = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Handle a line of TFX's log."""
        if record.msg == _RUNNING:
            [self.current] = record.args
            self._started = time.monotonic()
            number = self._names.index(self.current) + 1
            click.echo(f"[{number}/{len(self._names)}] {self.current} ...", err=True)
        elif record.msg == _FINISHED:
            [name] = record.args
            self.seconds[name] = time.monotonic() - self._started
            self.current = None
            click.echo(f"    {name}: {self.seconds[name]:.1f} s", err=True)

    def listen(self) -> "Stages":
        """Listen to TFX's log, and keep all but errors off the screen."""
        from absl import logging as absl_logging

        absl_logging.use_absl_handler()
        absl_logging.get_absl_handler().setLevel(logging.ERROR)
        logger = absl_logging.get_absl_logger()
        logger.setLevel(logging.INFO)
        logger.addHandler(self)
        logging.getLogger().setLevel(logging.ERROR)
        return self

    def ignore(self) -> None:
        """Listen no longer."""
        from absl import logging as absl_logging

        absl_logging.get_absl_logger().removeHandler(self)
