"""A small record set, made of textured clips without any video files."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest
from small_models import CLIP, textured

SOURCES = 5
TYPES = ("transparency", "occlusion")


@dataclass(frozen=True)
class Records:
    """A data set's files, and its training records in the order of the files."""

    root: Path
    train: list[str]
    eval: list[str]
    serialized: list[bytes]


@pytest.fixture(autouse=True)
def _float32():
    """Take back the dtype policy, which is global."""
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="session")
def records(tmp_path_factory) -> Records:
    """Three files of 4, 4 and 3 training mixtures, one of 3 to evaluate. Not to be written to."""
    return write_records(tmp_path_factory.mktemp("records"))


@pytest.fixture(scope="session")
def silent_records(tmp_path_factory) -> Records:
    """The same without any audio."""
    return write_records(tmp_path_factory.mktemp("silent"), has_audio=False)


@pytest.fixture(scope="session")
def start_training(records):
    """A function that starts a process that trains in a folder; it writes `OUT*.npz`."""
    probe = Path(__file__).with_name("training_probe.py")

    def run(out, folder, *, system, config, norm="none", devices=(), environment=()):
        settings = {
            "system": system,
            "config": config,
            "norm": norm,
            "devices": devices,
            "folder": str(folder),
            "train": records.train,
            "eval": records.eval,
        }
        words = [sys.executable, str(probe), str(out), json.dumps(settings)]
        return subprocess.Popen(words, env={**os.environ, **dict(environment)})

    return run


def write_records(root: Path, *, has_audio: bool = True) -> Records:
    import tensorflow as tf

    from data_prep.config import DataConfig
    from data_prep.records.info import DatasetInfo, SplitInfo

    made = {}
    for split, sizes in (("train", (4, 4, 3)), ("eval", (3,))):
        (root / split).mkdir()
        files = [
            root / split / f"mixtures-{shard:05d}-of-{len(sizes):05d}.tfrecord"
            for shard in range(len(sizes))
        ]
        mixtures = [encode_mixture(split, index, has_audio) for index in range(sum(sizes))]
        rest = iter(mixtures)
        for file, size in zip(files, sizes, strict=True):
            with tf.io.TFRecordWriter(str(file)) as writer:
                for _ in range(size):
                    writer.write(next(rest))
        made[split] = [str(file) for file in files], mixtures
    splits = {
        split: SplitInfo(
            mixtures=len(mixtures),
            mixture_types={
                "transparency": (len(mixtures) + 1) // 2,
                "occlusion": len(mixtures) // 2,
            },
            with_audio=len(mixtures) * has_audio,
            videos=SOURCES,
            sources=SOURCES,
            labels=["label0", "label1", "label2"],
        )
        for split, (_, mixtures) in made.items()
    }
    info = DatasetInfo(splits=splits, settings=DataConfig(clip=CLIP), features={})
    info.write(str(root / "info.json"))
    return Records(root, made["train"][0], made["eval"][0], made["train"][1])


def encode_mixture(split: str, index: int, has_audio: bool) -> bytes:
    """Serialize a mixture of two of a few sources; every second one is an occlusion.

    The occlusions have V1 and V2 in front in turn.
    """
    from data_prep.media.clip import Clip
    from data_prep.mixing.pairing import Pairing, Window
    from data_prep.records.record import Mixture, encode

    rng = np.random.default_rng([index, len(split)])
    size = (CLIP.frames, CLIP.height, CLIP.width)
    first, second = rng.choice(SOURCES, 2, replace=False)
    clips = [
        Clip(
            textured(rng, (*size, 3)),
            rng.integers(-(2**15), 2**15, CLIP.samples, dtype=np.int16) * has_audio,
            has_audio,
        )
        for _ in range(2)
    ]
    windows = [Window(make_video(source, has_audio), 0.5, 0.5, 0.5) for source in (first, second)]
    pairing = Pairing(split, index, 0, TYPES[index % 2], *windows)
    alpha = rng.random(size) < 0.4 if index % 2 else None
    return encode(Mixture(pairing, *clips, alpha, front=(0, 1, 0, 2)[index % 4]))


def make_video(source: int, has_audio: bool):
    from data_prep.sources.videos import Video

    return Video(
        path=f"{source}.mp4",
        id=f"id{source}",
        source=f"source{source}",
        label=f"label{source % 3}",
        split="",
        bytes=1_000,
        sha256=f"{source}",
        duration=10.0,
        width=320,
        height=240,
        fps=25.0,
        video_stream=0,
        audio_stream=1 if has_audio else None,
        loudness=-20.0 if has_audio else None,
    )
