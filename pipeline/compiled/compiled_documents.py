"""Reads JSON, or YAML of several documents, with limits: a file may hold anything."""

import json
from typing import Any

import yaml

from data_prep import storage
from data_prep.errors import UserError

_MOST = 1_000_000
"""Largest number of values, with every alias replaced by what it stands for."""


def read_documents(uri: str, what: str) -> list[Any]:
    """Return the documents of a file.

    Args:
        uri: the file.
        what: what it must be, for messages.

    Raises:
        UserError: it is neither JSON nor YAML, or holds too much.
    """
    if storage.exists(uri) and not storage.is_file(uri):  # reading a FIFO would never end
        raise UserError(f"{uri}: must be {what}, got a folder, a pipe or a device")
    text = storage.read_text(uri)
    try:
        documents = _parsed(text)
        if _count(documents, {}) > _MOST:
            raise UserError(f"{uri}: must be {what}, got more than {_MOST} values")
    except RecursionError as error:
        raise UserError(f"{uri}: must be {what}, got values nested too deeply") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UserError(f"{uri}: must be {what}: {error.problem}{place}") from error
    except (yaml.YAMLError, ValueError) as error:  # PyYAML passes on what `int` and others raise
        if isinstance(error, UserError):
            raise
        reason = str(error).splitlines()[0]
        raise UserError(f"{uri}: must be {what}, got another file: {reason}") from error
    return documents


def _parsed(text: str) -> list[Any]:
    if text.lstrip()[:1] == "{":
        try:
            return [json.loads(text)]
        except json.JSONDecodeError:  # YAML's mappings may begin so, too
            pass
    return list(yaml.safe_load_all(text))  # that of C crashes at deep nesting


def _count(value: Any, counts: dict[int, int]) -> int:
    """Return the number of values, without following an alias twice."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in counts:
        counts[id(value)] = _MOST + 1  # one that holds itself has no end
        items = value.values() if isinstance(value, dict) else value
        counts[id(value)] = 1 + sum(_count(item, counts) for item in items)
    return counts[id(value)]
