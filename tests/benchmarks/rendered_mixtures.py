"""Mixtures of rendered videos, made on the fly; needs neither files nor TensorFlow."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from itertools import count
from multiprocessing import get_context

import numpy as np
from PIL import Image

from data_prep.config import ClipConfig, DataConfig
from data_prep.mixing.mixture_types import get_mixture_type
from data_prep.sample.scenes import render, scene_classes

Arrays = dict[str, np.ndarray]

CLASSES = 8
TYPES = ("transparency", "occlusion")
SPLITS = {"train": 0, "eval": 1}


def ahead(
    threads: ThreadPoolExecutor, make: Callable[[int], Arrays], *, depth: int = 16
) -> Iterator[Arrays]:
    """Yield batches 0, 1, ...; threads make the next ones meanwhile."""
    pending: list[Future[Arrays]] = []
    for number in count():
        pending.append(threads.submit(make, number))
        if number >= depth:
            yield pending.pop(0).result()


def make_batch(
    videos: list[np.ndarray], split: str, number: int, size: int, clip: ClipConfig
) -> Arrays:
    """Mix random windows of random videos: transparencies and occlusions in turn."""
    rng = np.random.default_rng([SPLITS[split], number])
    settings = DataConfig(clip=clip)
    rows = []
    for index in range(size):
        v1, v2 = (window(videos[i], clip, rng) for i in rng.choice(len(videos), 2, replace=False))
        kind = get_mixture_type(TYPES[(number * size + index) % len(TYPES)])
        mixed = kind.prepare(v1, v2, rng, settings)
        alpha = np.full(v1.shape[:3], 0.5) if mixed.alpha is None else mixed.alpha
        rows.append((mixed.v1, mixed.v2, alpha[..., np.newaxis].astype(np.float32)))
    return dict(zip(("v1", "v2", "alpha"), map(np.stack, zip(*rows, strict=True)), strict=True))


def window(video: np.ndarray, clip: ClipConfig, rng: np.random.Generator) -> np.ndarray:
    """Cut a random window out of a video: uint8 `[T, H, W, 3]`."""
    size = clip.frames, clip.height, clip.width
    starts = [rng.integers(have - want + 1) for have, want in zip(video.shape, size, strict=False)]
    return video[tuple(slice(at, at + want) for at, want in zip(starts, size, strict=True))]


def render_videos(split: str, number: int, clip: ClipConfig) -> list[np.ndarray]:
    """Render videos of all classes at a clip's rate and short side, in several processes."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as processes:
        return list(processes.map(partial(render_video, SPLITS[split], clip=clip), range(number)))


def render_video(split: int, number: int, *, clip: ClipConfig) -> np.ndarray:
    """Render a video: uint8 `[T, H, W, 3]`, a little over 5 seconds."""
    scene = render(scene_classes(CLASSES)[number % CLASSES], (split, number))
    times = np.arange(int(len(scene.frames) / scene.fps * clip.fps)) / clip.fps
    height, width = scene.frames.shape[1:3]
    factor = clip.short_side / min(height, width)
    size = max(clip.short_side, round(width * factor)), max(clip.short_side, round(height * factor))
    frames = scene.frames[np.floor(times * scene.fps).astype(int)]
    return np.stack([np.asarray(Image.fromarray(frame).resize(size)) for frame in frames])
