"""Measure the cost of a mixture: `python tests/benchmarks/generation.py VIDEOS [--count 40]`.

Prints CPU milliseconds per mixture, at the papers' 64 frames of 112x112, in one process, without
the other one that decodes (see decoding.py): the total, its steps, Beam's share, and what the
ffmpeg command needs to decode and scale the same two windows.
Mixtures and commands take turns, so that the machine's load weighs on both alike. Only videos of
200 to 360 lines are used by default, as Kinetics is usually stored.
"""

import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import apache_beam as beam
import click

from data_prep.cli import prepare_libraries
from data_prep.config import ClipConfig, DataConfig
from data_prep.media import audio_window, decoding, video_reader
from data_prep.media.probe import probe
from data_prep.media.scaling import Scaler
from data_prep.mixing import mixture_types
from data_prep.mixing.pairing import Pairing, Window, draw, usable
from data_prep.sources import examination, kinetics
from data_prep.sources.assign_splits import assign_splits
from data_prep.sources.videos import Video

# Reads windows with the package in the current folder; prints CPU milliseconds for each.
_READER = """
import json, sys, time
from data_prep.config import ClipConfig
from data_prep.media.clip import read_clip
times = []
for path, start in json.load(sys.stdin):
    before = time.process_time()
    read_clip(path, ClipConfig(), start=start)
    times.append(1000 * (time.process_time() - before))
print(json.dumps(times))
"""


class Stopwatch:
    """Adds up the CPU time that functions take, by the names of the steps they belong to."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def add(self, step: str, seconds: float) -> None:
        """Add to a step."""
        self.seconds[step] = self.seconds.get(step, 0.0) + seconds

    @contextmanager
    def watching(self, functions: Iterable[tuple[str, Any, str]]) -> Iterator[None]:
        """Measure functions, each given as step, module or class, and name."""
        with ExitStack() as patches:
            for step, owner, name in functions:
                patched = self._timed(step, getattr(owner, name))
                patches.enter_context(mock.patch.object(owner, name, patched))
            yield

    def _timed(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            before = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.add(step, time.process_time() - before)

        return timed


def ffmpeg_seconds(window: Window, clip: ClipConfig) -> float:
    """Return the ffmpeg command's CPU seconds, from its start to the window's frames as RGB."""
    video = window.video
    size = f"-2:{clip.short_side}" if video.height <= video.width else f"{clip.short_side}:-2"
    scale = f"fps={clip.fps:g},scale={size}:flags=area"
    seek = ["-threads", "1", "-ss", f"{window.start:.4f}", "-t", f"{clip.seconds:.4f}"]
    output = ["-an", "-sn", "-filter_threads", "1", "-vf", scale, "-pix_fmt", "rgb24"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["ffmpeg", "-nostdin", "-v", "error", *seek, "-i", video.path, *output]
    subprocess.run([*command, "-f", "rawvideo", "-y", "/dev/null"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def beam_seconds(count: int) -> float:
    """Return Beam's CPU seconds for a pipeline that does nothing with `count` elements."""
    from data_prep.beam_options import pipeline_options

    before = time.process_time()
    with beam.Pipeline(options=pipeline_options([], workers=1)) as pipeline:
        _ = pipeline | beam.Create(range(count)) | beam.Reshuffle() | beam.Map(str)
    return time.process_time() - before


def reading_ms(checkout: str, windows: Sequence[tuple[str, float]]) -> list[float]:
    """Return CPU milliseconds for reading each window with another checkout's package."""
    command = [sys.executable, "-c", _READER]
    text = json.dumps(windows)
    done = subprocess.run(command, input=text, capture_output=True, cwd=checkout, text=True)
    if done.returncode:
        raise click.ClickException(done.stderr)
    return json.loads(done.stdout)


