"""Pushing a model: a version that appears whole, once, and only if it is still the better one."""

import time
from collections.abc import Iterable

from components.evaluation.baseline import comparable_versions
from data_prep import storage
from models.export.exported_weights import MODEL, is_copy, list_versions

_DRAFT = ".draft"


def push(model: str, serving: str, *, baseline: str) -> str:
    """Copy a model into the folder of the versions, unless it is there already.

    One process pushes at a time. A server that watches the folder sees the version once
    `saved_model.pb` is there, which comes last.

    Args:
        model: folder of the model.
        serving: folder of the versions of one kind of task.
        baseline: folder of the version that the model was found to be better than; empty for none.

    Returns:
        The version's folder; empty if a newer version than the baseline, for the same clips, is
        served by now, which the model was not compared with.
    """
    with storage.waiting_lease(serving) as require_held:
        comparable = comparable_versions(serving, model)
        since = [comparable[number] for number in comparable if number > _number(baseline)]
        newest = list(comparable.values())[:1]
        for version in since or newest:
            if is_copy(version, model):
                return version
        if since:
            return ""
        versions = list_versions(serving)
        _remove_incomplete(serving, versions.values())
        # Seconds, as TFX names versions; but two pushes in one second are two versions.
        number = max(int(time.time()), max(versions, default=0) + 1)
        version = storage.join(serving, str(number))
        require_held()
        _copy(model, version)
    return version


def _number(version: str) -> int:
    return int(storage.name(version)) if version else 0


def _remove_incomplete(serving: str, versions: Iterable[str]) -> None:
    """Remove what a push left behind that was killed; a server would try to load it."""
    complete = set(map(storage.name, versions))
    files = [file[len(serving) :].lstrip("/") for file in storage.list_files(serving)]
    for name in {file.partition("/")[0] for file in files} - complete:
        if name.isdecimal() or name == _DRAFT:
            storage.remove_tree(storage.join(serving, name))


def _copy(model: str, version: str) -> None:
    if storage.is_local(version):
        draft = storage.join(storage.parent(version), _DRAFT)
        storage.copy_tree(model, draft)
        storage.move(draft, version)
        return
    # An object store cannot rename a folder.
    last = storage.join(model, MODEL)
    files = [file for file in storage.list_files(model) if storage.name(file) != MODEL]
    for file in [*files, last]:
        storage.copy(file, storage.join(version, file[len(model) :].lstrip("/")))
