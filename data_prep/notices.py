"""Notices that TensorFlow and XLA print on stderr, whatever the level of their logs."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2
_NOTICE = re.compile(rb"WARNING: All log messages before absl|I\d{4} \d\d:\d\d:")


@contextmanager
def without_notices() -> Iterator[None]:
    """Leave the notices out of what this process prints meanwhile; the rest appears at the end.

    If the process is aborted meanwhile, all of it is lost. With `TF_CPP_MIN_LOG_LEVEL=0` nothing
    is left out, and everything appears at once.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield
        return
    with tempfile.TemporaryFile() as printed:
        stderr = os.dup(_STDERR)
        os.dup2(printed.fileno(), _STDERR)
        try:
            yield
        finally:
            os.dup2(stderr, _STDERR)
            os.close(stderr)
            printed.seek(0)
            for line in printed:
                if not _NOTICE.match(line):
                    os.write(_STDERR, line)
