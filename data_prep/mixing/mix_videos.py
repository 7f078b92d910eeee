"""Mixing of two video files into one, to try a separator on a known mixture."""

import numpy as np

from data_prep import storage
from data_prep.config import ClipConfig, DataConfig
from data_prep.errors import UserError
from data_prep.media.clip import read_clip
from data_prep.media.encoding import write_video
from data_prep.media.probe import probe
from data_prep.mixing.compose import as_share, mix_uint8
from data_prep.mixing.mixture_types import get_mixture_type

FPS = 25.0


def mix_videos(
    target: str,
    other: str,
    output: str,
    *,
    mixture_type: str = "transparency",
    seconds: float = 5.0,
    size: int = 224,
    segments: int = 10,
    seed: int = 0,
) -> float:
    """Write a video that shows two at once, with the audio of the first.

    Args:
        target: V1, the video whose audio is kept.
        other: V2.
        output: the MP4 to write, 25 frames per second.
        mixture_type: how the two are mixed, a name in `MIXTURE_TYPES`.
        seconds: maximum length; the shorter video limits it.
        size: height and width of the frames in pixels, the center of each video.
        segments: SLIC supervoxels of an occlusion.
        seed: decides all that is random about the mixture.

    Returns:
        The seconds written.

    Raises:
        UserError: a file is not a usable video, or there is no such mixture type.
    """
    mixing = get_mixture_type(mixture_type)
    with storage.local_copy(target) as path1, storage.local_copy(other) as path2:
        seconds = min(seconds, probe(path1).duration, probe(path2).duration)
        frames = int(seconds * FPS)
        if frames < 2:
            raise UserError(f"{target}, {other}: both must last 0.08 s, got {seconds:.2f} s")
        clip = ClipConfig(frames=frames, fps=FPS, height=size, width=size, short_side=size)
        v1, v2 = read_clip(path1, clip, start=0.0), read_clip(path2, clip, start=0.0)
    settings = DataConfig(clip=clip, segments=segments)
    mixture = mixing.prepare(v1.frames, v2.frames, np.random.default_rng(seed), settings)
    write_video(
        output,
        mix_uint8(mixture.v1, mixture.v2, as_share(mixture.alpha)),
        fps=FPS,
        audio=v1.audio if v1.has_audio else None,
        sample_rate=clip.sample_rate if v1.has_audio else None,
    )
    return frames / FPS
