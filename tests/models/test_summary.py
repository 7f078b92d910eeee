"""The costs of networks against sums by hand, and the command lines that print them."""

import dataclasses
import math
import os
import re
import subprocess
import sys
import time

import keras
import pytest
from small_models import CLIP, PLAIN_LEVELS, PRESET

from data_prep.errors import UserError
from models import presets
from models.__main__ import main
from models.networks.centrifuge import up_kernel
from models.presets import Conv, Level
from models.systems import NAMES
from models.tools import benchmark
from models.tools import cost as summary

ONE_LEVEL = dataclasses.replace(
    PRESET,
    levels=(Level("only", (Conv(8, (1, 3, 5), 2),), (2, 2, 2)),),
    up=(),
    input_skip=False,
    norm="none",
)
POSITIONS = 6 * 12 * 20
DEEP = POSITIONS // 8


@pytest.fixture
def run(capsys, monkeypatch):
    """Runs a command line on the small preset; gives its exit code, output and error output."""
    monkeypatch.setitem(presets.PRESETS, "tiny", dataclasses.replace(PRESET, levels=PLAIN_LEVELS))
    monkeypatch.setenv("COLUMNS", "200")

    def run_main(*args):
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        return (ended.value.code, *capsys.readouterr())

    return run_main


def test_operations_and_memory_of_a_centrifuge():
    result = summary.summarise("centrifuge", ONE_LEVEL)
    # A convolution of 3x5 on 3 channels to 8, and a transposed one to two videos.
    transposed = math.prod(up_kernel((2, 2, 2))) * 8 * 6
    assert result.flops == 2 * DEEP * 3 * 5 * 3 * 8 + 2 * DEEP * transposed
    assert result.parameters == 3 * 5 * 3 * 8 + 8 + transposed + 6
    # Convolution and ReLU, transposed convolution, tanh, the split.
    floats = 2 * 8 * DEEP + 3 * 6 * POSITIONS
    assert result.activations == 4 * floats
    assert result.outputs == {"outputs": [(2, 6, 12, 20, 3)]}


def test_layers_inside_layers_count():
    with_masks, without = (summary.summarise(name, ONE_LEVEL) for name in ("c2", "c2_no_masking"))
    mask_network = 3**3 * 8 * 4 + 4 * 4
    assert with_masks.flops - without.flops == 2 * DEEP * mask_network
    assert with_masks.parameters - without.parameters == mask_network + 4 + 4
    # The masked features and the masks, and inside the hidden features and the masks again.
    assert with_masks.activations - without.activations == 4 * DEEP * (8 + 4 + 4 + 4)
    assert with_masks.outputs["masks"] == [(3, 6, 10, 4)]


def test_dense_layers_and_strided_sound():
    inputs = keras.Input((8, 9, 2), name="x")
    x = keras.layers.Conv2D(5, 3, strides=2, padding="same")(inputs)
    network = keras.Model({"x": inputs}, keras.layers.Dense(7)(keras.layers.Flatten()(x)))
    assert summary.forward_flops(network) == 2 * (4 * 5 * 9 * 2 * 5 + 100 * 7)


@pytest.mark.parametrize("name", NAMES)
def test_every_network_has_a_summary(name):
    result = summary.summarise(name, PRESET)
    assert (result.parameters > 0) == (result.flops > 0) == (name != "identity")
    assert result.activations >= 4 * POSITIONS * 3
    assert all(result.outputs.values())


def test_the_papers_counts_stand_beside(run):
    code, out, _ = run("summary", "--preset", "paper", "--system", "centrifuge")
    assert code == 0
    assert "22.6" in out
    assert "%" in out
    assert "2x64x112x112x3" in out


def test_summary_of_all_systems(run):
    code, out, _ = run("summary")
    assert code == 0
    assert all(name in out for name in NAMES)
    assert f"{CLIP.frames} frames of {CLIP.height}x{CLIP.width}" in out


@pytest.mark.parametrize("name", ["c3_internal", "i3d"])
def test_benchmark(run, name):
    code, out, _ = run("benchmark", "--system", name, "--batch", 2, "--steps", 2)
    assert code == 0
    assert f"{name} at tiny: batch 2, float32, tensorflow" in out
    assert "training step" in out
    assert "inference" in out
    assert re.search(r"comparison: [1-9]\d* GFLOP/s", out)
    assert "peak memory of the host" in out


def test_timings_are_of_one_another():
    timings = benchmark.benchmark("identity", PRESET, batch=3, precision="float32", steps=1)
    assert [timing.name for timing in timings] == ["inference"]
    assert timings[0].clips == pytest.approx(3 / timings[0].seconds)
    assert timings[0].flops == 0


@pytest.mark.parametrize(
    "args, message",
    [
        (["--system", "c4"], "error: unknown system 'c4': choose one of identity, .*, i3d\n"),
        (["--preset", "huge"], "error: unknown preset 'huge': choose one of tiny, small, paper\n"),
    ],
)
@pytest.mark.parametrize("verb", ["summary", "benchmark"])
def test_unknown_names_list_what_there_is(run, verb, args, message):
    code, out, err = run(verb, *args)
    assert (code, out) == (1, "")
    assert re.fullmatch(message, err)


def test_unknown_backend_lists_what_there_is(run, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "numpy")
    code, _, err = run("benchmark")
    assert code == 1
    assert "choose one of tensorflow" in err
    assert err.endswith("received 'numpy'\n")


def test_no_such_network():
    with pytest.raises(UserError, match="unknown system 'c4'"):
        summary.build("c4", PRESET)


def test_help_is_quick():
    for verb in ("summary", "benchmark"):
        start = time.monotonic()
        command = [sys.executable, "-m", "models", verb, "--help"]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "--preset" in result.stdout
        assert time.monotonic() - start < 5


def test_jax_needs_no_tensorflow():
    """A stand-in that cannot be imported takes TensorFlow's and TFX's place."""
    code = (
        "import sys; sys.modules |= dict.fromkeys(('tensorflow', 'tfx'));"
        "from models import benchmark, summary; from small_models import TWO_LEVELS;"
        "settings = {'batch': 1, 'precision': 'float32', 'steps': 1};"
        "timings = benchmark.benchmark('centrifuge', TWO_LEVELS, **settings);"
        "assert len(timings) == 2; benchmark.peak_memory()"
    )
    env = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert result.returncode == 0, result.stderr
