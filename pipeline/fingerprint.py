"""Digests of this project's own code, which TFX's cache does not look at."""

import hashlib
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_SUFFIXES = (".py", ".html", ".css", ".js")


def source_digest(*packages: str) -> str:
    """Return a digest of every Python file and template of the packages, hexadecimal.

    Args:
        packages: folders beside this one, for example `models`, or single files in them.
    """
    digest = hashlib.sha256()
    for package in sorted(packages):
        path = _ROOT / package
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in (file for file in files if file.suffix in _SUFFIXES):
            digest.update(f"{file.relative_to(_ROOT)}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
