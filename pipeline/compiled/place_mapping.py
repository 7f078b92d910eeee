"""Local folders that stand for the buckets which a compiled pipeline names."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_prep import storage
from data_prep.errors import UserError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]")
_NAME_GOES_ON = r"(?![A-Za-z0-9_.-])"  # `gs://bucket` is no part of `gs://bucket-2`
_IN_JSON = re.compile(r'["\\\x00-\x1f]')


class PlaceMapping:
    """Replaces the beginnings of URIs by local folders."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        """Create a mapping.

        Args:
            folders: beginning of a URI -> the folder on this machine.
        """
        self._folders = {prefix: os.path.realpath(folder) for prefix, folder in folders.items()}
        # The longest one first, because `gs://bucket/videos` may be elsewhere than `gs://bucket`.
        prefixes = sorted(self._folders, key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(p) + _NAME_GOES_ON for p in prefixes))

    def replace(self, value: Any) -> Any:
        """Return JSON-like values, with the URIs in all their texts replaced."""
        if not self._folders:
            return value
        if isinstance(value, str):
            return self._pattern.sub(lambda match: self._folders[match[0]], value)
        if isinstance(value, Mapping):
            return {key: self.replace(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.replace(item) for item in value]
        return value


def parse_places(texts: tuple[str, ...]) -> PlaceMapping:
    """Parse `URI=FOLDER` texts.

    Raises:
        UserError: a text has another form, repeats a URI, or names a folder whose path means
            something else to what reads it.
    """
    folders: dict[str, Path] = {}
    for text in texts:
        prefix, equals, folder = text.partition("=")
        prefix = prefix.rstrip("/")
        if not equals or not _SCHEME.match(prefix) or not folder or not storage.is_local(folder):
            raise UserError(f"--place: must be URI=FOLDER, as in gs://BUCKET=bucket, got {text!r}")
        if prefix in folders:
            raise UserError(f"--place: must have each URI once, got {prefix} twice")
        path = os.path.realpath(folder)
        # The paths take the URIs' places inside JSON texts, and TFX takes them for patterns.
        if _IN_JSON.search(path) or storage.has_wildcards(path):
            raise UserError(f'--place: must be a folder without any of "\\*?[] , got {path!r}')
        if os.path.lexists(path) and not Path(path).is_dir():
            raise UserError(f"--place: must be a folder, got a file: {path}")
        folders[prefix] = Path(path)
    return PlaceMapping(folders)
