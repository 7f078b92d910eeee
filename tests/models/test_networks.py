"""Contracts of every system's network."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import (
    CLIP,
    PLAIN_LEVELS,
    PRESET,
    SEPARATORS,
    TRAINABLE,
    build,
    fill,
    make_batch,
    with_audio,
)

from data_prep.config import ClipConfig
from data_prep.errors import UserError
from models.control import INTERNAL
from models.networks.i3d import cross_entropy, i3d
from models.presets import PRESETS
from models.systems import SYSTEMS

every_separator = pytest.mark.parametrize("name", SEPARATORS)
every_trainable = pytest.mark.parametrize("name", TRAINABLE)
every_controlled = pytest.mark.parametrize(
    "name", [name for name in SEPARATORS if SYSTEMS[name].uses_audio]
)
every_scoring = pytest.mark.parametrize(
    "name", [name for name in SEPARATORS if SYSTEMS[name].control is INTERNAL]
)
every_uncontrolled = pytest.mark.parametrize(
    "name", [name for name in SEPARATORS if not SYSTEMS[name].uses_audio]
)
EVEN = ClipConfig(frames=4, fps=10, height=16, width=8, short_side=16, sample_rate=1_000)

separator = functools.cache(build)


def arrays(result):
    return tf.nest.map_structure(lambda tensor: tensor.numpy(), result)


def assert_equal(result, expected):
    tf.nest.map_structure(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), result, expected
    )


@every_separator
@pytest.mark.parametrize(
    "batch, n, m, clip",
    [(1, 2, 2, CLIP), (2, 3, 4, CLIP), (3, 2, 7, EVEN)],
    ids=["odd", "n=3-m=4", "even"],
)
def test_shapes(name, batch, n, m, clip):
    built = build(name, outputs=n, layers=m, clip=clip)
    result = arrays(built(make_batch(batch, clip=clip)))
    size = (clip.frames, clip.height, clip.width)
    expected = {"outputs": (batch, n, *size, 3), "mixture": (batch, *size, 3)}
    if name.startswith("c"):
        if "centrifuge" not in name:
            expected["layers"] = (batch, m, *size, 3)
            expected["coefficients"] = (batch, n, m, *size)
        if SYSTEMS[name].control is INTERNAL:
            expected["scores"] = (batch, n)
    masks = result.pop("masks", [])
    # What the scores of finished outputs are matched with.
    assert ("audio" in result) == (name == "c3_internal")
    assert len(result.pop("audio", result["outputs"])) == batch
    assert {key: value.shape for key, value in result.items()} == expected
    assert all(value.dtype == np.float32 for value in result.values())
    levels = [tuple(-(-length // 2) for length in size)]
    levels.append((levels[0][0], *(-(-length // 2) for length in levels[0][1:])))
    levels.append(tuple(-(-length // 2) for length in levels[1]))
    masked = name in ("c2", "c2_competing_masks") or name.startswith("c3")
    assert [mask.shape for mask in masks] == ([(batch, *s, 4) for s in levels] if masked else [])


@every_separator
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_saved_network_gives_equal_outputs(name, norm, tmp_path):
    network = build(name, norm=norm).network
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    batch = make_batch(2)
    inputs = {"video": batch["v1"] / np.float32(127.5) - 1}
    if SYSTEMS[name].uses_audio:
        inputs["spectrogram"] = batch["spectrogram"]
    assert_equal(loaded(inputs), network(inputs))
    for layer, expected in zip(loaded.layers, network.layers, strict=True):
        assert layer.get_config() == expected.get_config()


@every_trainable
@pytest.mark.parametrize("norm, n, m", [("none", 2, 7), ("batch", 3, 4)])
def test_gradients_reach_every_weight(name, norm, n, m):
    built = build(name, norm=norm, outputs=n, layers=m)
    batch = make_batch(2)
    variables = {weight.path: weight.value for weight in built.trainable_weights}
    with tf.GradientTape() as tape:
        loss = built.compute_loss(batch, None, built(batch, training=True))
    unreached = [
        path
        for path, gradient in tape.gradient(loss, variables).items()
        if gradient is None or not np.abs(gradient).max() > 0
    ]
    assert variables
    assert not unreached


def reached_by_the_score_error(name) -> dict[str, bool]:
    """Whether the gradient of the score error reaches each weight."""
    built = build(name)
    batch = make_batch(2)
    with tf.GradientTape() as tape:
        error = built.measure(batch, built(batch))["score_error"]
    variables = {weight.path: weight.value for weight in built.trainable_weights}
    gradients = tape.gradient(error, variables)
    return {path: g is not None and np.abs(g).max() > 0 for path, g in gradients.items()}


@every_scoring
def test_regressing_the_scores_moves_the_scores_and_not_the_head(name):
    reached = reached_by_the_score_error(name)
    heads = {"composition_predict", "layers_skip_predict", "decoder_full_up", "decoder_full_norm"}
    assert all(found for path, found in reached.items() if path.startswith("scores"))
    of_heads = {path: found for path, found in reached.items() if path.split("/")[0] in heads}
    assert {"composition_predict/kernel", "layers_skip_predict/kernel"} <= of_heads.keys()
    assert not any(of_heads.values())


@pytest.mark.parametrize("name, trunk", [("c3_internal", False), ("c3_internal_fused", True)])
def test_regressing_the_scores_moves_the_features_only_if_it_reads_them(name, trunk):
    reached = reached_by_the_score_error(name)
    own = [path for path in reached if path.startswith(("encoder", "fusion", "decoder_third"))]
    assert own
    assert {reached[path] for path in own} == {trunk}
    assert all(found for path, found in reached.items() if path.startswith("audio"))


def test_scores_from_features_do_not_follow_a_permutation_of_the_outputs():
    built = build("c3_internal_fused")
    batch = make_batch(2)
    before = arrays(built(batch))
    head = built.network.get_layer("composition_predict")
    kernel, bias = head.get_weights()
    # Of 2 outputs and 2 layers, one of which is the input itself: 3 channels of color, then the
    # rows of coefficients. A transposed convolution's kernel ends with its outputs and inputs.
    order = [*range(3), 5, 6, 3, 4]
    head.set_weights([kernel[..., order, :], bias[order]])
    after = arrays(built(batch))
    np.testing.assert_allclose(after["outputs"], before["outputs"][:, ::-1], atol=1e-6)
    np.testing.assert_array_equal(after["scores"], before["scores"])


@every_separator
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_is_finite_and_near_float32(name, policy):
    batch = make_batch(2)
    expected = arrays(build(name, levels=PLAIN_LEVELS)(batch, training=True))["outputs"]
    keras.config.set_dtype_policy(policy)
    built = build(name, levels=PLAIN_LEVELS)
    predictions = built(batch, training=True)
    for key in predictions.keys() - {"masks", "audio"}:
        assert predictions[key].dtype == tf.float32, key
        assert np.isfinite(predictions[key]).all(), key
    assert np.isfinite(built.compute_loss(batch, None, predictions))
    np.testing.assert_allclose(predictions["outputs"], expected, atol=0.1)


@pytest.mark.parametrize("name", ["centrifuge", "centrifuge_pc"])
def test_half_precision_does_not_round_the_input(name):
    keras.config.set_dtype_policy("mixed_bfloat16")
    built = build(name, levels=PLAIN_LEVELS)
    # Without predictions, the outputs are what a head starts from.
    built.network.set_weights([np.zeros(weight.shape) for weight in built.network.weights])
    predictions = built(make_batch(2))
    expected = np.tanh(predictions["mixture"])[:, None].repeat(2, axis=1)
    np.testing.assert_allclose(predictions["outputs"], expected, atol=1e-6)


@every_uncontrolled
def test_loss_without_control_ignores_the_order_of_the_targets(name):
    batch = make_batch(3)
    swapped = {**batch, "v1": batch["v2"], "v2": batch["v1"], "alpha": 1 - batch["alpha"]}
    losses = [separator(name).measure(b, separator(name)(b))["loss"] for b in (batch, swapped)]
    np.testing.assert_allclose(*losses, rtol=1e-5)


@every_separator
def test_examples_of_a_batch_do_not_mix(name):
    batch = make_batch(3)
    together = separator(name)(batch)["outputs"]
    alone = separator(name)({key: value[1:2] for key, value in batch.items()})["outputs"]
    np.testing.assert_allclose(together[1:2], alone, atol=1e-5)


@every_separator
@pytest.mark.parametrize("scale", [1, 30])
def test_ranges(name, scale):
    built = build(name, outputs=3, layers=9)
    fill(built.network, 1, scale)
    result = arrays(built(make_batch(2)))
    for video in (result["outputs"], result.get("layers", np.zeros(1))):
        assert np.abs(video).max() <= 1 + 1e-6
    for mask in result.get("masks", []):
        assert mask.min() >= 0
        assert mask.max() <= 1
    if "coefficients" in result:
        assert result["coefficients"].min() >= 0
        np.testing.assert_allclose(result["coefficients"].sum(axis=2), 1, atol=1e-5)
        composed = np.einsum("bijthw,bjthwc->bithwc", result["coefficients"], result["layers"])
        np.testing.assert_allclose(result["outputs"], composed, atol=1e-5)


@every_uncontrolled
def test_audio_changes_nothing_without_control(name):
    batch = make_batch(2)
    other = {**batch, **with_audio(make_batch(2, seed=1)["audio1"])}
    assert [tensor.name for tensor in separator(name).network.inputs] == ["video"]
    results = [separator(name)(b) for b in (batch, other)]
    tf.nest.map_structure(np.testing.assert_array_equal, *results)


@every_controlled
def test_audio_changes_outputs_and_scores_with_control(name):
    batch = make_batch(2)
    results = [
        arrays(separator(name)({**batch, **with_audio(audio)}))
        for audio in (batch["audio1"], 0 * batch["audio1"])
    ]
    for key in results[0].keys() & {"outputs", "scores"}:
        assert np.isfinite(results[1][key]).all()
        assert np.abs(results[0][key] - results[1][key]).max() > 1e-3, key
    # The masks come before the fusion.
    tf.nest.map_structure(np.testing.assert_array_equal, results[0]["masks"], results[1]["masks"])


def test_identity_has_no_weights_and_changes_nothing():
    built = separator("identity")
    assert built.count_params() == 0
    result = built(make_batch(2))
    for slot in range(2):
        np.testing.assert_array_equal(result["outputs"][:, slot], result["mixture"])


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_classifier(norm, tmp_path):
    network = i3d(CLIP, dataclasses.replace(PRESET, norm=norm), classes=5)
    fill(network, 0)
    inputs = {"video": make_batch(2)["v1"] / np.float32(127.5) - 1}
    labels = np.array([0, 4])
    logits = network(inputs)["logits"].numpy()
    assert logits.shape == (2, 5)
    expected = np.log(np.exp(logits).sum(axis=1)) - logits[[0, 1], labels]
    np.testing.assert_allclose(cross_entropy(labels, logits), expected, rtol=1e-5)
    network.save(tmp_path / "i3d.keras")
    loaded = keras.saving.load_model(tmp_path / "i3d.keras")
    np.testing.assert_allclose(loaded(inputs)["logits"], logits, rtol=1e-5)
    variables = {weight.path: weight.value for weight in network.trainable_weights}
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(cross_entropy(labels, network(inputs, training=False)["logits"]))
    for path, gradient in tape.gradient(loss, variables).items():
        assert np.abs(gradient).max() > 0, path


@every_trainable
@pytest.mark.parametrize(
    "axis, size, divisor", [("frames", 5, 2), ("height", 14, 4), ("width", 18, 4)]
)
def test_a_clip_that_the_strides_do_not_divide(name, axis, size, divisor):
    clip = ClipConfig(**{**CLIP.model_dump(), axis: size})
    message = f"{axis}: must be divisible by {divisor}, the encoder's stride, got {size}"
    with pytest.raises(UserError, match=message):
        build(name, clip=clip)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name, system in SYSTEMS.items() if system.published.parameters]
)
def test_parameters_at_the_papers_size_are_the_published_ones(name):
    preset, system = PRESETS["paper"], SYSTEMS[name]
    millions = system.build(preset.clip, preset).count_params() / 1e6
    assert millions == pytest.approx(system.published.parameters, rel=0.02)
