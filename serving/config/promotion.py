"""Promotion and rollback: moving a version label without a moment in which it answers nobody.

A server reads `models.config` again every few seconds. It swaps the labels before it unloads a
version, and takes no change at all if a label points to a version that is not loaded. So a version
is loaded first, on every server, and only then labeled.
"""

from collections.abc import Callable
from dataclasses import dataclass

from data_prep import storage
from data_prep.errors import UserError
from serving.config.labels import Labels, promoted, rolled_back
from serving.config.models_config import NAME, ModelsConfig
from serving.config.replicas import Replicas
from serving.versions import MODEL_FILES


@dataclass(frozen=True)
class Move:
    """A label that was moved.

    Attributes:
        label: the label.
        before: the version that it pointed to; None if there was none.
        after: the version that it points to.
    """

    label: str
    before: int | None
    after: int


def promote(models: str, replicas: Replicas, label: str, version: int, timeout: float) -> Move:
    """Point a label to a version.

    Args:
        models: folder of the models, which holds `models.config`.
        replicas: the servers that read the file, and the model.
        label: one of `serving.config.labels.LABELS`.
        version: the version, loaded on the way.
        timeout: seconds to wait for all servers to load it, and then to take the label.

    Raises:
        UserError: there is no such file, model or version; a server does not load it, in which
            case the file is as before; or a server does not take the label.
    """
    return _move(models, replicas, label, lambda labels: promoted(labels, label, version), timeout)


def roll_back(models: str, replicas: Replicas, label: str, timeout: float) -> Move:
    """Point `stable` to the version before, or `canary` to the stable one.

    Args:
        models: folder of the models, which holds `models.config`.
        replicas: the servers that read the file, and the model.
        label: one of `serving.config.labels.LABELS`.
        timeout: as for `promote`.

    Raises:
        UserError: as for `promote`, or there is no version to go back to.
    """
    return _move(models, replicas, label, lambda labels: rolled_back(labels, label), timeout)


def _move(
    models: str,
    replicas: Replicas,
    label: str,
    change: Callable[[Labels], dict[str, int]],
    timeout: float,
) -> Move:
    uri = storage.join(models, NAME)
    with storage.lease(models) as require_held:
        config = ModelsConfig.read(uri)
        before = config.labels(replicas.model)
        after = change(before)
        version = after[label]
        _require_version(models, config.base_path(replicas.model), version)
        failed_before = replicas.failed(version)
        require_held()
        config.with_labels(replicas.model, before, loaded=[version]).write(uri)
        try:
            replicas.wait_available(version, failed_before, timeout)
        except BaseException:  # an interruption too
            config.write(uri)
            raise
        require_held()
        config.with_labels(replicas.model, after).write(uri)
        replicas.wait_labeled(label, version, timeout)
    return Move(label, before.get(label), version)


def _require_version(models: str, base_path: str, version: int) -> None:
    folder = storage.join(models, storage.name(base_path), str(version))
    if not any(storage.is_file(storage.join(folder, name)) for name in MODEL_FILES):
        names = " or ".join(MODEL_FILES)
        raise UserError(f"version: must be a folder that holds {names}, got {folder}")
