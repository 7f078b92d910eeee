"""Validation of a finished data set: every record is read, and compared with what describes it.

It takes the folder that `generate` writes, and the Examples artifact of the pipeline's MixtureGen,
which has neither a marker nor a manifest.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from data_prep import storage
from data_prep.errors import StorageError, StorageMissingError, UserError
from data_prep.mixing.pairing import mixture_id
from data_prep.mixing.plan_digest import fingerprint
from data_prep.progress_bar import tracked
from data_prep.records.dataset import COMPLETED, SETTINGS, DatasetSettings
from data_prep.records.features import FEATURES
from data_prep.records.info import INFO, DatasetInfo, SplitInfo
from data_prep.records.layout import RecordLayout, Shard, lay_out
from data_prep.records.shard_contents import KnownVideos, ShardContents, few, read_shard
from data_prep.sources import manifest
from data_prep.sources.manifest import MANIFEST, REJECTED
from data_prep.sources.videos import Videos
from data_prep.splits import SPLITS

_TFX_SPLIT = "Split-{}"  # TFX's name of the folder of a split


@dataclass
class Validation:
    """What was found out about a data set.

    Attributes:
        problems: what is wrong, a line each; empty if all is well.
        mixtures: number of records that were read.
        files: number of files of records that were read.
    """

    problems: list[str] = field(default_factory=list)
    mixtures: int = 0
    files: int = 0


def validate(folder: str, *, workers: int = 1) -> Validation:
    """Check that a data set is complete and undamaged, and that it is what it says it is.

    Args:
        folder: the data set, a URI.
        workers: files of records that are read at the same time.

    Returns:
        The problems, and what was read. If `info.json` cannot be read, nothing else can be
        compared with it, and that is the only problem.

    Raises:
        UserError: the folder holds no data set.
        StorageError: the storage failed; that says nothing about the data set.
    """
    if not storage.is_dir(folder):
        raise UserError(f"{folder}: must be a data set of mixtures, got no such folder")
    found = Validation()
    is_artifact = any(storage.is_dir(storage.join(folder, _TFX_SPLIT.format(s))) for s in SPLITS)
    info = _read_info(folder, found)
    if info is None:
        return found
    pattern = _TFX_SPLIT if is_artifact else "{}"
    layout = RecordLayout(
        unfinished="",
        splits={split: storage.join(folder, pattern.format(split)) for split in SPLITS},
        info=storage.join(folder, INFO),
        rejected=storage.join(folder, REJECTED),
    )
    if info.features != FEATURES:
        found.problems.append(f"{INFO}: features: must be those of this version's records")
    if info.splits.keys() != set(SPLITS):
        splits = ", ".join(info.splits) or "none"
        found.problems.append(f"{INFO}: splits: must be {' and '.join(SPLITS)}, got {splits}")
        return found
    known = None
    if not is_artifact:
        if not storage.exists(storage.join(folder, COMPLETED)):
            found.problems.append(f"{COMPLETED}: is missing; rerun `generate` to finish the data")
        known = _read_manifest(folder, info, found)
    shards = list(_present(info, layout, found))
    contents = dict(_read_all(shards, layout, info, known, workers))
    found.files, found.mixtures = len(shards), sum(item.records for item in contents.values())
    found.problems += [problem for item in contents.values() for problem in item.problems]
    found.problems += _compare(info, contents)
    return found


def _read_info(folder: str, found: Validation) -> DatasetInfo | None:
    try:
        return DatasetInfo.read(storage.join(folder, INFO))
    except StorageMissingError as error:
        places = (COMPLETED, MANIFEST, *SPLITS)
        if not any(storage.exists(storage.join(folder, place)) for place in places):
            raise UserError(f"{folder}: must be a data set of mixtures, got no {INFO}") from error
        found.problems.append(f"{INFO}: is missing; rerun `generate` to finish the data set")
    except StorageError:
        raise
    except UserError as error:
        found.problems.append(str(error).removeprefix(f"{folder.rstrip('/')}/"))
    return None


def _read_manifest(folder: str, info: DatasetInfo, found: Validation) -> KnownVideos | None:
    """Read the videos of the data set, and compare them with what describes them."""
    uri = storage.join(folder, MANIFEST)
    if not storage.exists(uri):
        found.problems.append(f"{MANIFEST}: is missing")
        return None
    try:
        videos = manifest.read(uri)
    except StorageError:
        raise
    except UserError as error:
        found.problems.append(str(error).removeprefix(f"{folder.rstrip('/')}/"))
        return None
    found.problems += _compare_settings(storage.join(folder, SETTINGS), info, videos)
    known = KnownVideos(videos)
    for split, facts in info.splits.items():
        for name, wanted, got in (
            ("videos", facts.videos, known.videos[split]),
            ("sources", facts.sources, len(known.sources[split])),
        ):
            if wanted != got:
                found.problems.append(
                    f"{MANIFEST}: {split}: must have the {wanted} {name} of {INFO}, got {got}"
                )
    found.problems += _in_two_splits(MANIFEST, known.sources)
    return known


def _compare_settings(uri: str, info: DatasetInfo, videos: Videos) -> Iterator[str]:
    try:
        settings = DatasetSettings.read(uri)
    except StorageMissingError:
        yield f"{SETTINGS}: is missing"
    except StorageError:
        raise
    except UserError as error:
        yield str(error).removeprefix(f"{storage.parent(uri)}/")
    else:
        if settings.settings != info.settings:
            yield f"{SETTINGS}: must have the settings of {INFO}"
        elif settings.fingerprint != fingerprint(videos, info.settings):
            yield f"{SETTINGS}: must have the fingerprint of {MANIFEST}, which has changed"


def _present(info: DatasetInfo, layout: RecordLayout, found: Validation) -> Iterator[Shard]:
    """Yield the files of records that are there, and note what is wrong with the list of them."""
    planned = {shard.key: shard for shard in lay_out(info.settings)}
    sizes = layout.sizes()
    for key, shard in planned.items():
        if key not in info.shards:
            found.problems.append(f"{INFO}: shards: must have {key}")
        if key not in sizes:
            found.problems.append(f"{key}: is missing")
            continue
        if sizes[key] != (size := info.shards.get(key, sizes[key])):
            found.problems.append(f"{key}: must have {size} bytes, got {sizes[key]}")
        yield shard
    for key in sorted(sizes.keys() - planned.keys()):
        if not storage.name(key).startswith("."):
            found.problems.append(f"{key}: is no file of this data set")
    if others := sorted(info.shards.keys() - planned.keys()):
        found.problems.append(f"{INFO}: shards: must be those of its settings, got {few(others)}")


def _read_all(
    shards: list[Shard],
    layout: RecordLayout,
    info: DatasetInfo,
    known: KnownVideos | None,
    workers: int,
) -> Iterator[tuple[str, ShardContents]]:
    dropped = {lost.mixture_id for facts in info.splits.values() for lost in facts.dropped}

    def read(shard: Shard) -> tuple[str, ShardContents]:
        names = (mixture_id(shard.split, i) for i in range(shard.start, shard.stop))
        ids = [name for name in names if name not in dropped]
        uri = layout.records(shard)
        return shard.key, read_shard(uri, shard.key, ids, info.settings, known)

    # Most of the work, decompression and checksums, is done outside the GIL.
    with ThreadPoolExecutor(workers) as pool:
        yield from tracked("Files of records", pool.map(read, shards), len(shards))


def _compare(info: DatasetInfo, contents: Mapping[str, ShardContents]) -> Iterator[str]:
    """Yield what is wrong with the records as a whole."""
    sources = {split: set[str]() for split in SPLITS}
    for key, item in contents.items():
        sources[key.partition("/")[0]] |= item.sources
    yield from _in_two_splits("records", sources)
    for split, facts in info.splits.items():
        planned, dropped = info.settings.mixtures_of(split), len(facts.dropped)
        if facts.mixtures + dropped != planned:
            yield (
                f"{INFO}: {split}: must have the {planned} mixtures of its settings, got "
                f"{facts.mixtures} and {dropped} dropped"
            )
        keys = [shard.key for shard in lay_out(info.settings) if shard.split == split]
        own = [contents.get(key) for key in keys]
        read = [item for item in own if item is not None and item.is_whole]
        if len(read) == len(own):  # otherwise the counts differ because of what is named already
            yield from _compare_counts(split, facts, read)


def _compare_counts(split: str, facts: SplitInfo, read: list[ShardContents]) -> Iterator[str]:
    types = sum((item.mixture_types for item in read), Counter[str]())
    for name, wanted, got in (
        ("mixtures", facts.mixtures, sum(item.records for item in read)),
        ("mixtures with audio", facts.with_audio, sum(item.with_audio for item in read)),
        *(
            (f"mixtures of the type {kind}", facts.mixture_types.get(kind, 0), types[kind])
            for kind in sorted({*facts.mixture_types, *types})
        ),
    ):
        if wanted != got:
            yield f"{split}: must have the {wanted} {name} of {INFO}, got {got}"


def _in_two_splits(where: str, sources: Mapping[str, set[str]]) -> list[str]:
    first, second = (sources[split] for split in SPLITS)
    both = sorted(first & second)
    if not both:
        return []
    names = " and ".join(SPLITS)
    return [f"{where}: a source must be in one split, got {len(both)} in {names}: {few(both)}"]
