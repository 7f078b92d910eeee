"""Cost of decoding windows in another process.

    python tests/benchmarks/decoding.py VIDEO...

Each window is read in this process and by `IsolatedReader`, in turns.
"""

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from data_prep.config import ClipConfig
from data_prep.media.clip import Clip, read_clip
from data_prep.media.isolated_reader import IsolatedReader
from data_prep.media.probe import probe

CLIPS = {
    "64x112x112": ClipConfig(),
    "8x48x48": ClipConfig(frames=8, fps=8, height=48, width=48, short_side=48),
}
_TICK = 1 / os.sysconf("SC_CLK_TCK")


def children() -> list[Path]:
    """Return the folders in /proc of this process's children."""
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return [Path("/proc", pid) for task in tasks for pid in task.read_text().split()]


def cpu() -> float:
    """Return the processor time of this process and its living children in seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    fields = [(child / "stat").read_text().rpartition(")")[2].split() for child in children()]
    return used.ru_utime + used.ru_stime + _TICK * sum(int(f[11]) + int(f[12]) for f in fields)


def memory() -> int:
    """Return the resident memory of the children in MB."""
    statuses = [(child / "statm").read_text().split() for child in children()]
    return sum(int(fields[1]) for fields in statuses) * resource.getpagesize() >> 20


def spent(read: Callable[..., Clip], clip: ClipConfig, path: str, start: float) -> float:
    """Return the processor time of reading a window in seconds."""
    before = cpu()
    read(path, clip, start=start)
    return cpu() - before


@click.command()
@click.argument("videos", nargs=-1, required=True)
@click.option("--windows", default=500, help="Windows of each kind.")
def main(videos: tuple[str, ...], windows: int) -> None:
    """Print CPU milliseconds per window, and the child's start and memory."""
    rng = np.random.default_rng(0)
    seconds = {path: probe(path, decode=False).duration for path in videos}
    with IsolatedReader() as reader:
        began, before = time.perf_counter(), cpu()
        reader.read_clip(videos[0], CLIPS["8x48x48"], start=0)
        took = time.perf_counter() - began
        print(f"start: {took:.2f} s, {cpu() - before:.2f} s of CPU, {memory()} MB")
        for name, clip in CLIPS.items():
            own = isolated = 0.0
            for number in range(windows):
                path = videos[number % len(videos)]
                start = rng.uniform(0, max(0.0, seconds[path] - clip.seconds - 0.1))
                own += spent(read_clip, clip, path, start)
                isolated += spent(reader.read_clip, clip, path, start)
            a, b = (1e3 * total / windows for total in (own, isolated))
            print(f"{name}: {a:.2f} ms here, {b:.2f} ms isolated ({b / a - 1:+.1%})")
        print(f"memory at the end: {memory()} MB")


if __name__ == "__main__":
    main()
