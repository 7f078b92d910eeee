"""Texts from outside, such as file names and labels, made fit for a page.

Public names: `visible(text)` and `shortened(text)`.
"""

import re

# What an editor would show by a code: control characters, line separators, marks that turn the
# direction of what follows, and bytes of a file name that are no UTF-8.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_LONGEST = 40


def visible(text: str) -> str:
    r"""Replace characters that cannot be seen by their escapes, such as `\n` and `\u202e`."""
    return _INVISIBLE.sub(lambda found: _escape(found[0]), text)


def shortened(text: str) -> str:
    """Return a text that fits into a figure, in which nothing wraps."""
    text = visible(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
