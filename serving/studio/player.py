"""What the player on the page shows, as JSON values for `assets/player.js`."""

import base64
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from data_prep.media.encoding import write_video
from serving.separate import Separation
from serving.studio.mosaic import tile
from serving.studio.shown_videos import ShownVideo, main_videos, part_videos

_SCALE = 2  # so that colors, which the video has at half its size, keep that of the panels

NOTHING: dict[str, Any] = {}
"""Nothing to show yet."""


def failure(message: str) -> dict[str, Any]:
    """Return what to show if a separation fails."""
    return {"error": message}


def playing(separation: Separation) -> dict[str, Any]:
    """Return what to show of a separation.

    Returns:
        `video`: one video that holds all panels, as a data URL; `scale`: factor by which it is
        enlarged; `seconds`: its length; `width`, `height`: pixels of a panel; `groups`: the panels
        with their `left` and `top`, by `title`; `status`: the choice in words, empty without
        control; `silent`: whether there is no audio.
    """
    panels = [*main_videos(separation), *part_videos(separation)]
    video, places = tile([panel.frames for panel in panels])
    placed = zip(panels, places, strict=True)
    return {
        "video": _data_url(video.repeat(_SCALE, axis=1).repeat(_SCALE, axis=2), separation),
        "scale": _SCALE,
        "seconds": separation.config.seconds,
        "width": separation.config.width,
        "height": separation.config.height,
        "groups": [
            {"title": title, "panels": [_described(*item) for item in items]}
            for title, items in groupby(placed, key=lambda item: item[0].group)
        ],
        "status": _status(separation),
        "silent": separation.audio is None,
    }


def _described(panel: ShownVideo, place: tuple[int, int]) -> dict[str, Any]:
    left, top = place
    return {
        "caption": panel.caption,
        "chosen": panel.chosen,
        "score": None if panel.score is None else f"{panel.score:.3f}",
        "left": left,
        "top": top,
    }


def _status(separation: Separation) -> str:
    if separation.has_silent_cue:
        return "The audio is silent in this window, so the choice is not meaningful."
    if separation.chosen is None:
        return ""
    return f"The audio selects output {separation.chosen + 1}."


def _data_url(video: np.ndarray, separation: Separation) -> str:
    config, audio = separation.config, separation.audio
    with TemporaryDirectory(prefix="studio-") as folder:
        path = Path(folder) / "mosaic.mp4"
        rate = None if audio is None else config.sample_rate
        write_video(path, video, fps=config.fps, audio=audio, sample_rate=rate)
        return f"data:video/mp4;base64,{base64.b64encode(path.read_bytes()).decode()}"
