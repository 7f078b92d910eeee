"""Cron lines, checked before a platform sees them.

The syntax is the one that Vertex AI and Kubeflow Pipelines share: five fields, lists, ranges, steps
and the English names of months and weekdays. Sunday is 0.
"""

import re
from dataclasses import dataclass
from zoneinfo import available_timezones

from data_prep.errors import UserError
from data_prep.settings import shown

UTC = "UTC"
"""The time zone of schedules, unless another one is given."""

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_PART = re.compile(
    r"(?:\*|(?P<low>\w{1,9})(?:-(?P<high>\w{1,9}))?)(?:/(?P<step>\d{1,9}))?", re.ASCII
)
_LONGEST_NAME = 128  # characters, on Vertex AI
_LONGEST_MONTHS = dict.fromkeys(range(1, 13), 31) | {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}


@dataclass(frozen=True)
class Cron:
    """When a schedule starts runs.

    Attributes:
        line: five fields: minute, hour, day of the month, month, day of the week.
        timezone: an IANA time zone.
    """

    line: str
    timezone: str = UTC


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def values(self, text: str) -> set[int]:
        """Return the values that a field of a cron line stands for."""
        found: set[int] = set()
        for part in text.split(","):
            match = _PART.fullmatch(part)
            if match is None:
                rule = "must be *, numbers, ranges or steps"
                raise UserError(f"{self.name}: {rule}, got {shown(part)}")
            low, high = self._bounds(match)
            step = int(match["step"] or 1)
            if not 1 <= step <= self.high:
                raise UserError(f"{self.name}: a step must be 1 to {self.high}, got {part!r}")
            found.update(range(low, high + 1, step))
        return found

    def _bounds(self, match: re.Match[str]) -> tuple[int, int]:
        if match["low"] is None:
            return self.low, self.high
        low = self._number(match["low"])
        # As in every cron, 5/15 is 5-59/15.
        high = self.high if match["step"] else low
        if match["high"] is not None:
            high = self._number(match["high"])
        if low > high:
            raise UserError(f"{self.name}: a range must not go backwards, got {match[0]!r}")
        return low, high

    def _number(self, text: str) -> int:
        if text.upper() in self.names:
            return self.names.index(text.upper()) + self.low
        if not text.isdecimal() or not self.low <= int(text) <= self.high:
            known = f"{self.low} to {self.high}"
            known += f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
            raise UserError(f"{self.name}: must be {known}, got {text!r}")
        return int(text)


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, tuple(_MONTHS)),
    _Field("day of week", 0, 6, tuple(_DAYS)),
)


def check_cron(text: str) -> str:
    """Check a cron line.

    Args:
        text: five fields, for example `0 3 * * *` for every day at 03:00.

    Returns:
        The line with single spaces.

    Raises:
        UserError: a field is wrong, or the line never comes true, such as February 30.
    """
    fields = text.split()
    if len(fields) != len(_FIELDS):
        names = ", ".join(field.name for field in _FIELDS)
        raise UserError(f"cron: must be five fields ({names}), got {shown(text)}")
    try:
        values = [kind.values(field) for kind, field in zip(_FIELDS, fields, strict=True)]
    except UserError as error:
        raise UserError(f"cron: {error}") from error
    _, _, days, months, _ = values
    # With both kinds of days, a run starts on either.
    if fields[4].startswith("*") and min(days) > max(_LONGEST_MONTHS[month] for month in months):
        raise UserError(f"cron: must name a day that its months have, got {shown(text)}")
    return " ".join(fields)


def check_timezone(name: str) -> str:
    """Check the name of a time zone.

    Raises:
        UserError: there is no such IANA time zone.
    """
    if name not in available_timezones():
        raise UserError(
            f"timezone: must be an IANA time zone such as Europe/Berlin, got {shown(name)}"
        )
    return name


def check_schedule_name(name: str) -> str:
    """Check the name of a schedule, by which a platform finds it.

    Raises:
        UserError: it is too long, or has characters with a meaning in a platform's filters.
    """
    if len(name) > _LONGEST_NAME:
        raise UserError(f"name: must have at most {_LONGEST_NAME} characters, got {len(name)}")
    if set(name) & set("\"'\\"):
        raise UserError(f"name: must be without quotes and backslashes, got {shown(name)}")
    return name
