"""YAML of settings, read with limits: a file may hold anything."""

from typing import Any

import yaml

from data_prep import storage
from data_prep.errors import StorageError, UserError

MAX_BYTES = 2**17
MAX_VALUES = 20_000
"""Largest number of values, with every alias replaced by what it stands for."""


def read_yaml(uri: str) -> object:
    """Read a YAML file; an empty one is an empty mapping.

    Raises:
        UserError: the file cannot be read, or is not YAML (see `parse_yaml`).
    """
    rule = f"{uri}: must be a readable YAML file"
    try:
        if storage.exists(uri) and not storage.is_file(uri):  # reading a FIFO would never end
            raise UserError(f"{rule}, got a folder, a pipe or a device")
        text = storage.read_bytes(uri, limit=MAX_BYTES + 1).decode("utf-8-sig")
    except StorageError as error:
        raise UserError(f"{rule}: {error.reason}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{rule}: it must be UTF-8 text, got {error.reason}") from error
    values = parse_yaml(text, uri)
    return {} if values is None else values


def parse_yaml(text: str, where: str, *, kind: str = "YAML file") -> object:
    """Parse YAML text.

    Args:
        text: the YAML.
        where: where it comes from; error messages begin with it.
        kind: what it is, for the messages.

    Raises:
        UserError: it is not YAML, repeats a key, or is too long or too deep to be settings.
    """
    rule = f"{where}: must be a readable {kind}"
    if len(text) > MAX_BYTES:
        raise UserError(f"{rule} of at most {MAX_BYTES} bytes, got more")
    try:
        return yaml.load(text, _Loader)
    except RecursionError as error:
        raise UserError(f"{rule}, got values nested too deeply") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UserError(f"{rule}: {error.problem or error.context}{place}") from error
    except Exception as error:  # PyYAML passes on what `int`, `date` and others raise
        raise UserError(f"{rule}, got a value that cannot be read: {error}") from error


class _Loader(yaml.SafeLoader):
    """A SafeLoader that refuses repeated keys, and aliases that add up to too much."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._values = 0
        self._sizes: dict[int, int] = {}  # id of a finished node -> its values

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a node, and count its values."""
        is_alias, before = self.check_event(yaml.AliasEvent), self._values
        node = super().compose_node(parent, index)
        if is_alias and id(node) not in self._sizes:
            raise yaml.composer.ComposerError(problem="a value must not hold itself")
        self._values += self._sizes[id(node)] if is_alias else 1
        self._sizes[id(node)] = self._values - before
        if self._values > MAX_VALUES:
            raise yaml.composer.ComposerError(problem=f"must have at most {MAX_VALUES} values")
        return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        """Compose a mapping whose keys all differ."""
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if (key.tag, key.value) in seen:  # 1 and '1' are two keys
                problem = f"the key {key.value} occurs twice"
                raise yaml.composer.ComposerError(problem=problem, problem_mark=key.start_mark)
            seen.add((key.tag, key.value))
        return node
