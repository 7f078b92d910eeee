"""A sample data set in Kinetics' layout, rendered, so that everything can be tried from scratch."""

import base64
import csv
import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from data_prep import storage
from data_prep.errors import UserError
from data_prep.media.encoding import write_video
from data_prep.progress_bar import watching
from data_prep.results import Results
from data_prep.sample.sample_config import MAX_CLASSES, Colors
from data_prep.sample.scenes import SceneClass, render, scene_classes
from data_prep.settings import MAX_SEED
from data_prep.sources.annotations import COLUMNS

_TRAIN, _VALIDATE = "train", "validate"  # the names of the splits in the annotations

_SETTINGS = "sample.json"
_SECONDS = 5  # according to the annotations; the files are a little longer, as Kinetics' often are
_VALIDATE_SHARE = 0.2
_WORKERS = 2
_RENDERING = 2  # raise it whenever the same settings give other videos


class SampleSettings(Results):
    """Settings of a sample, as `sample.json` holds them, and the version of the rendering."""

    clips: int
    classes: int
    colors: Colors = "class"
    seed: int
    rendering: int = _RENDERING


@dataclass(frozen=True)
class _Video:
    scene: SceneClass
    seed: tuple[int, ...]
    youtube_id: str
    start: int
    split: str

    def uri(self, folder: str) -> str:
        """Return the file of the video in the folder of the sample."""
        name = f"{self.youtube_id}_{self.start:06d}_{self.start + _SECONDS:06d}.mp4"
        return storage.join(folder, "videos", self.scene.label, name)

    @property
    def row(self) -> tuple[str | int, ...]:
        """The values of `COLUMNS`."""
        end = self.start + _SECONDS
        return self.scene.label, self.youtube_id, self.start, end, self.split


def write_sample(
    output: str, *, clips: int = 96, classes: int = 8, colors: Colors = "class", seed: int = 0
) -> None:
    """Render videos and their annotations in Kinetics' layout.

    The videos are `videos/<label>/<id>_<start>_<end>.mp4`, the annotations `train.csv` and
    `validate.csv`, the settings `sample.json`. A fifth of each class is for validation. The same
    settings give the same bytes; an existing sample is left as it is. `sample.json` is there only
    once all the others are; on this machine, so is the folder.

    Args:
        output: the folder, a URI; missing, empty, or a sample of the same settings.
        clips: number of videos, at least two for each class.
        classes: number of classes, 2 to 16.
        colors: whether a hue belongs to a class or to a scene.
        seed: 0 to `data_prep.settings.MAX_SEED`.

    Raises:
        UserError: a number out of range, or something else is in the place of the folder.
    """
    _check(clips, classes, seed)
    output = storage.absolute(output)
    settings = SampleSettings(clips=clips, classes=classes, colors=colors, seed=seed)
    if _exists(output, settings):
        return
    videos = list(_videos(settings))
    with storage.replacing_folder(output) as folder:
        _render_all(folder, videos)
        for split in (_TRAIN, _VALIDATE):
            file = storage.join(folder, f"{split}.csv")
            storage.write_text(file, _annotations([v for v in videos if v.split == split]))
        # Last, because it is what tells that a sample in an object store is complete.
        settings.write(storage.join(folder, _SETTINGS))


def _check(clips: int, classes: int, seed: int) -> None:
    if not 2 <= classes <= MAX_CLASSES:
        raise UserError(f"classes: must be from 2 to {MAX_CLASSES}, got {classes}")
    if clips < 2 * classes:
        raise UserError(
            f"clips: must be at least 2 for each class, one to train and one to validate with, "
            f"got {clips} clips of {classes} classes"
        )
    if not 0 <= seed <= MAX_SEED:
        raise UserError(f"seed: must be from 0 to {MAX_SEED}, got {seed}")


def _exists(output: str, settings: SampleSettings) -> bool:
    """Say whether exactly this sample exists.

    Raises:
        UserError: something else is there.
    """
    file = storage.join(output, _SETTINGS)
    if not storage.exists(file):
        storage.require_new(output, "sample folder")
        return False
    found = SampleSettings.read(file)
    if found != settings:
        raise UserError(
            f"{output}: holds a sample of other settings ({found}), requested: {settings}; "
            "choose another folder"
        )
    storage.remove(storage.join(output, storage.UNFINISHED))  # of a run killed at its end
    return True


def _videos(settings: SampleSettings) -> Iterator[_Video]:
    clips, classes, seed = settings.clips, settings.classes, settings.seed
    for index, scene in enumerate(scene_classes(classes, settings.colors)):
        members = range(index, clips, classes)
        validate = max(1, round(_VALIDATE_SHARE * len(members)))
        for rank, number in enumerate(members):
            digest = hashlib.sha256(f"{seed}/{classes}/{number}".encode()).digest()
            yield _Video(
                scene=scene,
                seed=(seed, classes, number),
                youtube_id=base64.urlsafe_b64encode(digest)[:11].decode(),
                start=digest[-1],
                split=_VALIDATE if rank < validate else _TRAIN,
            )


def _render_all(folder: str, videos: list[_Video]) -> None:
    def write(video: _Video) -> None:
        scene = render(video.scene, video.seed)
        write_video(
            video.uri(folder),
            scene.frames,
            fps=scene.fps,
            audio=scene.audio,
            sample_rate=scene.sample_rate,
        )
        done.append(video)

    done: list[_Video] = []
    with (
        watching("Rendering", len(videos), lambda: len(done)),
        ThreadPoolExecutor(_WORKERS) as pool,  # most of the work is done outside the GIL
    ):
        list(pool.map(write, videos))


def _annotations(videos: list[_Video]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(video.row for video in videos)
    return text.getvalue()
