"""The manifest that records were made from."""

import re

from components.mixture_gen.component import PATTERN
from data_prep import storage
from data_prep.errors import UserError


def find_manifest(manifests: str, span: int) -> str:
    """Return the URI of a span's manifest.

    Args:
        manifests: folder of the spans.
        span: number of the span, or 0 for the newest one.

    Raises:
        UserError: there is no such manifest.
    """
    name = re.compile(re.escape(PATTERN).replace(re.escape("{SPAN}"), r"(\d+)") + "$")
    paths = storage.glob(storage.join(manifests, PATTERN.format(SPAN="*")))
    found = {int(match[1]): path for path in paths if (match := name.search(path))}
    wanted = span or max(found, default=0)
    if wanted not in found:
        spans = ", ".join(map(str, sorted(found))) or "none"
        raise UserError(
            f"{manifests}: must hold the manifest of the records, "
            f"{PATTERN.format(SPAN=span or 'N')}, got spans {spans}"
        )
    return found[wanted]
