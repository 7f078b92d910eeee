"""What a run came to, as a person reads it."""

from rich.console import Console
from rich.table import Table

from components.analyses.action_recognition import MIXED, PURE
from components.analyses.control_shift import SILENCE, STRANGER
from pipeline.runners.local import Places

SEPARATION = (
    ("loss", "loss", False),
    ("identity_loss", "Identity's", False),
    ("relative_loss", "ratio", False),
    ("control_accuracy", "right choice", True),
)
SEPARATION_NOTE = (
    "loss: l(V1, O) + l(V2, O) by the system's assignment, lower is better; Identity's outputs are "
    "the mixture itself; ± is half a 95 % interval. Right choice: the chosen output is nearer to "
    "the video that sounds; without control the choice is a coin flip."
)
CLASSIFICATION = (
    ("accuracy", "single videos", True),
    ("mixed_accuracy", "mixtures", True),
    ("cross_entropy", "cross-entropy", False),
)
CLASSIFICATION_NOTE = "Share of rightly named classes of V1; ± is half a 95 % interval."


def show(summary: dict, places: Places, *, seconds: float) -> None:
    """Print a run's summary: losses by mixture type, the verdict and where everything is."""
    console = _console()
    columns = (
        CLASSIFICATION if "accuracy" in next(iter(summary["metrics"].values())) else SEPARATION
    )
    table = Table(title=f"{summary['system']} on held-out mixtures", title_justify="left")
    table.add_column("mixture type")
    for _, title, _ in columns:
        table.add_column(title, justify="right")
    table.add_column("mixtures", justify="right")
    for mixture_type, metrics in summary["metrics"].items():
        cells = (with_interval(metrics, name, percent=percent) for name, _, percent in columns)
        table.add_row(mixture_type, *cells, f"{metrics['examples']:.0f}")
    console.print(table)
    console.print(
        CLASSIFICATION_NOTE if columns is CLASSIFICATION else SEPARATION_NOTE, style="dim"
    )
    if "action_accuracy" in summary:
        console.print(_actions(summary["action_accuracy"]["mixture_types"]))
    if "control_shift" in summary:
        console.print(_sounds(summary["control_shift"]))
    if summary["blessed"]:
        console.print("[green]Blessed:[/] the model keeps every threshold.")
    else:
        console.print("[red]Not blessed[/], so nothing was pushed:")
        for reason in summary["reasons"]:
            console.print(f"  {reason}")
    if summary["cached"]:
        console.print(f"Served from the cache: {', '.join(summary['cached'])}")
    where = {
        "report": summary["artifacts"]["report"],
        "pushed model": summary["pushed"] or "-",
        "model": summary["artifacts"]["model"],
        "mixtures": summary["artifacts"]["mixtures"],
        "TensorBoard": summary["artifacts"]["logs"],
        "evaluation": summary["artifacts"]["evaluation"],
        "summary": str(places.summary),
    }
    for name, path in where.items():
        console.print(f"  {name:<13}{path}", highlight=False, soft_wrap=True)
    console.print(f"{seconds:.0f} s in all")


def _actions(kinds: dict) -> Table:
    """Lay out how well actions are recognised in what."""
    table = Table(title="actions recognised, of V1 and of V2", title_justify="left")
    table.add_column("in")
    inputs = dict.fromkeys(name for found in kinds.values() for name in found["inputs"])
    for kind in kinds:
        table.add_column(kind, justify="right")
    for name in inputs:
        cells = (found["inputs"][name] for found in kinds.values())
        row = (with_interval(cell, "accuracy", percent=True) for cell in cells)
        table.add_row({PURE: "single videos", MIXED: "mixtures"}.get(name, name), *row)
    return table


def _sounds(found: dict) -> Table:
    """Lay out how often the choice is right under other sounds."""
    table = Table(title="right choice, by control sound", title_justify="left")
    points = {f"V1's, {point['seconds']:+g} s": point for point in found["shifts"]}
    points |= {"a stranger's": found[STRANGER], "silence": found[SILENCE]}
    for name in ("sound", "right choice", "mixtures"):
        table.add_column(name, justify="left" if name == "sound" else "right")
    for name, point in points.items():
        if point["mixtures"]:
            right = with_interval(point, "control_accuracy", percent=True)
            table.add_row(name, right, str(point["mixtures"]))
    return table


def _console() -> Console:
    """A console that keeps tables whole where the output is no terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=120)


def with_interval(metrics: dict, name: str, *, percent: bool = False) -> str:
    """Say a metric with its interval, for example `0.231 ±0.012`."""
    value, half = metrics[name], metrics[f"{name}_interval"]
    return f"{value:.0%} ±{half:.0%}" if percent else f"{value:.3f} ±{half:.3f}"
