"""Runs and schedules on the terminal."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from data_prep.results import Results
from pipeline.cloud.run_status import CloudState, RunStatus, ScheduleStatus, StageStatus

_COLORS = {
    CloudState.SUCCEEDED: "green",
    CloudState.RUNNING: "cyan",
    CloudState.FAILED: "red",
    CloudState.CANCELING: "yellow",
    CloudState.CANCELED: "yellow",
}
_NOTHING = "-"


def show_run(run: RunStatus) -> None:
    """Print a run, its stages, and why it failed."""
    console = _console()
    _print_line(console, f"{run.name} {run.state}, submitted {_time(run.created)} UTC", run.state)
    _print_line(console, run.id)
    _print_line(console, run.url)
    if run.stages:
        rows = [(s.name, s.state, _time(s.started), _duration(s)) for s in run.stages]
        console.print(_table(("stage", "state", "started (UTC)", "duration"), rows))
    for stage in run.stages:
        if stage.message:
            _print_line(console, f"{stage.name}: {stage.message}", stage.state)
    if run.message:
        _print_line(console, run.message, run.state)


def show_runs(runs: Iterable[RunStatus]) -> None:
    """Print a table of runs."""
    rows = [(run.id, run.state, _time(run.created), _time(run.ended)) for run in runs]
    _console().print(_table(("run", "state", "submitted (UTC)", "ended"), rows))


def show_schedules(schedules: Iterable[ScheduleStatus]) -> None:
    """Print a table of schedules."""
    rows = [
        (each.name, each.cron, "active" if each.active else "paused", _time(each.next_run))
        for each in schedules
    ]
    _console().print(_table(("schedule", "cron", "state", "next run (UTC)"), rows))


def as_json(results: Iterable[Results]) -> str:
    """Return results as a JSON list."""
    return json.dumps([result.model_dump(mode="json") for result in results], indent=2)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table()
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(_text(cell, cell) for cell in row))
    return table


def _print_line(console: Console, line: str, state: CloudState | None = None) -> None:
    console.print(_text(line, state), soft_wrap=True)


def _text(words: str, state: str | None) -> Text:
    """Return words in the color of a state.

    They are a platform's: what is in them must be read neither as markup nor by the terminal.
    """
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in words)
    return Text(shown, style=_COLORS.get(state, "") if isinstance(state, CloudState) else "")


def _time(time: datetime | None) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if time else _NOTHING


def _duration(stage: StageStatus) -> str:
    if not stage.started or not stage.ended:
        return _NOTHING
    return str(stage.ended - stage.started).partition(".")[0]


def _console() -> Console:
    """Return a console that keeps tables whole where the output is not a terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=160)
