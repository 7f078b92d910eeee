"""A gallery of real videos, taken apart by a pushed model: what the command `gallery` does."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from components.html.pages import Entry, GalleryPage, render_gallery
from components.html.separated_examples import Example, Footage, example_of, take_apart
from data_prep.config import ClipConfig, DataConfig
from data_prep.errors import UserError
from data_prep.media.reading import MediaError
from data_prep.mixing.pairing import MIXTURE_TYPES, Window, draw, usable
from data_prep.records.making import make_record, read_window
from data_prep.records.record import SOUND_SCALE, decode
from data_prep.sources import kinetics, manifest
from data_prep.sources.kinetics import Listing, Rejection
from data_prep.sources.manifest import Video
from data_prep.storage import write_text
from models.export.exported_model import ExportedModel
from serving.versions import find_versions, require_version

MOST_OPENED = 200
"""Files of a large folder that are opened to choose from, evenly spread over it."""


def write_gallery(
    model: Path, videos: Path, output: Path, *, mixtures: int, count: int, seed: int = 0
) -> Path:
    """Write a page of videos as they are and of mixtures of them, all taken apart.

    Args:
        model: a version's folder, or the one that holds it: then the newest version.
        videos: folder of videos.
        output: folder for `index.html`.
        mixtures: mixtures of pairs of the videos, where there are two.
        count: videos that are taken apart as they are, at most.
        seed: decides the pairs and masks.

    Returns:
        The page.

    Raises:
        UserError: there is no such model, it is no separator, or too few videos are usable.
    """
    version = find_model(model)
    listing = kinetics.find_videos(videos)
    loaded = ExportedModel(str(version))
    if not loaded.separates:
        raise UserError(f"{version}: a gallery needs a separator; the model only names classes")
    clip = loaded.clip
    opened = _spread(listing.entries, MOST_OPENED)
    found, rejected = manifest.build(Listing(opened, listing.rejections))
    usable_videos, too_short = usable(found, clip)
    rejected += too_short
    needed = 1 if count else 2
    if len(usable_videos) < needed:
        raise UserError(
            f"{videos}: usable videos are needed, at least {needed}: received {len(usable_videos)}"
            + kinetics.first_reasons(rejected)
        )
    page = GalleryPage(
        title=_name(version),
        about=_about(listing, opened, clip),
        videos=_as_they_are(loaded, clip, _spread(usable_videos, count), videos, rejected),
        mixtures=_mixed(loaded, clip, usable_videos, mixtures, seed, rejected),
        rejected=sorted({(item.path, item.reason) for item in rejected}),
    )
    if not page.videos and not page.mixtures:
        raise UserError(f"{videos}: no clip of these videos can be read")
    write_text(output / "index.html", render_gallery(page))
    return output / "index.html"


def find_model(folder: Path) -> Path:
    """Return a version's folder: the one given, or the newest in it.

    Raises:
        UserError: neither is one.
    """
    if (folder / "saved_model.pb").is_file():
        return folder.resolve()
    require_version(folder)
    return next(iter(find_versions(folder).values())).resolve()


def _name(version: Path) -> str:
    if version.name.isdecimal():
        return f"model {version.parent.name}, version {version.name}"
    return f"model {version}"


def _about(listing: Listing, opened: Sequence, clip: ClipConfig) -> str:
    text = (
        f"Clips of {clip.frames} frames of {clip.width}x{clip.height} at {clip.fps:g} fps, "
        f"{clip.seconds:.2f} s."
    )
    if len(opened) < len(listing.entries):
        text += f" Of {len(listing.entries)} videos {len(opened)} were opened."
    return text


def _as_they_are(model, clip, videos: Sequence[Video], root: Path, rejected) -> list[Entry]:
    """Take the middle of each video apart; one that cannot be read there is rejected."""
    entries = []
    for video in videos:
        start = max(0.0, (video.duration - clip.seconds) / 2)
        try:
            window = read_window(Window(video, start, 0.5, 0.5), clip)
        except MediaError as error:
            rejected.append(Rejection(error.path, error.reason))
            continue
        sound = window.sound.astype(np.float32) / SOUND_SCALE if window.has_sound else None
        title = Path(video.path).relative_to(root.resolve()).as_posix()
        about = f"from {start:.2f} s"
        example = Example(title, about, Footage(window.frames, sound))
        entries.append(take_apart(model, clip, example))
    return entries


def _mixed(model, clip, videos: Sequence[Video], count: int, seed, rejected) -> dict:
    """Mix pairs of videos, half of them each way, and take them apart: type -> entries.

    One video alone makes no mixture.
    """
    config = DataConfig(clip=clip, seed=seed)
    held_out = [replace(video, split="eval") for video in videos]
    entries: dict[str, list[Entry]] = {name: [] for name in MIXTURE_TYPES}
    pairings = draw(held_out, "eval", count, config) if count and len(videos) > 1 else ()
    for pairing in pairings:
        record, report = make_record(pairing, config)
        if record is None:
            rejected.append(Rejection(report.path, report.reason))
            continue
        title = f"{pairing.v1.video.id} and {pairing.v2.video.id}"
        entry = take_apart(model, clip, example_of(decode(record, clip), title))
        entries[pairing.mixture_type].append(entry)
    return {name: found for name, found in entries.items() if found}


def _spread(items: Sequence, count: int) -> list:
    """Return at most so many items, evenly spread over all of them."""
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[place] for place in places]
