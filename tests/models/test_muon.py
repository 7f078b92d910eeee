"""Muon on kernels: the iteration, the update, what is left to AdamW, and where it runs."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from muon_probe import fill, gradients_of, make_model
from small_models import CLIP, PRESET

from models.config import TrainConfig
from models.systems import SYSTEMS
from models.training.muon import KernelMuon
from models.training.optimizers import make_optimizer

PROBE = Path(__file__).with_name("muon_probe.py")
COEFFICIENTS = 3.4445, -4.7750, 2.0315  # Jordan et al., 2024
SHAPES = [(40, 8), (8, 40), (16, 16), (200, 3), (1, 12)]


def iterate(singular_values: np.ndarray, steps: int) -> np.ndarray:
    """Apply the iteration to singular values alone, which is what it does to a matrix."""
    a, b, c = COEFFICIENTS
    for _ in range(steps):
        s = singular_values
        singular_values = a * s + b * s**3 + c * s**5
    return singular_values


def orthogonalized(matrix: np.ndarray, steps: int) -> np.ndarray:
    u, s, v = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    return u * iterate(s / np.linalg.norm(s), steps) @ v


def newton_schulz(matrix: np.ndarray, steps: int) -> np.ndarray:
    tensor = keras.ops.convert_to_tensor(matrix.astype(np.float32))
    return np.asarray(KernelMuon().zeropower_via_newtonschulz5(tensor, steps))


def conditioned(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return a matrix with singular values from 0.5 to 1."""
    u, s, v = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    return u * np.linspace(0.5, 1, len(s)) @ v


