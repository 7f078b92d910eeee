"""Which versions of the served models are still needed, and which can be removed."""

from collections.abc import Iterable, Mapping

from data_prep import storage
from data_prep.storage.usage import usage
from models.export.exported_weights import CLIP, list_versions
from pipeline.retention.removals import Removal, is_inside


def old_versions(serving: str, kinds: Iterable[str], keep: int) -> list[Removal]:
    """Return the versions of served models that nothing needs.

    Needed are the newest ones, those that a label names, and the newest one of each size of clips,
    which the next model with such clips is compared with.

    Args:
        serving: folder of the served models, with a subfolder per kind of task.
        kinds: names of the subfolders.
        keep: number of versions that stay in each, at least 1.

    Raises:
        UserError: the file that holds the labels cannot be read.
    """
    reason = f"not among the newest {keep} versions, without a label"
    named = _named_versions(serving)
    found = []
    for kind in kinds:
        versions = list_versions(storage.join(serving, kind))
        old = [*versions][keep:]
        needed = named.get(kind, set()) | (_baselines(versions) if old else set())
        found += [versions[number] for number in old if number not in needed]
    return [
        Removal(version, reason, usage(version).size)
        for version in found
        if is_inside(version, serving)
    ]


def _named_versions(serving: str) -> dict[str, set[int]]:
    """Return the subfolders -> the versions that servers are told to load, labels' included.

    The version that a rollback goes back to has a label too, `previous` or `stable`.
    """
    from serving.config.models_config import NAME, ModelsConfig

    file = storage.join(serving, NAME)
    named: dict[str, set[int]] = {}
    for entry in ModelsConfig.read(file).entries if storage.exists(file) else ():
        # The servers may see the folder under another path, but with the same name.
        versions = named.setdefault(storage.name(entry.base_path), set())
        versions.update(entry.version_labels.values())
        versions.update(entry.model_version_policy.specific.versions)
    return named


def _baselines(versions: Mapping[int, str]) -> set[int]:
    """Return the newest version of each size of clips, see `components.evaluation.baseline`."""
    newest: dict[str, int] = {}
    for number, version in versions.items():
        file = storage.join(version, CLIP)
        clip = storage.read_text(file) if storage.is_file(file) else ""
        newest.setdefault(clip, number)
    return set(newest.values())
