"""A section of a page, made of plain values."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from components.tables import Table


@dataclass(frozen=True)
class Section:
    """A section with figures and tables.

    Attributes:
        title: its heading.
        about: what was measured and how, in sentences.
        figures: SVG elements, see `components.html.figures`.
        tables: shown one below the other.
        notes: what the figures leave out, and why; one paragraph each.
    """

    title: str
    about: str
    figures: Sequence[Markup]
    tables: Sequence[Table]
    notes: Sequence[str] = ()
