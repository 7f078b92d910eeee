"""Kill a compiled pipeline again and again, and see that nothing is lost or pushed twice.

    python tests/benchmarks/killed_compiled_runs.py --kills 10

A first run pushes a model. Then there are new videos, and the second run is killed, with all its
stages, after random seconds, and started again by the same command.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import click

_SETTINGS = (
    "train.steps=20",
    "train.checkpoint_every=5",
    "train.image_every=20",
    "data.train_mixtures=32",
    "data.eval_mixtures=8",
    "data.records_per_shard=8",
    # An untrained model is to be pushed, also if it is worse than the one before.
    "evaluation.relative_loss=9",
    "evaluation.worse_by=9",
    "evaluation.control_accuracy=0",
    "evaluation.control_worse_by=1",
    "cloud.image=registry/image:1",
    "cloud.root=gs://bucket/root",
    "cloud.videos=gs://bucket/videos",
    "cloud.stages.default.cpus=1",
)
_LONGEST = 45.0  # seconds until a kill


@click.command()
@click.option("--kills", type=int, default=10, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def main(kills: int, seed: int) -> None:
    """Run, kill, resume, and compare what is served."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _sample(folder, "videos", 0)
        overrides = [word for setting in _SETTINGS for word in ("--set", setting)]
        _call("pipeline", "compile", "--output", folder / "job.json", *overrides)
        command = ["pipeline", "run-compiled", folder / "job.json", "--output", folder / "out"]
        command += ["--place", f"gs://bucket={folder}"]
        _call(*command)
        first = _served(folder)
        print(f"pushed: {sorted(first)}")
        _sample(folder, "videos/more", 1)
        for number in range(1, kills + 1):
            seconds = draw.uniform(1, _LONGEST)
            ended = _killed(command, seconds)
            served = _served(folder)
            assert first.items() <= served.items(), "the served model has changed"
            new = sorted(served.keys() - first.keys())
            print(f"kill {number} after {seconds:.0f} s: {ended}; new versions: {new or 'none'}")
            if ended.startswith("had ended"):
                break
        _call(*command)
        _call(*command)
        served = _served(folder)
        assert first.items() <= served.items(), "the served model has changed"
        new = served.keys() - first.keys()
        assert len(new) == 1, f"must be pushed once, got {sorted(new)}"
        print(f"pushed once: {sorted(new)}")


def _sample(folder: Path, name: str, seed: int) -> None:
    options = ["--clips", 16, "--classes", 2, "--seed", seed]
    _call("data_prep", "sample", "--output", folder / f"sample-{seed}", *options)
    (folder / f"sample-{seed}" / "videos").rename(folder / name)


def _words(command: list[object] | tuple[object, ...]) -> list[str]:
    return [sys.executable, "-m", *map(str, command)]


def _call(*command: object) -> None:
    subprocess.run(_words(command), check=True)


def _killed(command: list[object], seconds: float) -> str:
    """Run a command for some seconds at most, then kill it and all that it started."""
    with subprocess.Popen(
        _words(command), stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            _, lines = process.communicate(timeout=seconds)
            return f"had ended with {process.returncode}: {lines.splitlines()[-1:]}"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            _, lines = process.communicate()
            return f"in {(lines.splitlines() or ['the start'])[-1].strip()}"


def _served(folder: Path) -> dict[str, str]:
    """Return version -> digest of its files; a version without its graph is none."""
    versions = (file.parent for file in folder.glob("root/serving/*/*/saved_model.pb"))
    return {version.name: _digest(version) for version in versions}


def _digest(version: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(path for path in version.rglob("*") if path.is_file()):
        digest.update(file.relative_to(version).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
