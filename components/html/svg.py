"""Matplotlib figures as SVG: inline elements in a page's own colors, and files.

Public names: `inline_svg(draw, alt)`, `save_figure(figure, path)`, the colors,
`percent_axis(axis)` and `legend_below(figure)`. Matplotlib is imported when something is drawn.
"""

import io
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from components.html.visible_text import visible
from data_prep import storage

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

OWN, OTHER, TRAINING, HELD_OUT = "#2f81d6", "#8c8c96", "#8aa4c0", "#e0862b"
"""Colors of a page's figures, which are read on light and on dark."""

STUDY_OWN, STUDY_PUBLISHED, STUDY_OTHER = "#1f6f8b", "#c8553d", "#808080"
STUDY_FURTHER = "#7d5ba6"
"""Colors of the study's figures, which are read on white."""

WIDTH = 4.4
"""Width of a page's figures, inches."""

_LEGEND_CHARACTERS = 45  # that fit into a page's figure beside each other

# Stands for the page's text color, which differs between light and dark.
_INK = "#123456"
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "svg.fonttype": "none",
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "figure.constrained_layout.use": True,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "text.parse_math": False,  # a label may hold dollars
}


def inline_svg(draw: Callable[[], "Figure"], alt: str) -> Markup:
    """Draw a figure as an SVG element that scales with its column.

    Args:
        draw: returns the figure; called with the pages' style.
        alt: what the figure shows, in words; unique on the page.
    """
    from matplotlib import rc_context

    alt, buffer = visible(alt), io.StringIO()
    # Ids are made of the salt: a figure's own salt keeps them apart on the page.
    with rc_context({**_STYLE, "svg.hashsalt": alt}), warnings.catch_warnings():
        # Matplotlib measures texts with its own font; the browser writes them with all of its.
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        draw().savefig(buffer, format="svg", transparent=True, metadata=nothing)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Several figures share a page, where an id may occur once.
    svg = re.sub(r' id="[\w.]+_\d+"', "", svg)
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)
    label = Markup.escape(alt)
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1))


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure to a file, in the format that its suffix names; equal figures, equal files."""
    from matplotlib import rc_context

    # Without a salt and with a date, equal figures would not give equal files.
    with (
        rc_context({"svg.hashsalt": "layered-video", "text.parse_math": False}),
        storage.replacing(str(path)) as temporary,
    ):
        figure.savefig(temporary, format=path.suffix[1:], metadata={"Date": None})


def legend_below(figure: "Figure") -> None:
    """Put the legend below the axes of a page's figure, where it covers nothing."""
    labels = figure.axes[0].get_legend_handles_labels()[1]
    fits = sum(map(len, labels)) < _LEGEND_CHARACTERS
    figure.legend(fontsize=8, loc="outside lower left", ncols=len(labels) if fits else 1)


def percent_axis(axis: "Axis") -> None:
    """Label an axis of shares in percent."""
    axis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
