"""A folder of small right and wrong inputs, and a run of a command line in it."""

import contextlib
import csv
import importlib
import io
import os
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.media.encoding import write_video
from data_prep.sources.videos import COLUMNS

SETTINGS = """
clip: {frames: 4, fps: 8, height: 16, width: 24, short_side: 32, sample_rate: 8000}
train_mixtures: 3
eval_mixtures: 2
eval_fraction: 0.4
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def run(command: str) -> Ended:
    """Run `PACKAGE COMMAND ...` in this process, as `python -m` would."""
    package, *words = shlex.split(command)
    main = importlib.import_module(f"{package}.commands").main
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words, prog_name=f"python -m {package}")
        except SystemExit as ended:
            code = ended.code
    return Ended(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))


def run_process(command: str, **options: Any) -> Ended:
    """Run `PACKAGE COMMAND ...` in another process."""
    words = [sys.executable, "-m", *shlex.split(command)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, **options)
    return Ended(done.returncode, done.stdout, done.stderr)


def contents(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Return everything in a folder: path -> kind, size, time of the last change."""
    found = {}
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(place, name)
            facts = path.lstat()
            is_folder = stat.S_ISDIR(facts.st_mode)
            found[str(path.relative_to(folder))] = (
                stat.S_IFMT(facts.st_mode),
                0 if is_folder else facts.st_size,
                0 if is_folder else facts.st_mtime_ns,
            )
    return found


def check(ended: Ended, code: int, words: str) -> None:
    """Check that a command was answered in one line; progress may stand before it."""
    assert ended.code == code, ended.err
    errors = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in ended.err, ended.err
    assert ended.err.splitlines()[-1:] == errors, ended.err
    assert words in errors[0]
    assert "this is a bug" not in errors[0]
    assert len(errors[0]) < 700
    assert ended.out == ""


@contextlib.contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    """Check that a folder holds the same at the end; what is new is removed for the next test."""
    before = contents(folder)
    yield
    new = contents(folder).items() - before.items()
    for name, _ in sorted(new):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    assert not new
    assert not before.items() - contents(folder).items()


def fill(folder: Path) -> None:
    """Write the inputs that the tables name."""
    rng = np.random.default_rng(0)
    for number in range(6):
        _write_clip(folder / f"videos/clip{number}.mp4", rng)
    (folder / "empty").mkdir()
    (folder / "texts").mkdir()
    (folder / "texts/notes.txt").write_text("no video")
    (folder / "broken").mkdir()
    for number in range(2):
        (folder / f"broken/clip{number}.mp4").write_text(f"no video {number}")
    (folder / "file").write_text("a file of some length")
    (folder / "folder.mp4").mkdir()
    (folder / "jsons").mkdir()
    (folder / "jsons/settings.json").write_text("[" * 100_000)
    (folder / "badmodel/1").mkdir(parents=True)
    (folder / "badmodel/1/saved_model.pb").write_text("no model")
    (folder / "config.yaml").write_text(SETTINGS)
    (folder / "folder.yaml").mkdir()
    os.mkfifo(folder / "pipe.yaml")
    os.mkfifo(folder / "pipe.csv")
    (folder / "utf16.csv").write_bytes("path,id".encode("utf-16"))
    (folder / "loop.yaml").symlink_to("loop.yaml")
    _write_csvs(folder)
    for name, text in YAML.items():
        (folder / f"{name}.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())


def _write_csvs(folder: Path) -> None:
    (folder / "csv").mkdir()
    good = {
        **dict.fromkeys(COLUMNS, "1"),
        **{"path": "gone.mp4", "split": "", "loudness": "-20"},
    }
    for name, changes in MANIFESTS.items():
        rows = [good | changes | {"sha256": str(i), "source": str(i)} for i in range(4)]
        with (folder / f"csv/{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows if name != "header" else [])
    for name, start in {"times": "soon", "infinite": "1e400"}.items():
        (folder / f"csv/{name}.csv").write_text(
            f"label,youtube_id,time_start,time_end,split\nred,clip0,{start},10,train\n"
        )


def _write_clip(path: Path, rng: np.random.Generator) -> None:
    path.parent.mkdir(exist_ok=True)
    frames = rng.integers(0, 256, (16, 48, 64, 3), np.uint8)
    audio = rng.integers(-8000, 8000, 16_000).astype(np.int16)
    write_video(str(path), frames, fps=8, audio=audio, sample_rate=8_000)


MANIFESTS: dict[str, dict[str, str]] = {
    "header": {},
    "words": {"duration": "long"},
    "nan": {"duration": "nan"},
    "inf": {"fps": "1e400"},
    "negative": {"width": "-64"},
    "split": {"split": "practice"},
}

_LAUGHS = "".join(f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 10)}]\n" for i in range(12))

YAML: dict[str, str | bytes] = {
    "list": "- 1",
    "text": "hello",
    "number": "7",
    "zero": "0",
    "unclosed": "a: [",
    "tab": "\tseed: 1",
    "date": "seed: 2024-99-99",
    "long_number": f"seed: {'9' * 5000}",
    "long_hex": f"seed: 0x{'f' * 5000}",
    "deep": "[" * 5000,
    "laughs": f"a0: &a0 [1]\n{_LAUGHS}",
    "itself": "a: &a [*a]",
    "twice": "seed: 1\nseed: 2",
    "two_documents": "seed: 1\n---\nseed: 2",
    "tag": "seed: !!python/object/apply:os.system [ls]",
    "bad_bool": "seed: !!bool perhaps",
    "utf16": "seed: 1".encode("utf-16"),
    "latin": "# é".encode("latin-1"),
    "binary": bytes(range(256)),
    "nul": "seed: 1\0",
    "large": "# " + "x" * 200_000,
    "color": "colour: red",
    "number_key": "1: 2",
    "inf_share": "shares: {occlusion: .inf}",
    "nan_fraction": "eval_fraction: .nan",
    "high_label_share": "same_label_share: 1.5",
    "nan_label_share": "same_label_share: .nan",
    "no_shares": "shares: {}",
    "unknown_share": "shares: {mirror: 1}",
    "no_seed": "seed: -1",
    "large_seed": "seed: 4294967296",
    "slow": "clip: {fps: 1.0e-9}",
    "fast": "clip: {fps: 1.0e+9}",
    "inf_fps": "clip: {fps: .inf}",
    "fps_overflow": "clip: {fps: 1.0e+400}",
    "many_frames": "clip: {frames: 1000000000000}",
    "one_frame": "clip: {frames: 1}",
    "high": "clip: {frames: 64, height: 2048, short_side: 2048}",
    "heavy": "clip: {frames: 60, height: 1080, width: 16000, short_side: 16000}",
    "long_clip": "clip: {frames: 64, fps: 0.05}",
    "wide": "clip: {width: 1000000}",
    "small_side": "clip: {short_side: 16}",
    "large_margin": "margin: 17",
    "no_margin": "margin: -1",
    "clip_list": "clip: [1, 2]",
    "clip_none": "clip:",
    "segments": "segments: 1000000000",
    "shards": "records_per_shard: 1000000000000000000000000000000",
    "no_shards": "records_per_shard: 0",
    "many": "train_mixtures: 9223372036854775808",
    "half": "train_mixtures: 2.5",
    "loud": "min_loudness: 10",
    "dropped": "max_dropped_share: 1.5",
    "seed_list": "seed: [" + ", ".join("1" * 5 for _ in range(2000)) + "]",
}
