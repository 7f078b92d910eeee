"""Types of the arguments and options that several command lines have.

A value that cannot be right is an error at once: `--OPTION: rule, got VALUE`.
"""

import math
import sys
from pathlib import Path
from typing import Any

import click

from data_prep.settings import MAX_SEED, MAX_WORKERS, shown
from data_prep.storage.outputs import require_known
from data_prep.storage.uris import is_local, local_path


class Whole(click.IntRange):
    """A whole number in a range."""

    def __init__(self, low: int, high: int) -> None:
        super().__init__(low, high)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number, or fail with the range."""
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            rule = f"must be a whole number from {self.min} to {self.max}"
            self.fail(f"{rule}, got {_given(value)}", param, ctx)


class Real(click.FloatRange):
    """A finite number in a range."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or fail with the range."""
        try:
            number = float(super().convert(value, param, ctx))
        except click.BadParameter:
            number = math.nan
        if math.isnan(number):  # which is in every range of click's
            rule = f"must be a number from {self.min:g} to {self.max:g}"
            self.fail(f"{rule}, got {_given(value)}", param, ctx)
        return number


class Place(click.ParamType):
    """A file or folder: a path or a URI."""

    name = "place"

    def __init__(self, *, elsewhere: bool = False, local: bool = False) -> None:
        """Create the type.

        Args:
            elsewhere: whether only other machines need to know the URI's scheme.
            local: whether it must be on this machine; then the value is a `Path`.
        """
        self._elsewhere, self._local = elsewhere, local

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | Path:
        """Return the URI, or fail if no file can have it."""
        if not value.strip() or "\0" in value:
            self.fail(f"must be a path or a URI, got {shown(value)}", param, ctx)
        if value.encode(errors="replace").decode() != value:
            # No CSV, JSON or message can hold what Python makes of other bytes.
            encoding = sys.getfilesystemencoding()
            rule = f"must be text in {encoding}, the encoding of names here"
            self.fail(f"{rule}, got {shown(value)}", param, ctx)
        if self._local:
            if not is_local(value):
                self.fail(f"must be on this machine, got {value}", param, ctx)
            return Path(local_path(value))
        if not self._elsewhere:
            require_known(value)
        return str(value)


class Name(click.ParamType):
    """A name that is not empty, such as a model's or a host's."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name, or fail."""
        if not value.strip() or not value.isprintable():
            self.fail(f"must be a name of printable characters, got {shown(value)}", param, ctx)
        return str(value)


def _decodes(context: click.Context, parameter: click.Parameter, check: str) -> bool:
    """Return what the library calls a check of frames: `decode=True`."""
    return check == "frames"


def _given(value: object) -> str:
    """Show what was given for a number; only nothing needs quotes."""
    return shown(value).strip("'") or "''"


NAME = Name()
PLACE = Place()
LOCAL_PLACE = Place(local=True)
PREFIX = Place(elsewhere=True)

workers_option = click.option(
    "--workers",
    type=Whole(1, MAX_WORKERS),
    default=1,
    show_default=True,
    help="Processes on this machine.",
)
check_option = click.option(
    "--check",
    "decode",
    type=click.Choice(("frames", "packets")),
    default="frames",
    show_default=True,
    callback=_decodes,
    help="`frames` decodes every video once, so that nothing damaged is used; `packets` only "
    "reads the container, which is much faster.",
)
seed_option = click.option(
    "--seed", type=Whole(0, MAX_SEED), default=0, show_default=True, help="Seed."
)
