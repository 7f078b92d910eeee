"""Memory and time of separating a whole video, without those of the model.

    python tests/benchmarks/whole_video.py --seconds 60

The video is 1280x720 at 30 frames per second, with audio: one moving pattern in red, another in
green. A stand-in for the model returns the two in random order, so that the figures are those of
everything else, and that it can be seen whether each output stays the same layer.
"""

import resource
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click
import numpy as np

from data_prep.config import ClipConfig
from data_prep.media.encoding import write_video
from data_prep.media.probe import probe
from data_prep.media.whole_video import read_whole
from serving.description import ModelDescription
from serving.separation.opened_run import opened_run

FPS, HEIGHT, WIDTH, RATE = 30, 720, 1280, 48_000
CLIP = ClipConfig()  # the papers'


class ColorSeparator:
    """Separates what is red from what is green."""

    version = 1

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)

    def served_version(self) -> int:
        return self.version

    def at_version(self, version: int) -> "ColorSeparator":
        return self

    def description(self) -> ModelDescription:
        return ModelDescription(
            kind="separator", system="colors", control="none", uses_audio=False, clip=CLIP
        )

    def separate(self, video: np.ndarray, audio: np.ndarray | None = None) -> dict[str, np.ndarray]:
        layers = np.repeat(video[..., :2].transpose(3, 0, 1, 2)[..., np.newaxis], 3, axis=-1)
        return {"outputs": layers[self._rng.permutation(2)]}


def frames(count: int, height: int = HEIGHT, width: int = WIDTH) -> Iterator[np.ndarray]:
    """Yield the mixture, `[1, H, W, 3]`."""
    rows, columns = np.mgrid[:height, :width] / height
    for time_ in np.arange(count) / FPS:
        frame = np.full((1, height, width, 3), 128, np.uint8)
        frame[0, ..., 0] = 128 + 90 * np.sin(20 * rows + 9 * columns + time_)
        frame[0, ..., 1] = 128 + 90 * np.sin(11 * rows - 25 * columns - 1.3 * time_)
        yield frame


@click.command()
@click.option("--seconds", default=60, show_default=True)
def main(seconds: int) -> None:
    """Print the figures."""
    count = seconds * FPS
    with tempfile.TemporaryDirectory() as folder:
        video, output = Path(folder, "video.mp4"), Path(folder, "output")
        noise = np.random.default_rng(0).normal(0, 3000, seconds * RATE).astype(np.int16)
        write_video(video, frames(count), fps=FPS, audio=noise, sample_rate=RATE)
        started, cpu = time.monotonic(), time.process_time()
        with opened_run(ColorSeparator(), str(video), str(output)) as run:
            names = run.complete()
        taken, cpu = time.monotonic() - started, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        click.echo(f"peak memory {peak:.0f} MiB")
        click.echo(f"{taken:.0f} s, {1000 * cpu / count:.0f} ms of CPU time per frame")
        click.echo(f"{len(run.state.windows)} windows, {len(run.state.shots)} shots")
        for name in names:
            info = probe(output / name, decode=False)
            layers = set()
            small = read_whole(output / name, np.arange(count) / FPS, height=36, width=64)
            for frame, (truth,) in zip(small, islice(frames(count, 36, 64), count), strict=True):
                costs = np.abs(frame.mean(-1, keepdims=True) - truth[..., :2]).mean((0, 1))
                layers.add(int(costs.argmin()))
            click.echo(f"{name}: {info.duration:.3f} s, layers seen: {sorted(layers)}")


if __name__ == "__main__":
    main()