@pytest.mark.parametrize("steps", [0, 1, 3, 5])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_iteration_changes_singular_values_by_its_polynomial(shape, steps):
    matrix = np.random.default_rng(0).normal(size=shape)
    expected = orthogonalized(matrix, steps)
    np.testing.assert_allclose(newton_schulz(matrix, steps), expected, atol=2e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_iteration_approaches_the_nearest_orthogonal_matrix(shape):
    matrix = conditioned(np.random.default_rng(0), shape)
    u, _, v = np.linalg.svd(matrix, full_matrices=False)
    found = newton_schulz(matrix, 5)
    values = np.linalg.svd(found, compute_uv=False)
    assert values.min() > 0.67 and values.max() < 1.15
    assert np.linalg.norm(found - u @ v, 2) < 0.33


@pytest.mark.parametrize("shape", SHAPES)
def test_three_iterations_bring_large_directions_there_and_leave_small_ones_behind(shape):
    rng = np.random.default_rng(0)
    u, s, v = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    shares = np.geomspace(0.5, 1e-4, len(s))
    shares[0] = np.sqrt(1 - np.sum(shares[1:] ** 2))  # so that they are shares of the norm
    grown = np.linalg.norm(u.T @ newton_schulz(u * shares @ v, 3), axis=1)
    large, small = grown[shares >= 0.02], shares < 1e-3
    assert large.min() > 0.67 and large.max() < 1.21
    np.testing.assert_allclose(grown[small], 3.4445**3 * shares[small], rtol=0.01)


@pytest.mark.parametrize("steps", [0, 6, 10])
def test_numbers_of_iterations_that_do_nothing_or_amplify_rounding_are_refused(steps):
    with pytest.raises(ValueError, match=f"ns_steps: must be from 1 to 5, got {steps}"):
        KernelMuon(ns_steps=steps)


@pytest.mark.parametrize("scale", [1e-3, 1, 1e6])
def test_the_iteration_ignores_the_scale(scale):
    matrix = np.random.default_rng(0).normal(size=(30, 6))
    expected = newton_schulz(matrix, 3)
    np.testing.assert_allclose(newton_schulz(scale * matrix, 3), expected, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_matrix_of_low_rank_stays_bounded(shape):
    rng = np.random.default_rng(0)
    matrix = np.outer(rng.normal(size=shape[0]), rng.normal(size=shape[1]))
    np.testing.assert_allclose(newton_schulz(matrix, 5), orthogonalized(matrix, 5), atol=1e-3)
    assert np.all(newton_schulz(np.zeros(shape), 5) == 0)


def update_of(layer: keras.Layer, shape, **settings) -> tuple[np.ndarray, np.ndarray]:
    """Build a layer, update its kernel once with rate 1; return the gradient and the change."""
    layer.build(shape)
    gradient = np.random.default_rng(0).normal(size=layer.kernel.shape).astype(np.float32)
    before = np.array(layer.kernel)
    optimizer = KernelMuon(1.0, **settings)
    optimizer.apply([keras.ops.convert_to_tensor(gradient)], [layer.kernel])
    return gradient, before - np.array(layer.kernel)


LAYERS = {
    "wide": (lambda: keras.layers.Dense(32, name="hidden"), (None, 4)),
    "tall": (lambda: keras.layers.Dense(4, name="hidden"), (None, 32)),
    "2-D": (lambda: keras.layers.Conv2D(8, 3, name="audio"), (None, 9, 9, 5)),
    "3-D": (lambda: keras.layers.Conv3D(8, (3, 5, 5), name="conv"), (None, 9, 9, 9, 3)),
    "3-D, wide": (lambda: keras.layers.Conv3D(32, 1, name="conv"), (None, 9, 9, 9, 3)),
    "transposed": (
        lambda: keras.layers.Conv3DTranspose(6, (3, 4, 4), name="level_up"),
        (None, 3, 3, 3, 8),
    ),
}
"""Name -> what makes a layer, and the shape of its input."""


@pytest.mark.parametrize("make_layer, shape", LAYERS.values(), ids=LAYERS)
def test_updates_of_kernels_are_orthogonal(make_layer, shape):
    layer = make_layer()
    _, change = update_of(layer, shape, ns_steps=5)
    if isinstance(layer, keras.layers.Conv3DTranspose):
        change = np.moveaxis(change, -2, -1)
    matrix = change.reshape(-1, change.shape[-1])
    assert matrix.shape[1] == layer.compute_output_shape(shape)[-1]
    values = np.linalg.svd(matrix, compute_uv=False) / (0.2 * np.sqrt(max(matrix.shape)))
    assert values.min() > 0.67 and values.max() < 1.25
    # Hence a weight moves by about 0.2 of the rate, as under Adam.
    assert 0.13 < np.sqrt(np.mean(matrix**2)) < 0.25


def test_a_transposed_convolution_moves_as_a_convolution_of_the_same_inputs_and_outputs():
    make_layer, shape = LAYERS["transposed"]
    gradient, change = update_of(make_layer(), shape)
    matrix = np.moveaxis(gradient, -2, -1).reshape(-1, 6)
    expected = orthogonalized(matrix, 3).reshape(3, 4, 4, 8, 6) * 0.2 * np.sqrt(len(matrix))
    np.testing.assert_allclose(change, np.moveaxis(expected, -1, -2), atol=1e-4)


def reference(model: keras.Model, steps: int, *, rate, clip: float) -> list[np.ndarray]:
    """Train with the gradients of the probe, in float64 and NumPy alone."""
    variables = model.trainable_variables
    weights = [np.array(variable, np.float64) for variable in variables]
    first = [np.zeros_like(weight) for weight in weights]
    second = [np.zeros_like(weight) for weight in weights]
    for step in range(steps):
        gradients = [each.astype(np.float64) for each in gradients_of(variables, step)]
        norm = np.sqrt(sum(np.sum(gradient**2) for gradient in gradients))
        for index, (variable, gradient) in enumerate(zip(variables, gradients, strict=True)):
            g = gradient * min(1, clip / norm)
            layer = variable.path.split("/")[0]
            if g.ndim > 1 and layer not in ("composition_predict", "logits"):
                first[index] = 0.95 * first[index] + g
                moved = 0.95 * first[index] + g
                if layer == "level_up":
                    moved = np.swapaxes(moved, -1, -2)
                matrix = moved.reshape(-1, moved.shape[-1])
                update = 0.2 * np.sqrt(max(matrix.shape)) * orthogonalized(matrix, 3)
                update = update.reshape(moved.shape)
                if layer == "level_up":
                    update = np.swapaxes(update, -1, -2)
            else:
                first[index] = 0.9 * first[index] + 0.1 * g
                second[index] = 0.999 * second[index] + 0.001 * g**2
                correction = np.sqrt(1 - 0.999 ** (step + 1)) / (1 - 0.9 ** (step + 1))
                update = correction * first[index] / (np.sqrt(second[index]) + 1e-7)
            weights[index] -= rate(step) * update
    return weights


@pytest.fixture
def model():
    made = make_model()
    fill(made)
    return made


def train(model: keras.Model, optimizer: keras.optimizers.Optimizer, steps: int) -> list:
    variables = model.trainable_variables
    optimizer.build(variables)
    update = tf.function(
        lambda gradients: optimizer.apply_gradients(zip(gradients, variables, strict=True)),
        autograph=False,
    )
    for step in range(steps):
        update([tf.constant(gradient) for gradient in gradients_of(variables, step)])
    return [np.array(variable) for variable in variables]


def cosine(step: int) -> float:
    """The rate of `TrainConfig(steps=3, learning_rate=0.1)`."""
    return 0.1 * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * step / 3)))


SETTINGS = {"optimizer": "muon", "learning_rate": 0.1, "steps": 3}


def assert_close(found, expected, atol=2e-5):
    for value, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, wanted, atol=atol)


@pytest.mark.parametrize("clip", [1.0, 1e3])
def test_training_with_the_settings_option_is_what_numpy_computes(model, clip):
    expected = reference(model, 3, rate=cosine, clip=clip)
    optimizer = make_optimizer(TrainConfig(**SETTINGS, clip_norm=clip), PRESET)
    # AdamW's correction of its start, 1 - 0.999, has an error of 5e-5 in float32.
    assert_close(train(model, optimizer, 3), expected, atol=2e-4)


