"""Measure the cost of a mixture: `python tests/benchmarks/generation.py VIDEOS [--count 40]`.

Prints CPU milliseconds per mixture, at the papers' 64 frames of 112x112, in one process: the total,
its steps, and, if the ffmpeg command is available, ffmpeg decoding a whole file. Only videos of at
most 360 lines are used, as Kinetics is usually stored.
"""

import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

import click

from data_prep.cli import prepare_libraries
from data_prep.config import DataConfig
from data_prep.mixing.pairing import draw, usable
from data_prep.mixing.supervoxels import occlusion_alpha
from data_prep.sources import kinetics, manifest
from data_prep.sources.assign_splits import assign_splits
from data_prep.sources.manifest import Video


def cpu_ms(function: Callable[[Any], Any], items: Sequence[Any]) -> tuple[float, list[Any]]:
    """Return CPU milliseconds per item, and the results."""
    start = time.process_time()
    results = [function(item) for item in items]
    return 1000 * (time.process_time() - start) / len(items), results


def ffmpeg_ms(videos: Sequence[Video]) -> float:
    """Return the ffmpeg command's CPU milliseconds per file, to raw frames of 25 fps, 128 lines."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for video in videos:
        scale = "scale=-2:128" if video.height <= video.width else "scale=128:-2"
        command = ["ffmpeg", "-v", "error", "-threads", "1", "-t", "10", "-i", video.path]
        command += ["-filter_threads", "1", "-vf", f"fps=25,{scale}", "-pix_fmt", "rgb24"]
        subprocess.run([*command, "-f", "rawvideo", "-y", "/dev/null"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return 1000 * used / len(videos)


@click.command()
@click.argument("videos")
@click.option("--count", default=40, show_default=True, help="Mixtures to make.")
def main(videos: str, count: int) -> None:
    """Measure the cost of mixtures of the videos in a folder."""
    prepare_libraries()
    from data_prep.records.record import Mixture, encode
    from data_prep.records.writer import make_record, read_window

    config = DataConfig()
    rows, _ = manifest.build(kinetics.find_videos(videos))
    rows = [row for row in usable(rows, config.clip)[0] if min(row.height, row.width) <= 360]
    pairings = draw(assign_splits(rows, config), "train", count, config)
    make_record(pairings[1], config)  # the first occlusion imports scikit-image
    total, _ = cpu_ms(lambda pairing: make_record(pairing, config), pairings)
    windows = [window for pairing in pairings for window in (pairing.v1, pairing.v2)]
    decoding, clips = cpu_ms(lambda window: read_window(window, config.clip), windows)
    first = clips[::2]
    masking, _ = cpu_ms(
        lambda i: occlusion_alpha(first[i].frames, config.segments, pairings[i].mixing_rng()),
        list(range(count)),
    )
    mixtures = [
        Mixture(pairing, v1, v2, None, front=0)
        for pairing, v1, v2 in zip(pairings, first, clips[1::2], strict=True)
    ]
    encoding, _ = cpu_ms(encode, mixtures)
    lines = [
        ("mixture, half of them occlusions", total),
        ("  decoding one of its two clips", decoding),
        ("  SLIC mask of an occlusion", masking),
        ("  encoding a record", encoding),
    ]
    if shutil.which("ffmpeg"):
        lines.append(("the ffmpeg command, up to 10 s of one file", ffmpeg_ms(rows)))
    click.echo(f"{len(rows)} videos of at most 360 lines, {count} mixtures; CPU ms")
    for name, value in lines:
        click.echo(f"{name:45}{value:8.1f}")


if __name__ == "__main__":
    main()
