"""Tables of estimates: what the page, the console and the study render.

Public names: `Row` with its `RowKind`, `Table`, `format_estimate(measure, estimate)` for one cell,
`markdown(table)` for the study, and `spoken(name)` for names of mixture types and features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from components.estimates import Estimate
from models.measures import Measure


class RowKind(Enum):
    """What a row is about; the values are the classes of a page's rows."""

    OWN = "own"
    """The model at hand."""

    BASELINE = "baseline"
    """What the model is compared with."""

    PUBLISHED = "published"
    """The papers' figures."""


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        label: what was measured.
        estimates: name of a measure -> estimate; missing where nothing was measured.
        examples: number of examples behind the estimates; 0 if unknown.
        kind: what the estimates are about.
    """

    label: str
    estimates: Mapping[str, Estimate]
    examples: int = 0
    kind: RowKind = RowKind.OWN


@dataclass(frozen=True)
class Table:
    """A table with one column per measure.

    Attributes:
        caption: what the table shows.
        measures: the columns. A column may also be a measure under another name and title, for
            example one column per mixture type.
        rows: the lines.
        head: heading of the first column, the rows' labels.
        note: how to read it, in a sentence; empty if that is plain.
    """

    caption: str
    measures: Sequence[Measure]
    rows: Sequence[Row]
    head: str = ""
    note: str = ""

    @property
    def counts_examples(self) -> bool:
        """Whether any row knows its number of examples."""
        return any(row.examples for row in self.rows)


def spoken(name: str) -> str:
    """Return a name from the code or the records as words: `class_pair` is "class pair"."""
    return name.replace("_", " ")


def format_estimate(measure: Measure, estimate: Estimate) -> str:
    """Write an estimate with its interval, for example `0.231 ±0.012`."""
    value = measure.format(estimate.value)
    if estimate.half_width is None:
        return value
    return f"{value} ±{measure.format(estimate.half_width)}"


def markdown(table: Table) -> str:
    """Write a table in Markdown, without its caption.

    Returns:
        The table's lines, each ending in a line break. Empty cells hold `-`.
    """
    lines = [[table.head, *(measure.title for measure in table.measures)]]
    lines.append(["---"] + ["---:"] * len(table.measures))
    for row in table.rows:
        found = [(measure, row.estimates.get(measure.name)) for measure in table.measures]
        lines.append([row.label, *("-" if e is None else format_estimate(m, e) for m, e in found)])
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    """Keep a text in its cell, whatever it holds."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
