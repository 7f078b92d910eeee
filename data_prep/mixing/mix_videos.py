"""Two video files become one that shows both: for trying a separator on a known mixture."""

from pathlib import Path

import numpy as np

from data_prep.config import ClipConfig
from data_prep.errors import UserError
from data_prep.media.reading import probe, read_clip, write_video
from data_prep.mixing.compose import compose, occlusion_alpha


def mix_videos(
    wanted: Path,
    other: Path,
    output: Path,
    *,
    occlusion: bool = False,
    seconds: float = 5.0,
    size: int = 224,
    segments: int = 10,
    seed: int = 0,
) -> float:
    """Write a video that shows two at once, with the sound of the first.

    Args:
        wanted: V1, the video that sounds.
        other: V2.
        output: the MP4 to write, 25 pictures a second.
        occlusion: V1's content hides V2 in places; else both are blended half and half.
        seconds: length at most; the shorter video limits it.
        size: pixels of its square pictures, the middle of each video.
        segments: SLIC supervoxels of an occlusion.
        seed: decides which of them occlude.

    Returns:
        The seconds written.

    Raises:
        UserError: a file is no usable video.
    """
    fps = 25.0
    seconds = min(seconds, probe(wanted).duration, probe(other).duration)
    frames = int(seconds * fps)
    if frames < 2:
        raise UserError(f"{wanted}, {other}: both must last 0.08 s: received {seconds:.2f} s")
    clip = ClipConfig(frames=frames, fps=fps, height=size, width=size, short_side=size)
    v1, v2 = read_clip(wanted, clip, start=0.0), read_clip(other, clip, start=0.0)
    alpha = 0.5
    if occlusion:
        mask = occlusion_alpha(v1.frames, segments, np.random.default_rng(seed))
        alpha = mask[..., None].astype(np.float32)
    mixed = compose(v1.frames.astype(np.float32), v2.frames.astype(np.float32), alpha)
    write_video(
        output,
        mixed.round().astype(np.uint8),
        fps=fps,
        sound=v1.sound if v1.has_sound else None,
        sample_rate=clip.sample_rate if v1.has_sound else None,
    )
    return frames / fps
