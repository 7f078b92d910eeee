"""A real video file is taken apart by a server, and what it gives is written for a person."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from data_prep.config import ClipConfig
from data_prep.errors import UserError
from data_prep.media.reading import Clip, probe, read_clip, read_sound, write_video
from serving.client import Client
from serving.panels import Panel, enlarge, in_columns, in_rows


@dataclass(frozen=True, eq=False)
class Separation:
    """A window of a video, and what a model took it apart into.

    Attributes:
        config: the window's shape.
        start: seconds after the video's first picture.
        clip: the window.
        cue: int16 [S], the sound that says which output is wanted; None without control.
        outputs: uint8 [n, T, H, W, 3].
        scores: float32 [n], the predicted loss of each output against the wanted video, the lower
            the likelier; None where the model predicts none.
        chosen: the output that the model takes for the wanted video; None without control.
    """

    config: ClipConfig
    start: float
    clip: Clip
    cue: np.ndarray | None
    outputs: np.ndarray
    scores: np.ndarray | None
    chosen: int | None


def separate(
    client: Client, video: Path, *, start: float | None = None, audio: Path | None = None
) -> Separation:
    """Have a server take one window of a video apart.

    Args:
        client: knows the server and the model.
        video: the file.
        start: of the window, in seconds; None for the window in the middle of the video.
        audio: a file whose sound, at the same place, is the cue; None for the video's own sound.

    Raises:
        UserError: the video is none or is shorter than the window, the window is not inside it,
            or `audio` is given and the model takes no sound.
        ServingError: the server does not answer, or not as asked.
    """
    info = probe(video)
    config = client.clip()
    control = client.has_control()
    if audio is not None and not control:
        raise UserError(
            f"--audio {audio}: the model takes no sound that says which output is wanted; "
            "ask for one with control, or leave --audio out"
        )
    start = _window_start(video, info.duration, config, start)
    clip = read_clip(video, config, start=start)
    cue = _cue(clip, config, start, audio) if control else None
    given = client.separate(clip.frames, None if cue is None else cue.astype(np.float32) / 2**15)
    return Separation(
        config=config,
        start=start,
        clip=clip,
        cue=cue,
        outputs=given["outputs"],
        scores=given.get("scores"),
        chosen=int(given["chosen"]) if "chosen" in given else None,
    )


def write(separation: Separation, output: Path) -> list[tuple[str, str]]:
    """Write what a separation is and gives as videos and pictures into a new folder.

    The folder appears whole or not at all. Small videos are enlarged. With control the chosen
    output has the cue as its sound and the others are silent; without, all have the video's sound.

    Args:
        separation: what to write.
        output: the folder, which must not exist or be empty.

    Returns:
        (file name, what it is) of everything written.

    Raises:
        UserError: the folder holds something.
    """
    panels = [Panel("input", enlarge(separation.clip.frames)), *_output_panels(separation)]
    own, cue = _sounds(separation)
    written = []
    with new_folder(output) as folder:
        for index, panel in enumerate(panels):
            name = f"output_{index}.mp4" if index else "input.mp4"
            heard = panel.chosen or separation.cue is None
            sound = own if index == 0 else cue if heard else None
            _write_video(folder / name, panel.frames, separation.config, sound)
            written.append((name, panel.caption + ("" if sound is None else ", with sound")))
        _write_video(folder / "side_by_side.mp4", in_columns(panels), separation.config, cue)
        Image.fromarray(in_rows(panels)).save(folder / "side_by_side.png")
    return [
        *written,
        ("side_by_side.mp4", "all of them beside each other"),
        ("side_by_side.png", "a row for each of them"),
    ]


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path` that becomes `path` if the block ends well.

    Raises:
        UserError: `path` holds something, or is no folder.
    """
    require_free(path)
    path = path.resolve()
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.replace(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def require_free(path: Path) -> None:
    """Raise UserError unless a folder can be made at `path`: nothing, or an empty folder."""
    if path.exists() and not path.is_dir():
        raise UserError(f"--output {path}: expected a folder, found a file")
    if path.is_dir() and any(path.iterdir()):
        raise UserError(f"--output {path}: expected a new or empty folder, found one with files")


def _window_start(video: Path, duration: float, config: ClipConfig, start: float | None) -> float:
    # The window ends when its last picture is shown, not when a next one would be.
    last = duration - config.seconds + 0.5 / config.fps
    if last < 0:
        raise UserError(
            f"{video}: lasts {duration:.2f} s; the model takes a window of {config.seconds:.2f} s "
            f"({config.frames} pictures at {config.fps:g} a second)"
        )
    if start is None:
        return max(0.0, (duration - config.seconds) / 2)
    if not 0 <= start <= last:
        raise UserError(
            f"--start {start:g}: the window of {config.seconds:.2f} s must lie in {video}, which "
            f"lasts {duration:.2f} s: at least 0, at most {max(0.0, duration - config.seconds):.2f}"
        )
    return start


def _cue(clip: Clip, config: ClipConfig, start: float, audio: Path | None) -> np.ndarray:
    if audio is None:
        return clip.sound
    return read_sound(audio, start=start, samples=config.samples, sample_rate=config.sample_rate)


def _sounds(separation: Separation) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The video's own sound and the one its outputs are heard with; None for silence."""
    own = separation.clip.sound if separation.clip.has_sound else None
    if separation.cue is None:
        return own, own
    return own, separation.cue if separation.cue.any() else None


def _output_panels(separation: Separation) -> list[Panel]:
    panels = []
    for index, frames in enumerate(separation.outputs):
        chosen = index == separation.chosen
        caption = f"output {index + 1}"
        if chosen:
            caption += ", chosen"
        if separation.scores is not None:
            caption += f", score {separation.scores[index]:.3f}"
        panels.append(Panel(caption, enlarge(frames), chosen))
    return panels


def _write_video(path: Path, frames: np.ndarray, config: ClipConfig, sound) -> None:
    rate = None if sound is None else config.sample_rate
    write_video(path, frames, fps=config.fps, sound=sound, sample_rate=rate)
