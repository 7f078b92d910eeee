"""Ways of enlarging a model's outputs, compared on known transparencies.

    python tests/benchmarks/upsampling.py --factor 4

Two rendered scenes are mixed at even shares. A perfect model's outputs are the scenes, made smaller
by a factor; each way brings them back to the mixture's size.
"""

import time
from collections.abc import Callable
from statistics import fmean

import click
import numpy as np
from PIL import Image
from skimage.metrics import structural_similarity

from data_prep.mixing.compose import EVEN_SHARE, mix_uint8
from data_prep.sample.scenes import render, scene_classes
from serving.separation.guided_upsampling import apply_maps, fit_maps

Enlarge = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]

FRAMES = 12
SCENES = 8
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear (plain)": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "Lanczos": Image.Resampling.LANCZOS,
}


def resized(frame: np.ndarray, height: int, width: int, method: Image.Resampling) -> np.ndarray:
    channels = (Image.fromarray(frame[..., c].astype(np.float32)) for c in range(3))
    return np.stack([np.asarray(c.resize((width, height), method)) for c in channels], axis=-1)


def interpolated(method: Image.Resampling) -> Enlarge:
    return lambda output, small, large: resized(output, *large.shape[:2], method)


def with_all_details(output: np.ndarray, small: np.ndarray, large: np.ndarray) -> np.ndarray:
    """Add what interpolation loses of the mixture to every output."""
    bilinear = Image.Resampling.BILINEAR
    lost = large - resized(small, *large.shape[:2], bilinear)
    return resized(output, *large.shape[:2], bilinear) + lost


def guided(output: np.ndarray, small: np.ndarray, large: np.ndarray) -> np.ndarray:
    (maps,) = fit_maps(small, output[np.newaxis])
    return apply_maps(maps, large)


WAYS: dict[str, Enlarge] = {
    **{name: interpolated(method) for name, method in FILTERS.items()},
    "bilinear, and the mixture's details in each output": with_all_details,
    "guided": guided,
}


def shrunk(frames: np.ndarray, factor: int) -> np.ndarray:
    count, height, width, _ = frames.shape
    blocks = frames.reshape(count, height // factor, factor, width // factor, factor, 3)
    return blocks.mean((2, 4)).round().astype(np.uint8)


def psnr(frames: np.ndarray, truth: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((frames - truth) ** 2)))


def ssim(frames: np.ndarray, truth: np.ndarray) -> float:
    return fmean(
        structural_similarity(a, b, channel_axis=-1, data_range=255)
        for a, b in zip(frames, truth, strict=True)
    )


def flicker(frames: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean absolute error of the changes from frame to frame, in 8-bit levels."""
    return float(np.abs(np.diff(frames, axis=0) - np.diff(truth, axis=0)).mean())


def scene(index: int, factor: int) -> np.ndarray:
    frames = render(scene_classes(SCENES)[index], [index]).frames[:FRAMES]
    height, width = (side // 32 * 32 for side in frames.shape[1:3])
    assert 32 % factor == 0
    return frames[:, :height, :width]


@click.command()
@click.option("--factor", type=click.Choice(["2", "4", "8"]), default="4", show_default=True)
def main(factor: str) -> None:
    """Print PSNR, SSIM and flicker of each way, on average over the outputs of all mixtures."""
    figures: dict[str, list[tuple[float, ...]]] = {name: [] for name in WAYS}
    scenes = [scene(index, int(factor)) for index in range(SCENES)]
    for index, first in enumerate(scenes):
        second = scenes[(index + 3) % SCENES]
        large = mix_uint8(first, second, EVEN_SHARE)
        small = shrunk(large, int(factor))
        for truth in (first, second):
            outputs, known = shrunk(truth, int(factor)), truth.astype(np.float64)
            for name, enlarge in WAYS.items():
                started = time.process_time()
                made = np.stack(list(map(enlarge, outputs, small, large)))
                milliseconds = 1000 * (time.process_time() - started) / FRAMES
                frames = np.clip(np.round(made), 0, 255).astype(np.float64)
                measures = psnr(frames, known), ssim(frames, known), flicker(frames, known)
                figures[name].append((*measures, milliseconds))
    click.echo("| | PSNR | SSIM | flicker | CPU ms per frame |\n| --- | --- | --- | --- | --- |")
    for name, rows in figures.items():
        values = [fmean(column) for column in zip(*rows, strict=True)]
        click.echo("| {} | {:.2f} dB | {:.3f} | {:.2f} | {:.1f} |".format(name, *values))


if __name__ == "__main__":
    main()
