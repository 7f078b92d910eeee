"""A gallery of real videos, separated by a pushed model: the command `gallery`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from components.html.pages import Entry, GalleryPage, write_page
from components.separated_examples import Example, Footage, example_of, separate_example
from data_prep import storage
from data_prep.config import ClipConfig, DataConfig
from data_prep.errors import UserError
from data_prep.media.decoding import MediaError
from data_prep.media.frames import evenly_spaced, middle_start
from data_prep.media.pcm import to_float
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.mixing.pairing import Window, draw, usable
from data_prep.records.making import make_record, read_window
from data_prep.records.record import decode
from data_prep.sources import examination, kinetics
from data_prep.sources.kinetics import Listing, Rejection
from data_prep.sources.videos import Video
from data_prep.splits import EVAL
from models.export.exported_model import ExportedModel
from serving.versions import find_model

MOST_OPENED = 200
"""Files of a large folder that are opened to choose from, evenly spread over it."""


def write_gallery(
    model: Path,
    videos: str,
    output: Path,
    *,
    annotations: Sequence[str] = (),
    mixtures: int,
    count: int,
    seed: int = 0,
) -> Path:
    """Write a page of videos as they are and of mixtures of them, all separated.

    Args:
        model: the folder of a version, or the one above it for the newest version.
        videos: folder of videos.
        output: folder for `index.html`.
        annotations: Kinetics' CSVs; empty to look for them.
        mixtures: number of mixtures of pairs of the videos, if there are two.
        count: largest number of videos that are separated as they are.
        seed: decides the pairs and the masks.

    Returns:
        The page.

    Raises:
        UserError: there is no such model, it does not separate, or too few videos are usable.
    """
    version = find_model(model)
    listing = kinetics.find_videos(videos, annotations)
    loaded = ExportedModel(str(version))
    if not loaded.system.task.separates_layers:
        raise UserError(f"{version}: must be a system that separates, got {loaded.system.name}")
    clip = loaded.clip
    opened = [listing.entries[i] for i in evenly_spaced(MOST_OPENED, len(listing.entries))]
    # Not decoded: only a few windows are shown, and a damaged one is rejected when it is read.
    found, rejected = examination.examine_all(Listing(opened, listing.rejections), decode=False)
    long_enough, too_short = usable(found, clip)
    rejected += too_short
    needed = 1 if count else 2
    if len(long_enough) < needed:
        raise UserError(
            f"{videos}: must hold at least {needed} usable videos, got {len(long_enough)}"
            + kinetics.first_reasons(rejected)
        )
    chosen = [long_enough[i] for i in evenly_spaced(count, len(long_enough))]
    page = GalleryPage(
        title=_name(version),
        about=_about(listing, opened, clip),
        videos=_separated(loaded, chosen, storage.absolute(videos), rejected),
        mixtures=_separated_mixtures(loaded, long_enough, mixtures, seed, rejected),
        rejected=sorted({(item.path, item.reason) for item in rejected}),
    )
    if not page.videos and not page.mixtures:
        raise UserError(f"{videos}: no clip of these videos can be read")
    write_page(page, str(output), "index.html")
    return output / "index.html"


def _name(version: Path) -> str:
    if version.name.isdecimal():
        return f"model {version.parent.name}, version {version.name}"
    return f"model {version}"


def _about(listing: Listing, opened: Sequence[kinetics.Entry], clip: ClipConfig) -> str:
    text = (
        f"Clips of {clip.frames} frames of {clip.width}x{clip.height} at {clip.fps:g} fps, "
        f"{clip.seconds:.2f} s."
    )
    if len(opened) < len(listing.entries):
        text += f" {len(opened)} of {len(listing.entries)} videos were opened."
    return text


def _separated(
    model: ExportedModel, videos: Sequence[Video], root: str, rejected: list[Rejection]
) -> list[Entry]:
    """Separate the middle of each video; one that cannot be read there is rejected."""
    entries = []
    for video in videos:
        start = middle_start(video.duration, model.clip)
        try:
            window = read_window(Window(video, start, 0.5, 0.5), model.clip)
        except MediaError as error:
            rejected.append(Rejection(error.path, error.reason))
            continue
        audio = to_float(window.audio) if window.has_audio else None
        title = video.path.removeprefix(root).lstrip("/")
        example = Example(title, f"from {start:.2f} s", Footage(window.frames, audio))
        entries.append(separate_example(model, model.clip, example))
    return entries


def _separated_mixtures(
    model: ExportedModel,
    videos: Sequence[Video],
    count: int,
    seed: int,
    rejected: list[Rejection],
) -> dict[str, list[Entry]]:
    """Mix pairs of videos, and separate them: mixture type -> entries.

    A single video makes no mixture.
    """
    config = DataConfig(clip=model.clip, seed=seed)
    held_out = [replace(video, split=EVAL) for video in videos]
    entries: dict[str, list[Entry]] = {name: [] for name in MIXTURE_TYPES}
    pairings = draw(held_out, EVAL, count, config) if count and len(videos) > 1 else ()
    for pairing in pairings:
        record, outcome = make_record(pairing, config)
        if record is None:
            rejected.append(Rejection(outcome.path, outcome.reason))
            continue
        title = f"{pairing.v1.video.id} and {pairing.v2.video.id}"
        example = example_of(decode(record, model.clip), title)
        entries[pairing.mixture_type].append(separate_example(model, model.clip, example))
    return {name: found for name, found in entries.items() if found}
