"""Lists of any length: a page shows the beginning, and a CSV beside it holds the whole.

Public names: `LongList`, `SHOWN`, and `in_one_list(tables, file)`.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from components.tables import Row, Table
from models.measures import Measure

SHOWN = 20
"""Rows of a long list or table that a page shows."""

Cell = str | int | float | None


@dataclass(frozen=True)
class LongList:
    """A list with columns.

    Attributes:
        title: what is listed, in the plural.
        file: name of the CSV.
        heads: names of the columns.
        rows: all rows.
    """

    title: str
    file: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    @property
    def is_cut(self) -> bool:
        """Whether a page shows a part of it."""
        return len(self.rows) > SHOWN

    def csv(self) -> str:
        """Return the whole list as CSV; bytes of a name that are no UTF-8 are escaped."""
        text = io.StringIO()
        # Quoted, so that a reader keeps line breaks of every kind.
        writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(self.heads)
        writer.writerows([["" if cell is None else cell for cell in row] for row in self.rows])
        return text.getvalue().encode(errors="backslashreplace").decode()


def in_one_list(tables: Sequence[Table], title: str, file: str) -> LongList:
    """Put tables with the same measures below each other.

    Args:
        tables: their heads become the first column.
        title: what is listed, in the plural.
        file: name of the CSV.
    """
    measures = tables[0].measures if tables else ()
    halves = [(measure.name, f"{measure.name} ±") for measure in measures]
    return LongList(
        title=title,
        file=file,
        heads=["feature", "value", "mixtures", *(name for pair in halves for name in pair)],
        rows=[
            [table.head, row.label, row.examples, *_figures(row, measures)]
            for table in tables
            for row in table.rows
        ],
    )


def _figures(row: Row, measures: Sequence[Measure]) -> Iterator[float | None]:
    for measure in measures:
        estimate = row.estimates.get(measure.name)
        yield estimate.value if estimate else None
        yield estimate.half_width if estimate else None
