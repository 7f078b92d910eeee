"""The spans of MixtureGen's input: one folder per manifest, `span-N/manifest.csv`.

Public names: `PATTERN`, `span_folder(manifests, span)`, `list_manifests(manifests)` and
`find_manifest(manifests, span)`.
"""

import re

from data_prep import storage
from data_prep.errors import UserError
from data_prep.sources.manifest import MANIFEST

_FOLDER = "span-{SPAN}"
PATTERN = f"{_FOLDER}/{MANIFEST}"
"""Path of a manifest in the folder of the spans, as TFX reads it; a new manifest is a new span."""

_PATH = re.compile(rf"/{_FOLDER.format(SPAN='([0-9]+)')}/{re.escape(MANIFEST)}$")


def span_folder(manifests: str, span: int) -> str:
    """Return the URI of a span's folder, in the folder of the spans."""
    return storage.join(manifests, _FOLDER.format(SPAN=span))


def list_manifests(manifests: str) -> dict[int, str]:
    """List the manifests in the folder of the spans.

    Returns:
        Number of the span -> URI of its manifest, sorted by number.
    """
    files = storage.list_files(manifests, MANIFEST, hidden=False)
    found = {int(match[1]): file for file in files if (match := _PATH.search(file))}
    return dict(sorted(found.items()))


def find_manifest(manifests: str, span: int) -> str:
    """Return the URI of a span's manifest.

    Args:
        manifests: folder of the spans.
        span: number of the span, or 0 for the newest one.

    Raises:
        UserError: there is no such manifest.
    """
    found = list_manifests(manifests)
    wanted = span or max(found, default=0)
    if wanted not in found:
        spans = ", ".join(map(str, found)) or "none"
        raise UserError(
            f"{manifests}: must hold the manifest of the records, "
            f"{PATTERN.format(SPAN=span or 'N')}, got spans {spans}"
        )
    return found[wanted]
