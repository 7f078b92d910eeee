"""Seconds and peak memory to plan many videos, in the driver and in a worker.

    python tests/benchmarks/planning.py --videos 500000

A manifest of made-up videos is written first. The driver reads and plans it as `generate` does; a
worker, in a process for itself, draws three files' mixtures.
"""

import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import apache_beam  # noqa: F401  (every driver and worker loads it)
import click

from data_prep.config import DataConfig
from data_prep.mixing.planning import Plan, plan
from data_prep.records.layout import RecordLayout, lay_out
from data_prep.run_cost import graph_bytes
from data_prep.sources import manifest
from data_prep.sources.videos import Video, Videos
from data_prep.splits import EVAL, SPLITS, TRAIN

CLASSES = 600


def made_up(count: int) -> Iterator[Video]:
    """Yield videos as Kinetics-600 has them."""
    for i in range(count):
        digest = hashlib.sha256(str(i).encode()).hexdigest()
        source, label = digest[:11], f"class number {i % CLASSES}"
        start, split = i % 300, EVAL if i % 20 == 0 else TRAIN
        name = f"{source}_{start:06d}_{start + 10:06d}"
        yield Video(
            path=f"gs://kinetics/videos/{split}/{label}/{name}.mp4", id=name, source=source,
            label=label, split=split, bytes=1_000_000 + i, sha256=digest, duration=10.0,
            width=340, height=256, fps=(25.0, 29.97, 30.0)[i % 3], video_stream=0,
            audio_stream=1, loudness=-20.0 - i % 10,
        )  # fmt: skip


def report(what: str, start: float) -> None:
    """Print the seconds since a start, and the process's peak memory."""
    # Not getrusage, whose peak a process takes over from the one that started it.
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
    click.echo(f"{what:32s} {time.perf_counter() - start:6.1f} s, peak {peak} MiB")


def drive(file: str, videos: str, config: DataConfig) -> None:
    """Plan what `generate` plans."""
    start = time.perf_counter()
    report("driver: libraries", start)
    planned = plan(manifest.read(file), config)
    report("driver: manifest read, planned", start)
    click.echo(f"fingerprint {planned.fingerprint[:16]}")
    planned.videos.write(videos)
    report("driver: written for workers", start)
    layout = RecordLayout("progress", {split: split for split in SPLITS}, "info", "rejected")
    size = graph_bytes(planned, layout)
    shards = sum(1 for _ in lay_out(config))
    report(f"driver: graph of {size / 1000:.0f} kB, {shards} files", start)


def work(videos: str, config: DataConfig) -> None:
    """Draw what a worker draws."""
    start = time.perf_counter()
    report("worker: libraries", start)
    planned = Plan(Videos.read(videos), [], config)
    report("worker: videos opened", start)
    for shard in islice(lay_out(config), 0, None, max(1, config.train_mixtures // 600)):
        if shard.split == TRAIN:
            list(planned.pairings(TRAIN, shard.start, shard.stop))
    report("worker: files drawn", start)


@click.command()
@click.option("--videos", default=500_000, show_default=True)
@click.option("--mixtures", default=480_000, show_default=True)
@click.argument("worker", required=False)
def main(videos: int, mixtures: int, worker: str | None) -> None:
    """Measure the planning of made-up videos."""
    config = DataConfig(train_mixtures=mixtures, eval_mixtures=mixtures // 20)
    if worker:
        work(worker, config)
        return
    with tempfile.TemporaryDirectory() as folder:
        file, columns = str(Path(folder, "manifest.csv")), str(Path(folder, "videos.arrow"))
        # In another process, because a peak of memory is never forgotten.
        command = [sys.executable, "-c", "import sys; sys.path.insert(0, sys.argv[1]);"]
        command[2] += "import planning; planning.write_manifest(sys.argv[2], int(sys.argv[3]))"
        here = str(Path(__file__).parent)
        subprocess.run([*command, here, file, str(videos)], check=True)
        drive(file, columns, config)
        options = ["--videos", str(videos), "--mixtures", str(mixtures), columns]
        subprocess.run([sys.executable, __file__, *options], check=True)


def write_manifest(file: str, count: int) -> None:
    """Write the manifest of made-up videos."""
    manifest.write(file, Videos.of(made_up(count)))


if __name__ == "__main__":
    main()
