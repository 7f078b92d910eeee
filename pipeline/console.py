"""A run's summary on the terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from components.analyses.registry import get_analysis
from components.notes import describe
from components.tables import Row, Table, format_estimate, spoken
from models.measures import MEASURES
from models.systems import System, get_system
from pipeline.places import Places
from pipeline.run_summary import RunSummary


def show(summary: RunSummary, places: Places, *, seconds: float) -> None:
    """Print a run's summary: its tables, the verdict, and where everything is.

    Args:
        summary: the run's.
        places: paths of the run.
        seconds: the time that it took.
    """
    console = _console()
    table = metrics_table(summary)
    console.print(_layout(table))
    console.print(f"{describe(table.measures)} ± is half a 95 % interval.", style="dim")
    for name, results in summary.analyses.items():
        for found in get_analysis(name).tables(results):
            console.print(_layout(found))
    _print_verdict(summary, console)
    if summary.cached:
        console.print(f"Served from the cache: {', '.join(summary.cached)}")
    _print_paths(summary, places, console)
    console.print(f"{seconds:.0f} s in total")


def metrics_table(summary: RunSummary) -> Table:
    """Return the chief metrics of a run, one row per mixture type."""
    system = get_system(summary.system)
    return Table(
        caption=f"{system.title} on held-out mixtures",
        head="mixture type",
        measures=[MEASURES[name] for name in MEASURES if name in _shown(system)],
        rows=[
            Row(spoken(name), metrics.estimates, metrics.examples)
            for name, metrics in summary.metrics.items()
        ],
    )


def _shown(system: System) -> set[str]:
    """Return the names of a system's chief measures, and of the parts of those that are ratios."""
    chief = [measure for measure in system.measures if measure.chief]
    parts = {part for measure in chief for part in measure.ratio_of or ()}
    return {measure.name for measure in chief} | parts


def _layout(table: Table) -> RichTable:
    """Lay a table out for the terminal."""
    shown = RichTable(title=table.caption, title_justify="left")
    shown.add_column(table.head)
    for measure in table.measures:
        shown.add_column(measure.title, justify="right")
    if table.counts_examples:
        shown.add_column("mixtures", justify="right")
    for row in table.rows:
        found = [(measure, row.estimates.get(measure.name)) for measure in table.measures]
        cells = [format_estimate(measure, own) if own else "-" for measure, own in found]
        count = [str(row.examples or "-")] if table.counts_examples else []
        shown.add_row(escape(row.label), *cells, *count)
    return shown


def _print_verdict(summary: RunSummary, console: Console) -> None:
    if summary.blessed:
        console.print("[green]Blessed:[/] the model reaches every threshold.")
        if summary.reasons:
            console.print(f"It was not pushed: {escape('; '.join(summary.reasons))}.")
        return
    console.print("[red]Not blessed[/], so nothing was pushed:")
    for reason in summary.reasons:
        console.print(f"  {escape(reason)}")


def _print_paths(summary: RunSummary, places: Places, console: Console) -> None:
    artifacts = summary.artifacts
    paths = {
        "report": artifacts.report,
        "pushed model": summary.pushed or "-",
        "model": artifacts.model,
        "mixtures": artifacts.mixtures,
        "TensorBoard": artifacts.logs,
        "evaluation": artifacts.evaluation,
        "summary": str(places.summary),
    }
    for name, path in paths.items():
        console.print(f"  {name:<13}{path}", highlight=False, soft_wrap=True, markup=False)


def _console() -> Console:
    """Return a console that keeps tables whole where the output is not a terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=120)