def measure_mixtures(pairings: Sequence[Pairing], config: DataConfig) -> Stopwatch:
    """Make mixtures, and let the ffmpeg command decode and scale the same windows."""
    from data_prep.media import clip
    from data_prep.records import making, record
    from data_prep.records.making import make_record

    making.shared_reader = lambda **limits: clip  # here, where its steps can be measured
    steps = [
        ("opening the files", decoding.av, "open"),
        ("decoding the frames", video_reader, "decoded"),
        ("scaling the frames", Scaler, "scale"),
        ("decoding the audio", audio_window, "read_window"),
        ("SLIC mask", mixture_types, "occlusion_alpha"),
        ("JPEGs of the frames", record, "encode_frames"),
        ("PNG of the mask", record, "encode_alpha"),
    ]
    watch = Stopwatch()
    make_record(pairings[0], config)
    make_record(pairings[1], config)  # the first occlusion imports scikit-image
    for pairing in pairings:
        before = time.process_time()
        with watch.watching(steps):
            make_record(pairing, config)
        watch.add("total", time.process_time() - before)
        if shutil.which("ffmpeg"):
            used = sum(ffmpeg_seconds(w, config.clip) for w in (pairing.v1, pairing.v2))
            watch.add("ffmpeg", used)
    return watch


def report(watch: Stopwatch, count: int) -> None:
    """Print the steps, the total and the ffmpeg command."""
    per_mixture = {step: 1000 * used / count for step, used in watch.seconds.items()}
    total, command = per_mixture.pop("total"), per_mixture.pop("ffmpeg", None)
    line("a mixture of two clips, half of them occlusions", total)
    for step, used in per_mixture.items():
        line(f"  {step}", used)
    line("  the rest", total - sum(per_mixture.values()))
    line("Beam, on top", 1000 * beam_seconds(count) / count)
    if command is not None:
        line("the ffmpeg command: decoding and scaling the two", command)
        line("ratio", total / command)


def line(name: str, value: float) -> None:
    """Print a figure."""
    click.echo(f"{name:50}{value:9.2f}")


def report_probing(rows: Sequence[Video]) -> None:
    """Print what examining a video costs, with and without decoding every frame."""
    for name, decode in (("every frame", True), ("packets and audio", False)):
        before = time.process_time()
        for row in rows:
            probe(row.path, decode=decode)
        line(f"probing a file, {name}", 1000 * (time.process_time() - before) / len(rows))
    line("seconds of video in a file", sum(row.duration for row in rows) / len(rows))


def report_before(checkout: str, pairings: Sequence[Pairing]) -> None:
    """Print what reading a window costs before and now; the best of three turns each."""
    windows = [(w.video.path, w.start) for p in pairings for w in (p.v1, p.v2)]
    folders = {"before": checkout, "now": "."}
    turns: dict[str, list[list[float]]] = {name: [] for name in folders}
    for _ in range(3):
        for name, folder in folders.items():
            turns[name].append(reading_ms(folder, windows))
    for name, times in turns.items():
        best = [min(each) for each in zip(*times, strict=True)]
        line(f"reading a window, {name}", sum(best) / len(best))


@click.command()
@click.argument("videos")
@click.option("--count", default=40, show_default=True, help="Mixtures to make.")
@click.option("--lines", type=(int, int), default=(200, 360), show_default=True)
@click.option("--before", help="Checkout of another version, to compare its reading.")
def main(videos: str, count: int, lines: tuple[int, int], before: str | None) -> None:
    """Measure the cost of mixtures of the videos in a folder."""
    prepare_libraries()
    config = DataConfig()
    rows, _ = examination.examine_all(kinetics.find_videos(videos), decode=False)
    rows = [row for row in rows if lines[0] <= min(row.height, row.width) <= lines[1]]
    rows = usable(rows, config.clip)[0]
    pairings = draw(assign_splits(rows, config), "train", count, config)
    click.echo(f"{len(rows)} videos of {lines[0]} to {lines[1]} lines, {count} mixtures; CPU ms")
    report(measure_mixtures(pairings, config), count)
    report_probing(rows)
    if before:
        report_before(before, pairings)


if __name__ == "__main__":
    main()
