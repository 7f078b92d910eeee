"""Which folders `prune` removes, on this machine or of a platform."""

from collections.abc import Sequence

from data_prep import storage
from models.tasks.registry import TASKS
from pipeline.cloud.cloud_config import CloudConfig
from pipeline.places import Places
from pipeline.retention.removals import Removal, given_up, given_up_mixtures
from pipeline.retention.retention_config import RetentionConfig
from pipeline.retention.served_versions import old_versions


def removals_here(places: Places, keep: RetentionConfig) -> list[Removal]:
    """Return what can be removed of an output on this machine.

    Args:
        places: its paths.
        keep: what stays.

    Raises:
        UserError: its database cannot be read.
    """
    found = _removals(str(places.output), str(places.output / "serving"), keep)
    if not places.metadata.exists():
        return found
    from pipeline.retention.old_runs import old_artifacts
    from pipeline.runners.local import metadata_store

    with places.entered() as inside, metadata_store(inside) as store:
        return [*old_artifacts(store, places.artifacts, keep.runs), *found]


def removals_of_platform(cloud: CloudConfig, keep: RetentionConfig) -> list[Removal]:
    """Return what can be removed of a platform's root.

    Artifacts are not among it: a platform takes them from its cache for as long as it remembers
    them, which only it knows.

    Args:
        cloud: settings with the root.
        keep: what stays.
    """
    return _removals(cloud.root, cloud.models, keep)


def _removals(root: str, serving: str, keep: RetentionConfig) -> list[Removal]:
    days = keep.unfinished_days
    return [
        *old_versions(serving, TASKS, keep.models),
        *given_up(storage.join(root, "checkpoints"), days, "checkpoints"),
        *given_up_mixtures(storage.join(root, "unfinished"), days, root),
    ]


def remove(removals: Sequence[Removal]) -> None:
    """Remove the folders."""
    for removal in removals:
        storage.remove_tree(removal.folder)


def remove_here(removals: Sequence[Removal], places: Places) -> None:
    """Remove folders of an output on this machine; ML Metadata knows that they are gone."""
    remove(removals)
    if places.metadata.exists():
        from pipeline.runners.local import metadata_store

        with places.entered() as inside, metadata_store(inside):
            pass
