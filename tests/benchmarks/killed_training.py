"""Kill a training run at random steps, resume it, and compare its weights bit for bit.

python tests/benchmarks/killed_training.py [--kills 10]

Each run is a process of its own, killed by SIGKILL. It trains C3 with internal prediction at the
preset `tiny` on random records, with re-pairing, accumulation and a moving average. It checkpoints
within epochs, and every kill comes at another random step.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

STEPS = 40
CONFIG = {
    "steps": STEPS,
    "batch": 2,
    "log_every": 4,
    "checkpoint_every": 3,
    "image_every": STEPS,
    "accumulate": 2,
    "ema": 0.9,
    "re_pair": True,
}
SOURCES = 5


@click.command()
@click.option("--kills", type=click.IntRange(0), default=10, show_default=True)
@click.option("--system", default="c3_internal", show_default=True, help="Name of a system.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def main(kills: int, system: str, seed: int) -> None:
    """Train twice without and once with kills, and compare the final weights."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_records(folder / "records")
        for run in ("whole", "again"):
            click.echo(f"{run}: {wait_for_end(start(folder, run, system)):.0f} s")
        killed_at = kill_and_resume(folder, "killed", system, kills, seed)
        click.echo(f"killed after steps {', '.join(map(str, killed_at))}, then resumed to the end")
        for run in ("again", "killed"):
            differing, largest, weights = compare(folder, "whole", run)
            click.echo(
                f"whole and {run}: {differing} of {weights} weights differ, by {largest:g} at most"
            )


def kill_and_resume(folder: Path, run: str, system: str, kills: int, seed: int) -> list[int]:
    """Kill a run at so many random steps, then let it end; return the steps."""
    rng = np.random.default_rng(seed)
    steps = sorted(rng.choice(np.arange(1, STEPS), kills, replace=False).tolist())
    for step in steps:
        process = start(folder, run, system)
        progress = folder / run / "progress"
        # A resumed run starts at its last checkpoint, so it meets this step again.
        while not progress.exists() or int(progress.read_text() or 0) < step:
            assert process.poll() is None, "the run ended by itself"
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        progress.unlink()
    wait_for_end(start(folder, run, system))
    return steps


def compare(folder: Path, one: str, other: str) -> tuple[int, float, int]:
    """Return how many weights differ bit for bit, by how much at most, and how many there are."""
    first, second = (np.load(folder / run / "weights.npz") for run in (one, other))
    differing, largest, weights = 0, 0.0, 0
    for name in first.files:
        a, b = first[name], second[name]
        differing += int((a.view(np.uint32) != b.view(np.uint32)).sum())
        largest = max(largest, float(np.abs(a - b).max(initial=0)))
        weights += a.size
    return differing, largest, weights


def start(folder: Path, run: str, system: str) -> subprocess.Popen:
    """Start a process that trains in a folder, from its last checkpoint."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    root = Path(__file__).parents[2]
    environment["PYTHONPATH"] = os.pathsep.join([str(root), environment.get("PYTHONPATH", "")])
    words = [sys.executable, __file__, "train", str(folder / "records"), str(folder / run), system]
    (folder / run).mkdir(exist_ok=True)
    return subprocess.Popen(words, env=environment)


def wait_for_end(process: subprocess.Popen) -> float:
    """Wait for a process to succeed, and return the seconds."""
    started = time.monotonic()
    assert process.wait() == 0
    return time.monotonic() - started


def train_in(records: str, folder: str, system: str) -> None:
    """Train in this process, and write the weights at the end."""
    import keras

    from models.config import ModelConfig, TrainConfig
    from models.presets import get_preset
    from models.training.inputs import find_files
    from models.training.train import train

    done = Path(folder) / "progress"

    class TellProgress(keras.callbacks.Callback):
        """Write the step to a file, so that the run can be killed at any."""

        def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
            done.write_text(str(int(self.model.optimizer.iterations)))

    trained = train(
        ModelConfig(system=system, preset="tiny"),
        TrainConfig(**CONFIG),
        get_preset("tiny").clip,
        train_files=find_files([f"{records}/train/*"]),
        eval_files=find_files([f"{records}/eval/*"]),
        logs=f"{folder}/logs",
        checkpoints=f"{folder}/checkpoints",
        callbacks=[TellProgress()],
    )
    np.savez(f"{folder}/weights.npz", *trained.get_weights())


def write_records(folder: Path) -> None:
    """Write a data set of mixtures of smooth noise."""
    import tensorflow as tf

    from data_prep.config import DataConfig
    from data_prep.records.info import DatasetInfo, SplitInfo
    from models.presets import get_preset

    clip = get_preset("tiny").clip
    splits = {}
    for split, count in (("train", 24), ("eval", 3)):
        path = folder / split / "mixtures-00000-of-00001.tfrecord"
        path.parent.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(path)) as writer:
            for index in range(count):
                writer.write(_mixture(split, index, clip))
        splits[split] = SplitInfo(
            mixtures=count,
            mixture_types={"transparency": count},
            with_audio=count,
            videos=SOURCES,
            sources=SOURCES,
            labels=["label0", "label1"],
        )
    info = DatasetInfo(splits=splits, settings=DataConfig(clip=clip), features={})
    info.write(str(folder / "info.json"))


def _mixture(split: str, index: int, clip) -> bytes:
    from data_prep.media.clip import Clip
    from data_prep.mixing.pairing import Pairing, Window
    from data_prep.records.record import Mixture, encode

    rng = np.random.default_rng([index, len(split)])
    size = (clip.frames, clip.height // 8, clip.width // 8, 3)
    clips = [
        Clip(
            rng.integers(0, 256, size, np.uint8).repeat(8, axis=1).repeat(8, axis=2),
            rng.integers(-(2**15), 2**15, clip.samples, dtype=np.int16),
            True,
        )
        for _ in range(2)
    ]
    sources = rng.choice(SOURCES, 2, replace=False).tolist()
    windows = [Window(_video(source), 0.5, 0.5, 0.5) for source in sources]
    return encode(
        Mixture(Pairing(split, index, 0, "transparency", *windows), *clips, None, front=0)
    )


def _video(source: int):
    from data_prep.sources.videos import Video

    return Video(
        path=f"{source}.mp4",
        id=f"id{source}",
        source=f"source{source}",
        label=f"label{source % 2}",
        split="",
        bytes=1,
        sha256=f"{source}",
        duration=10.0,
        width=320,
        height=240,
        fps=25.0,
        video_stream=0,
        audio_stream=1,
        loudness=-20.0,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["train"]:
        train_in(*sys.argv[2:])
    else:
        main()
