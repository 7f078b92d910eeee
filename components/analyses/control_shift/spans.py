"""The manifest that records were made from."""

import os
import re

import tensorflow as tf

from components.mixture_gen.component import PATTERN
from data_prep.errors import UserError


def find_manifest(manifests: str, span: int) -> str:
    """Return the path of a span's manifest.

    Args:
        manifests: folder of the spans, here or remote.
        span: the span, or 0 for the newest.

    Raises:
        UserError: there is none.
    """
    name = re.compile(re.escape(PATTERN).replace(re.escape("{SPAN}"), r"(\d+)") + "$")
    paths = tf.io.gfile.glob(os.path.join(manifests, PATTERN.format(SPAN="*")))
    found = {int(match[1]): path for path in paths if (match := name.search(path))}
    wanted = span or max(found, default=0)
    if wanted not in found:
        there = ", ".join(map(str, sorted(found))) or "none"
        raise UserError(
            f"{manifests}: must hold the manifest of the records, "
            f"{PATTERN.format(SPAN=span or 'N')}: received spans {there}"
        )
    return found[wanted]
