"""The costs of networks against sums by hand."""

import dataclasses
import math

import keras
import pytest
from small_models import PRESET

from models.networks.conv import up_kernel
from models.presets import PRESETS, Conv, Level
from models.systems import SYSTEMS
from models.tools.cost import cost_of, forward_flops

ONE_LEVEL = dataclasses.replace(
    PRESET,
    levels=(Level("only", (Conv(8, (1, 3, 5), 2),), (2, 2, 2)),),
    up=(),
    refine=None,
    input_skip=False,
    norm="none",
)
POSITIONS = 6 * 12 * 20
DEEP = POSITIONS // 8


def test_operations_and_memory_of_a_centrifuge():
    result = cost_of(SYSTEMS["centrifuge"], ONE_LEVEL)
    # A convolution of 3x5 on 3 channels to 8, and a transposed one to two videos.
    transposed = math.prod(up_kernel((2, 2, 2))) * 8 * 6
    assert result.flops == 2 * DEEP * 3 * 5 * 3 * 8 + 2 * DEEP * transposed
    assert result.parameters == 3 * 5 * 3 * 8 + 8 + transposed + 6
    # Convolution and ReLU, transposed convolution, tanh, the split.
    floats = 2 * 8 * DEEP + 3 * 6 * POSITIONS
    assert result.activations == 4 * floats
    assert result.outputs == {"outputs": [(2, 6, 12, 20, 3)]}


def test_layers_inside_layers_count():
    masked, plain = (cost_of(SYSTEMS[name], ONE_LEVEL) for name in ("c2", "c2_no_masking"))
    mask_network = 3**3 * 8 * 4 + 4 * 4
    assert masked.flops - plain.flops == 2 * DEEP * mask_network
    assert masked.parameters - plain.parameters == mask_network + 4 + 4
    # The masked features and the masks; inside, the hidden features and the masks again.
    assert masked.activations - plain.activations == 4 * DEEP * (8 + 4 + 4 + 4)
    assert masked.outputs["masks"] == [(3, 6, 10, 4)]


def test_dense_layers_and_strides():
    inputs = keras.Input((8, 9, 2), name="x")
    x = keras.layers.Conv2D(5, 3, strides=2, padding="same")(inputs)
    network = keras.Model({"x": inputs}, keras.layers.Dense(7)(keras.layers.Flatten()(x)))
    assert forward_flops(network) == 2 * (4 * 5 * 9 * 2 * 5 + 100 * 7)


class SilentComposite(keras.layers.Layer):
    """A layer that does not tell which layer it calls."""

    def __init__(self):
        super().__init__()
        self.inner = keras.layers.Dense(3)

    def call(self, x):
        return self.inner(x)


def test_a_composite_layer_that_reports_nothing_is_an_error():
    inputs = keras.Input((4,), name="x")
    network = keras.Model({"x": inputs}, SilentComposite()(inputs))
    with pytest.raises(ValueError, match=r"must report them through inner_calls, got .*kernel"):
        forward_flops(network)


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_network_has_a_cost(name):
    result = cost_of(SYSTEMS[name], PRESET)
    assert (result.parameters > 0) == (result.flops > 0) == (name != "identity")
    assert result.activations >= 4 * POSITIONS * 3
    assert all(result.outputs.values())


@pytest.mark.parametrize(
    "preset",
    ["tiny", "small", *(pytest.param(name, marks=pytest.mark.slow) for name in ("large", "paper"))],
)
def test_the_wide_centrifuge_costs_as_much_as_the_predictor_corrector(preset):
    wide, corrected = (
        cost_of(SYSTEMS[name], PRESETS[preset]) for name in ("centrifuge_wide", "centrifuge_pc")
    )
    assert wide.flops == pytest.approx(corrected.flops, rel=0.05)


def test_a_corrector_costs_the_same_with_either_input():
    errors, outputs = (
        cost_of(SYSTEMS[name], PRESET) for name in ("centrifuge_pc_error", "centrifuge_pc")
    )
    assert (errors.flops, errors.parameters) == (outputs.flops, outputs.parameters)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, millions, gflops, megabytes",
    [
        ("centrifuge", 22.67, 132.98, 616.9),
        ("centrifuge_pc", 45.46, 292.39, 1262.7),
        ("c2_no_masking", 23.14, 229.37, 1259.2),
        ("c2", 27.06, 274.95, 1357.5),
        ("c3_internal", 34.34, 319.81, 1603.5),
        ("i3d", 12.91, 55.86, 329.7),
    ],
)
def test_costs_at_the_papers_size(name, millions, gflops, megabytes):
    result = cost_of(SYSTEMS[name], PRESETS["paper"])
    assert result.parameters / 1e6 == pytest.approx(millions, abs=0.005)
    assert result.flops / 1e9 == pytest.approx(gflops, abs=0.005)
    assert result.activations / 1e6 == pytest.approx(megabytes, abs=0.05)
