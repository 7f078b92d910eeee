"""Separation of a real video file by a server, written for people to watch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from data_prep import storage
from data_prep.config import ClipConfig
from data_prep.default_outputs import default_outputs
from data_prep.errors import UserError
from data_prep.media.clip import Clip, read_audio, read_clip
from data_prep.media.encoding import write_video
from data_prep.media.frames import middle_start
from data_prep.media.pcm import to_float
from data_prep.media.probe import probe
from serving.client import SeparationClient
from serving.cue import OWN_AUDIO, cue_file
from serving.side_by_side import CaptionedVideo, enlarge, in_columns, in_rows
from serving.signature import DEFAULT


@dataclass(frozen=True, eq=False)
class Separation:
    """A window of a video and its separation.

    Attributes:
        config: shape of the window.
        start: seconds after the video's first frame.
        clip: the window.
        cue: int16 `[S]`, the audio that selects the output; None without control.
        outputs: uint8 `[n, T, H, W, 3]`.
        scores: float32 `[n]`, the predicted loss of each output against the target clip, so lower
            is better; None if the model predicts none.
        chosen: index of the output that the model selects; None without control.
        parts: other outputs of the model that were asked for, by name; shapes as in
            `SeparationClient.separate`.
    """

    config: ClipConfig
    start: float
    clip: Clip
    cue: np.ndarray | None
    outputs: np.ndarray
    scores: np.ndarray | None
    chosen: int | None
    parts: Mapping[str, np.ndarray]

    @property
    def has_silent_cue(self) -> bool:
        """Whether the choice means little because the cue is silent."""
        return self.cue is not None and not self.cue.any()

    @property
    def audio(self) -> np.ndarray | None:
        """Audio of the outputs, int16 `[S]`: the cue, or the video's own; None for silence."""
        if self.cue is None:
            return self.clip.audio if self.clip.has_audio else None
        return None if self.has_silent_cue else self.cue


def separate(
    client: SeparationClient,
    video: str,
    *,
    start: float | None = None,
    cue: str = OWN_AUDIO,
    shift: float = 0.0,
    duration: float | None = None,
    parts: Iterable[str] = (),
) -> Separation:
    """Separate one window of a video.

    Args:
        client: client of the model.
        video: the file.
        start: start of the window in seconds; the middle window by default.
        cue: what selects the output; see `cue_file`.
        shift: seconds by which the cue is taken later than the video, or earlier if negative.
        duration: length of the video in seconds, if it has been examined already.
        parts: other outputs to request, such as `layers`; those that the model lacks are left out.

    Raises:
        UserError: the file is not a video or is shorter than the window, the window is not inside
            it, or `cue` is a file and given to a model without control.
        ServingError: the server does not answer, or not as requested.
    """
    with storage.local_copy(video) as path:
        if duration is None:
            duration = probe(path, decode=False).duration
        config, control = client.description().clip, client.has_control()
        audio = cue_file(cue, video, has_control=control)
        start = _window_start(video, duration, config, start)
        clip = read_clip(path, config, start=start)
    samples = _read_cue(audio, config, start + shift) if control else None
    known = client.signatures()[DEFAULT].outputs
    extra = [name for name in parts if name in known]
    answer = client.separate(
        clip.frames,
        None if samples is None else to_float(samples),
        outputs=[*default_outputs(known), *extra] if extra else None,
    )
    return Separation(
        config=config,
        start=start,
        clip=clip,
        cue=samples,
        outputs=answer["outputs"],
        scores=answer.get("scores"),
        chosen=int(answer["chosen"]) if "chosen" in answer else None,
        parts={name: answer[name] for name in extra},
    )


def write(separation: Separation, output: str) -> list[tuple[str, str]]:
    """Write the window, each output, and all of them side by side into a new folder.

    The folder appears whole or not at all. Small videos are enlarged. With control, the chosen
    output has the cue as its audio and the others are silent; without, all have the video's audio.

    Args:
        separation: the separation.
        output: the folder, which must be new or empty.

    Returns:
        (file name, description) of every file.

    Raises:
        UserError: the folder is not empty.
    """
    panels = [CaptionedVideo("input", enlarge(separation.clip.frames)), *_output_panels(separation)]
    own = separation.clip.audio if separation.clip.has_audio else None
    written = []
    storage.require_new(output, "--output")
    with storage.replacing_folder(output) as folder:
        for index, panel in enumerate(panels):
            name = f"output_{index}.mp4" if index else "input.mp4"
            has_cue = panel.chosen or separation.cue is None
            audio = own if index == 0 else separation.audio if has_cue else None
            _write_video(storage.join(folder, name), panel.frames, separation.config, audio)
            written.append((name, panel.caption + ("" if audio is None else ", with audio")))
        beside = storage.join(folder, "side_by_side.mp4")
        _write_video(beside, in_columns(panels), separation.config, separation.audio)
        with storage.replacing(storage.join(folder, "side_by_side.png")) as path:
            Image.fromarray(in_rows(panels)).save(path, format="PNG")
    return [
        *written,
        ("side_by_side.mp4", "all of them side by side"),
        ("side_by_side.png", "contact sheet, one row for each of them"),
    ]


def _window_start(video: str, duration: float, config: ClipConfig, start: float | None) -> float:
    # The window ends when its last frame is shown, not when the next one would be.
    last = duration - config.seconds + 0.5 / config.fps
    if last < 0:
        raise UserError(
            f"{video}: must last at least {config.seconds:.2f} s, {config.frames} frames at "
            f"{config.fps:g} per second, got {duration:.2f} s"
        )
    if start is None:
        return middle_start(duration, config)
    if not 0 <= start <= last:
        raise UserError(
            f"--window: must be from 0 to {max(0.0, duration - config.seconds):.2f} for "
            f"{config.seconds:.2f} s of {video}, which lasts {duration:.2f} s, got {start:g}"
        )
    return start


def _read_cue(audio: str | None, config: ClipConfig, start: float) -> np.ndarray:
    if audio is None:
        return np.zeros(config.samples, np.int16)
    with storage.local_copy(audio) as path:
        return read_audio(path, start=start, samples=config.samples, sample_rate=config.sample_rate)


def _output_panels(separation: Separation) -> list[CaptionedVideo]:
    panels = []
    for index, frames in enumerate(separation.outputs):
        chosen = index == separation.chosen
        caption = f"output {index + 1}"
        if chosen:
            caption += ", chosen"
        if separation.scores is not None:
            caption += f", score {separation.scores[index]:.3f}"
        panels.append(CaptionedVideo(caption, enlarge(frames), chosen))
    return panels


def _write_video(
    uri: str, frames: np.ndarray, config: ClipConfig, audio: np.ndarray | None
) -> None:
    rate = None if audio is None else config.sample_rate
    write_video(uri, frames, fps=config.fps, audio=audio, sample_rate=rate)
