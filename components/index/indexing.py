"""Writing the manifest of a folder of videos as a new span."""

from collections.abc import Callable, Sequence

from components.mixture_gen.spans import list_manifests, span_folder
from data_prep import storage
from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.mixing.pairing import usable
from data_prep.mixing.planning import plan
from data_prep.sources import examination, kinetics, manifest
from data_prep.sources.examined_files import EXAMINED
from data_prep.sources.videos import Video


def index(
    videos: str,
    annotations: Sequence[str],
    manifests: str,
    config: DataConfig,
    *,
    beam_args: Sequence[str] = (),
    workers: int = 1,
    decode: bool = True,
    report: Callable[[str], None] = lambda _: None,
) -> str:
    """Write the manifest of a folder as a new span, unless it equals that of the newest span.

    Files that have not changed since an earlier span are not opened again. If only files that are
    not used have changed, the newest span gets their list.

    Args:
        videos: the folder.
        annotations: Kinetics' CSVs; empty to look for them.
        manifests: folder of the spans, which has one writer at a time.
        config: settings of the data set, which the videos must suffice for.
        beam_args: options of the Beam pipeline.
        workers: its processes.
        decode: whether to decode every video completely, see `examination.examine_all`.
        report: receives lines for people.

    Returns:
        The manifest's URI.

    Raises:
        UserError: the folder does not hold what mixtures need; then nothing is written.
    """
    listing = kinetics.find_videos(videos, annotations)
    for note in listing.notes:
        report(note)
    found, rejections = examination.examine_all(
        listing,
        beam_args,
        workers=workers,
        decode=decode,
        folder=storage.join(manifests, ".index"),
        kept=storage.join(manifests, EXAMINED),
        report=report,
    )
    check_enough(found, config, rejections)
    earlier = list_manifests(manifests)
    number = max(earlier, default=0)
    # Others look for spans at any time, so the folder gets its name last.
    draft = storage.join(manifests, ".draft")
    storage.remove_tree(draft)
    manifest.write_rejected(storage.join(draft, manifest.REJECTED), rejections)
    manifest.write(storage.join(draft, manifest.MANIFEST), found)
    if earlier and _equal(earlier[number], storage.join(draft, manifest.MANIFEST)):
        rejected = storage.join(storage.parent(earlier[number]), manifest.REJECTED)
        if not _equal(rejected, storage.join(draft, manifest.REJECTED)):
            storage.move(storage.join(draft, manifest.REJECTED), rejected)
        storage.remove_tree(draft)
        return earlier[number]
    span = span_folder(manifests, number + 1)
    storage.move(draft, span)
    return storage.join(span, manifest.MANIFEST)


def check_enough(
    videos: Sequence[Video],
    config: DataConfig,
    rejections: Sequence[kinetics.Rejection] = (),
) -> None:
    """Check that there are enough videos, and say why files are not used if there are not.

    Raises:
        UserError: there are too few.
    """
    try:
        plan(videos, config)
    except UserError as error:
        _, too_short = usable(videos, config.clip)
        reasons = kinetics.first_reasons([*rejections, *too_short])
        raise UserError(f"{error}{reasons}") from error


def _equal(one: str, other: str) -> bool:
    return storage.exists(one) and storage.read_bytes(one) == storage.read_bytes(other)
