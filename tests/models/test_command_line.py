"""The commands `summary` and `benchmark`."""

import dataclasses
import os
import re
import subprocess
import sys
import time

import pytest
from small_models import CLIP, PLAIN_LEVELS, PRESET

from models import presets
from models.commands import main
from models.config import ModelConfig
from models.systems import SYSTEMS
from models.tools import benchmark


@pytest.fixture(autouse=True)
def _small_preset(monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "tiny", dataclasses.replace(PRESET, levels=PLAIN_LEVELS))


@pytest.fixture
def run(capsys, monkeypatch):
    """A function that runs a command line; it returns the exit code, output and error output."""
    monkeypatch.setenv("COLUMNS", "200")

    def run_main(*args):
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        return (ended.value.code, *capsys.readouterr())

    return run_main


def test_published_counts_are_beside_ours(run):
    code, out, _ = run("summary", "--preset", "paper", "--system", "centrifuge")
    assert code == 0
    assert "22.6" in out
    assert "%" in out
    assert "2x64x112x112x3" in out


def test_summary_of_all_systems(run):
    code, out, _ = run("summary")
    assert code == 0
    assert all(name in out for name in SYSTEMS)
    assert f"{CLIP.frames} frames of {CLIP.height}x{CLIP.width}" in out


@pytest.mark.slow
@pytest.mark.parametrize("name", ["c3_internal", "i3d"])
def test_benchmark(run, name):
    code, out, _ = run("benchmark", "--system", name, "--batch", 2, "--steps", 2)
    assert code == 0
    assert f"{name} at tiny: batch 2, float32, tensorflow" in out
    assert "training step" in out
    assert "inference" in out
    assert re.search(r"comparison: [1-9]\d* GFLOP/s", out)
    assert "peak memory of the host" in out


def test_timings_agree_with_each_other():
    config = ModelConfig(system="identity", preset="tiny")
    timings = benchmark.benchmark(config, batch=3, precision="float32", steps=1)
    assert [timing.name for timing in timings] == ["inference"]
    assert timings[0].clips == pytest.approx(3 / timings[0].seconds)
    assert timings[0].flops == 0


@pytest.mark.parametrize(
    "args, message",
    [
        (["--system", "c4"], "error: system: must be one of identity, .*, i3d, got 'c4'\n"),
        (
            ["--preset", "huge"],
            "error: preset: must be one of tiny, small, large, paper, got 'huge'\n",
        ),
    ],
)
@pytest.mark.parametrize("command", ["summary", "benchmark"])
def test_unknown_names_list_the_known_ones(run, command, args, message):
    code, out, err = run(command, *args)
    assert (code, out) == (1, "")
    assert re.fullmatch(message, err)


def test_unknown_backend_lists_the_known_ones(run, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "numpy")
    code, _, err = run("benchmark")
    assert code == 1
    assert "must be an installed backend, one of tensorflow" in err
    assert err.endswith("got 'numpy'\n")


def test_help_is_quick():
    for command in ("summary", "benchmark"):
        start = time.monotonic()
        words = [sys.executable, "-m", "models", command, "--help"]
        result = subprocess.run(words, capture_output=True, text=True, check=True)
        assert "--preset" in result.stdout
        assert time.monotonic() - start < 5


@pytest.mark.slow
def test_jax_needs_no_tensorflow():
    """Put a stand-in that cannot be imported in the place of TensorFlow and TFX."""
    code = (
        "import sys; sys.modules |= dict.fromkeys(('tensorflow', 'tensorflow_io', 'tfx'));"
        "from models import presets; from small_models import TWO_LEVELS;"
        "presets.PRESETS['tiny'] = TWO_LEVELS;"
        "from models.config import ModelConfig; from models.tools import benchmark;"
        "settings = {'batch': 1, 'precision': 'float32', 'steps': 1};"
        "systems = ('c3_internal', 'i3d');"
        "timings = [benchmark.benchmark(ModelConfig(system=system, preset='tiny'), **settings)"
        " for system in systems];"
        "assert [len(each) for each in timings] == [2, 2]; benchmark.peak_memory()"
    )
    env = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert result.returncode == 0, result.stderr