def test_accumulated_gradients_make_one_update(model):
    config = TrainConfig(**SETTINGS, schedule="constant", accumulate=2)
    accumulated = train(model, make_optimizer(config, PRESET), 2)
    fill(model)
    variables = model.trainable_variables
    pairs = zip(gradients_of(variables, 0), gradients_of(variables, 1), strict=True)
    optimizer = make_optimizer(TrainConfig(**SETTINGS, schedule="constant"), PRESET)
    optimizer.apply([tf.constant((first + second) / 2) for first, second in pairs], variables)
    assert_close(accumulated, [np.array(variable) for variable in variables])


def test_the_moving_average_follows_the_weights(model):
    after = []
    for steps in (1, 2, 3):
        fill(model)
        optimizer = make_optimizer(TrainConfig(**SETTINGS, ema=0.5), PRESET)
        after.append(train(model, optimizer, steps))
    optimizer.finalize_variable_values(model.trainable_variables)
    # Keras's average begins at the first update.
    expected = [0.25 * a + 0.25 * b + 0.5 * c for a, b, c in zip(*after, strict=True)]
    assert_close(model.get_weights(), expected)
    assert any(np.abs(a - b).max() > 0.01 for a, b in zip(after[2], expected, strict=True))


def test_what_is_left_to_adamw_moves_exactly_as_under_adamw(model):
    common = {"learning_rate": 0.1, "global_clipnorm": 1.0}
    muon = train(model, KernelMuon(**common), 4)
    fill(model)
    adamw = train(model, keras.optimizers.AdamW(weight_decay=0.0, **common), 4)
    paths = [variable.path for variable in model.trainable_variables]
    same = {p for p, a, b in zip(paths, muon, adamw, strict=True) if np.array_equal(a, b)}
    biases = {path for path in paths if path.endswith("bias")}
    assert same == biases | {"composition_predict/kernel", "logits/kernel"}


LAST = {"composition_predict", "centrifuge_rgb", "predictor_rgb", "corrector_rgb", "logits"}


@pytest.mark.parametrize("head", [None, 4])
@pytest.mark.parametrize("name", [name for name in SYSTEMS if name != "identity"])
def test_kernels_are_told_apart_by_the_names_of_their_layers(name, head):
    network = SYSTEMS[name].build(CLIP, dataclasses.replace(PRESET, head=head))
    optimizer = KernelMuon()
    optimizer.build(network.trainable_variables)
    layers = [layer for layer in network._flatten_layers() if hasattr(layer, "kernel")]
    assert len(layers) == sum(v.path.endswith("/kernel") for v in network.trainable_variables)
    left = [layer for layer in layers if optimizer._should_use_adamw(layer.kernel)]
    scores = [layer for layer in layers if layer.kernel.path.startswith("scores/head/dense")]
    assert set(scores) <= set(left)
    names = {layer.name for layer in left} - {layer.name for layer in scores}
    assert names <= LAST | {"predict", "layers_skip_predict", "outputs_skip_predict"}
    assert names & LAST
    for layer in set(layers) - set(left):
        transposed = any(pattern in layer.kernel.path for pattern in optimizer.transposed_layers)
        assert transposed == isinstance(layer, keras.layers.Conv3DTranspose), layer.kernel.path
    for variable in network.trainable_variables:
        assert optimizer._should_use_adamw(variable) or len(variable.shape) > 1


def test_an_optimizer_is_made_of_its_settings_again():
    optimizer = KernelMuon(0.5, exclude_layers=["last"], transposed_layers=["up"], ns_steps=4)
    config = keras.optimizers.serialize(optimizer)
    assert keras.optimizers.deserialize(config).get_config() == optimizer.get_config()


def test_mixed_precision_keeps_the_state_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = keras.Sequential([keras.layers.Dense(8, name="hidden"), keras.layers.Dense(1)])
    model.compile(KernelMuon(0.1, exclude_layers=["dense"]), loss="mse")
    x = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
    losses = [float(model.train_on_batch(x, x[:, :1])) for _ in range(20)]
    assert losses[-1] < 0.5 * losses[0]
    assert {variable.dtype for variable in model.optimizer.variables[1:]} == {"float32"}


@pytest.mark.slow
def test_jax_computes_the_same(model, tmp_path):
    root = PROBE.parents[2]
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, PROBE, tmp_path / "jax.npz"], env=environment, check=True)
    found = np.load(tmp_path / "jax.npz").values()
    rate = keras.optimizers.schedules.CosineDecay(0.1, 3)
    assert_close(found, train(model, KernelMuon(rate, global_clipnorm=1.0), 3))


@pytest.mark.slow
def test_two_devices_train_as_one(start_training, tmp_path):
    config = {**SETTINGS, "learning_rate": 3e-3, "clip_norm": 0, "batch": 4, "steps": 2}
    out = tmp_path / "devices"
    training = start_training(out, out, system="c2_no_masking", config=config, devices=(1, 2))
    assert training.wait() == 0
    one, two = (np.load(f"{out}-{count}.npz") for count in (1, 2))
    for name in one.files:
        np.testing.assert_allclose(two[name], one[name], atol=1e-4, err_msg=name)
