"""Print digests of records whose mixtures are easily decided by the last bit of a color."""

import hashlib
from dataclasses import replace

import numpy as np

from data_prep.config import ClipConfig, DataConfig
from data_prep.media.clip import Clip
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.mixing.pairing import Pairing, Window
from data_prep.records.record import Mixture, encode
from data_prep.sources.videos import Video

CLIP = ClipConfig(frames=32, fps=16, height=64, width=64, short_side=64, sample_rate=8_000)
VIDEO = Video(
    path="a.mp4", id="a", source="a", label="", split="", bytes=1, sha256="", duration=2.0,
    width=64, height=64, fps=16.0, video_stream=0, audio_stream=None, loudness=None,
)  # fmt: skip

COUNTS = {name: 12 if name == "occlusion" else 2 for name in MIXTURE_TYPES}


def gradient(seed: int) -> Clip:
    """A colored gradient that stands still, in which many voxels are as near to two centers."""
    color = np.random.default_rng(seed).random(3)
    ramp = np.linspace(0, 255, CLIP.width // 2).repeat(2)[None, None, :, None] * color
    frames = np.broadcast_to(ramp, (CLIP.frames, CLIP.height, CLIP.width, 3)).astype(np.uint8)
    return Clip(frames, np.zeros(CLIP.samples, np.int16), has_audio=False)


def record(index: int, mixture_type: str) -> bytes:
    window = Window(VIDEO, 0.0, 0.5, 0.5)
    pairing = Pairing("train", index, 0, mixture_type, window, window)
    v1, v2 = gradient(2 * index), gradient(2 * index + 1)
    kind = MIXTURE_TYPES[mixture_type]
    made = kind.prepare(v1.frames, v2.frames, pairing.mixing_rng(), DataConfig(clip=CLIP))
    v1, v2 = replace(v1, frames=made.v1), replace(v2, frames=made.v2)
    return encode(Mixture(pairing, v1, v2, made.alpha, made.front))


def digests() -> list[str]:
    return [
        hashlib.sha256(record(index, name)).hexdigest()
        for name, count in COUNTS.items()
        for index in range(count)
    ]


if __name__ == "__main__":
    print("\n".join(digests()))
