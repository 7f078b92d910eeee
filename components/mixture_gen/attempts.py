"""Attempts at the same records, each of which TFX gives its own folder.

What a killed attempt has finished stays in its folder until a later one takes it over. So the
folder of the reports, which all attempts share, lists the attempts.
"""

import hashlib

from data_prep import storage
from data_prep.records.layout import REPORTS

_FOLDER = "attempts"


def note_attempt(unfinished: str, uri: str) -> None:
    """Note that records are made in the folder `uri`, whose reports are in `unfinished`."""
    uri = storage.absolute(uri)
    name = hashlib.sha256(uri.encode()).hexdigest()[:16]
    storage.write_text(storage.join(unfinished, _FOLDER, name), uri)


def list_attempts(unfinished: str) -> list[str]:
    """List the folders of all attempts that have been noted."""
    files = storage.list_files(storage.join(unfinished, _FOLDER), hidden=False)
    return list(map(storage.read_text, files))


def remove_attempts(unfinished: str, finished: str, below: str) -> None:
    """Remove the other attempts, and all that resumes them, once one has finished all records.

    Args:
        unfinished: folder that the attempts share, of which this process is the only writer.
        finished: folder of the attempt that finished, which stays.
        below: folder that holds all attempts. Others are those of an output that this one was
            moved or copied from.
    """
    for uri in list_attempts(unfinished):
        if uri != storage.absolute(finished) and uri.startswith(f"{below.rstrip('/')}/"):
            storage.remove_tree(uri)
    for name in (REPORTS, _FOLDER):
        storage.remove_tree(storage.join(unfinished, name))
