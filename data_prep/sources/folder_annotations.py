"""Which of Kinetics' CSVs belong to a folder of videos."""

import re
from collections.abc import Sequence

from data_prep import storage
from data_prep.errors import StorageError, UserError
from data_prep.sources.annotations import Annotations, find_annotations, read_annotations
from data_prep.sources.clip_index import ClipIndex
from data_prep.sources.clip_names import possible_ids
from data_prep.storage.uris import split_scheme

_WORD = re.compile(rb"[A-Za-z0-9_-]+")
_ID_LENGTH = 11  # of YouTube's


def annotations_of(
    root: str, videos: Sequence[str], given: list[str]
) -> tuple[list[str], Annotations]:
    """Read the given annotations, those in the folder, or those above it that name its files.

    Returns:
        The CSVs that are used, and what they say.

    Raises:
        UserError: a CSV that is given, in the folder or about its files is malformed.
        StorageError: a folder or a file cannot be read now.
    """
    if given:
        return given, read_annotations(given)
    inside, notes = find_annotations(root)
    if inside:
        found = read_annotations(inside)
        return inside, Annotations(found.rows, notes + found.notes)
    above, more = _find_above(root)
    above, unusable = _without_malformed(above, videos)
    notes += more + unusable
    if not above:
        return [], Annotations(notes=notes)
    found = read_annotations(above)
    index = ClipIndex(found.rows)
    if any(isinstance(index.find(file), tuple) for file in videos):
        return above, Annotations(found.rows, notes + found.notes)
    return [], Annotations(notes=notes)


def _find_above(root: str) -> tuple[list[str], list[str]]:
    above = storage.parent(root)
    scheme, path = split_scheme(above)
    if scheme and not path.strip("/"):
        return [], []  # the root of a store: all buckets, which few may list
    try:
        return find_annotations(above)
    except StorageError as error:
        if not storage.is_lasting(error):
            raise
        return [], []  # a folder that one may pass through but not list


def _without_malformed(above: list[str], videos: Sequence[str]) -> tuple[list[str], list[str]]:
    """Leave out malformed CSVs above a folder, with a note, if they are about other videos."""
    try:
        if above:
            read_annotations(above)
        return above, []
    except UserError:  # of one of them
        usable, notes = [], []
    for file in above:
        try:
            read_annotations([file])
            usable.append(file)
        except UserError as error:
            if _names_one_of(file, videos):
                raise
            notes.append(f"not used, and about no video of this folder: {error}")
    return usable, notes


def _names_one_of(file: str, videos: Sequence[str]) -> bool:
    """Say whether a CSV that cannot be parsed holds the YouTube id of a video."""
    try:
        words = set(_WORD.findall(storage.read_bytes(file).replace(b"\0", b"")))
    except StorageError as error:
        if not storage.is_lasting(error):
            raise
        return False
    ids = {name.encode() for video in videos for name in possible_ids(video)}
    return any(len(word) == _ID_LENGTH for word in words & ids)
