"""The spans of MixtureGen's input: one folder per manifest, `span-N/manifest.csv`.

Public names: `span_folder(manifests, span)`, `span_of(manifest)`, `list_manifests(manifests)`,
`find_manifest(manifests, span)`, `reference_to(manifest)` and `referred_manifest(reference)`.

A reference is `URI@sha256:DIGEST`, as with container images. Stages hand references to each other,
so that a platform's cache notices another content at the same place.
"""

import hashlib
import re

from data_prep import storage
from data_prep.errors import UserError
from data_prep.sources.manifest import MANIFEST

MANIFEST_REFERENCE = "manifest"
"""Property of MixtureGen's examples: the reference to their manifest."""

_PATH = re.compile(rf"(?:^|/)span-([0-9]+)/{re.escape(MANIFEST)}$")
_DIGEST = "@sha256:"


def span_folder(manifests: str, span: int) -> str:
    """Return the URI of a span's folder, in the folder of the spans."""
    return storage.join(manifests, f"span-{span}")


def span_of(manifest: str) -> int:
    """Return the number of a manifest's span; 0 if it is in no such folder."""
    match = _PATH.search(manifest)
    return int(match[1]) if match else 0


def reference_to(manifest: str) -> str:
    """Return a reference to a manifest as it is now."""
    return f"{manifest}{_DIGEST}{_digest(manifest)}"


def referred_manifest(reference: str) -> str:
    """Return the URI of the manifest that a reference names.

    Raises:
        UserError: the text is no reference, or the manifest has changed.
    """
    uri, found, digest = reference.rpartition(_DIGEST)
    if not found:
        raise UserError(f"manifest: must be URI{_DIGEST}DIGEST, got {reference!r}")
    if _digest(uri) != digest:
        raise UserError(f"{uri}: must be the manifest that was indexed, got another content")
    return uri


def _digest(uri: str) -> str:
    return hashlib.sha256(storage.read_bytes(uri)).hexdigest()


def list_manifests(manifests: str) -> dict[int, str]:
    """List the manifests in the folder of the spans.

    Returns:
        Number of the span -> URI of its manifest, sorted by number.
    """
    files = storage.list_files(manifests, MANIFEST, hidden=False)
    found = {span_of(file): file for file in files if _PATH.search(file)}
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
            f"span-{span or 'N'}/{MANIFEST}, got spans {spans}"
        )
    return found[wanted]
