"""Attempts at the same records, each of which TFX gives its own folder.

What a killed attempt has finished stays in its folder until a later one takes it over. So the
folder of the reports, which all attempts share, lists the attempts.
"""

import hashlib

from data_prep import storage

_FOLDER = "attempts"


def note_attempt(unfinished: str, uri: str) -> None:
    """Note that records are made in the folder `uri`, whose reports are in `unfinished`."""
    uri = storage.absolute(uri)
    name = hashlib.sha256(uri.encode()).hexdigest()[:16]
    storage.write_text(storage.join(unfinished, _FOLDER, name), uri)


def list_attempts(unfinished: str) -> list[str]:
    """List the folders of all attempts that have been noted."""
    return list(map(storage.read_text, storage.list_files(storage.join(unfinished, _FOLDER))))


def remove_other_attempts(unfinished: str, finished: str) -> None:
    """Remove what is left of other attempts, once one of them has finished all records.

    Args:
        unfinished: folder that the attempts share.
        finished: folder of the attempt that finished, which stays.
    """
    for uri in list_attempts(unfinished):
        if uri != storage.absolute(finished):
            storage.remove_tree(uri)
