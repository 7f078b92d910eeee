"""A sample data set in Kinetics' layout, rendered, so that everything can be tried from nothing."""

import base64
import csv
import hashlib
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from data_prep.config import MAX_SEED
from data_prep.errors import UserError
from data_prep.media.encoding import write_video
from data_prep.progress_bar import watching
from data_prep.sample.scenes import MAX_CLASSES, SceneClass, render, scene_classes
from data_prep.sources.kinetics import COLUMNS

SPLITS = ("train", "validate")

_SECONDS = 5  # by the annotations; the files are a little longer, as Kinetics' often are
_VALIDATE_SHARE = 0.2
_WORKERS = 2
_RENDERING = 1  # to be raised whenever the same settings give other videos


@dataclass(frozen=True)
class _Video:
    scene: SceneClass
    seed: tuple[int, ...]
    youtube_id: str
    start: int
    split: str

    @property
    def path(self) -> Path:
        name = f"{self.youtube_id}_{self.start:06d}_{self.start + _SECONDS:06d}.mp4"
        return Path("videos", self.scene.label, name)

    @property
    def row(self) -> tuple:
        """The values of `COLUMNS`."""
        end = self.start + _SECONDS
        return self.scene.label, self.youtube_id, self.start, end, self.split


def write_sample(output: Path, *, clips: int = 96, classes: int = 8, seed: int = 0) -> None:
    """Render videos and their annotations in Kinetics' layout.

    The videos are `videos/<label>/<id>_<start>_<end>.mp4`, the annotations `train.csv` and
    `validate.csv`, the settings `sample.json`. A fifth of each class is for validation. The same
    settings give the same bytes; a sample that is there already is left as it is. The folder
    appears under its name only when it is whole.

    Args:
        output: the folder; missing, empty, or a sample of the same settings.
        clips: how many videos, at least two for each class.
        classes: how many classes, 2 to 16.
        seed: 0 to `data_prep.config.MAX_SEED`.

    Raises:
        UserError: a number out of range, or another thing in the folder's place.
    """
    _check(clips, classes, seed)
    output = Path(output)
    settings = {"clips": clips, "classes": classes, "seed": seed, "rendering": _RENDERING}
    if _is_there(output, settings):
        return
    partial = output.absolute().with_name(f".{output.absolute().name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
    try:
        videos = list(_videos(clips, classes, seed))
        _render_all(partial, videos)
        for split in SPLITS:
            _write_annotations(partial / f"{split}.csv", [v for v in videos if v.split == split])
        (partial / "sample.json").write_text(json.dumps(settings, indent=2) + "\n")
        partial.replace(output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _check(clips: int, classes: int, seed: int) -> None:
    if not 2 <= classes <= MAX_CLASSES:
        raise UserError(f"classes must be from 2 to {MAX_CLASSES}: received {classes}")
    if clips < 2 * classes:
        raise UserError(
            f"clips must be at least 2 for each class, one to train and one to validate with: "
            f"received {clips} clips of {classes} classes"
        )
    if not 0 <= seed <= MAX_SEED:
        raise UserError(f"seed must be from 0 to {MAX_SEED}: received {seed}")


def _is_there(output: Path, settings: dict) -> bool:
    """Whether the very sample is in the folder; an error if anything else is."""
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return False
    try:
        found = json.loads((output / "sample.json").read_text())
    except (OSError, ValueError):
        raise UserError(
            f"{output}: the sample's folder must be new or empty, and this is neither; "
            f"choose another"
        ) from None
    if found != settings:
        raise UserError(
            f"{output}: holds a sample of other settings: {json.dumps(found)}, asked for "
            f"{json.dumps(settings)}; choose another folder"
        )
    return True


def _videos(clips: int, classes: int, seed: int) -> Iterator[_Video]:
    for index, scene in enumerate(scene_classes(classes)):
        members = range(index, clips, classes)
        validate = max(1, round(_VALIDATE_SHARE * len(members)))
        for rank, number in enumerate(members):
            digest = hashlib.sha256(f"{seed}/{classes}/{number}".encode()).digest()
            yield _Video(
                scene=scene,
                seed=(seed, classes, number),
                youtube_id=base64.urlsafe_b64encode(digest)[:11].decode(),
                start=digest[-1],
                split="validate" if rank < validate else "train",
            )


def _render_all(folder: Path, videos: list[_Video]) -> None:
    def write(video: _Video) -> None:
        path = folder / video.path
        path.parent.mkdir(parents=True, exist_ok=True)
        scene = render(video.scene, video.seed)
        write_video(
            path, scene.frames, fps=scene.fps, sound=scene.sound, sample_rate=scene.sample_rate
        )
        done.append(video)

    done = []
    with (
        watching("Rendering", len(videos), lambda: len(done)),
        ThreadPoolExecutor(_WORKERS) as pool,  # encoding, most of the work, runs outside the GIL
    ):
        list(pool.map(write, videos))


def _write_annotations(path: Path, videos: list[_Video]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(video.row for video in videos)
