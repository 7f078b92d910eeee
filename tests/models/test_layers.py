"""Contracts of every registered layer, and each layer's definition against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from random_values import RNG, values

from data_prep.errors import UserError
from models.losses import assignment as losses
from models.networks import (
    audio,
    color_maps,
    composition,
    conv,
    masking,
    normalization,
    recomposition,
    scores,
)

CASES = {
    "AudioVisualFusion": (
        audio.AudioVisualFusion,
        {},
        [values(2, 3, 5, 4, 6), values(2, 7, 9, 3)],
    ),
    "ColorMaps": (color_maps.ColorMaps, {}, [values(2, 2, 3, 5, 18), values(2, 4, 9, 5, 3)]),
    "Composition": (
        composition.Composition,
        {"outputs": 3, "layers": 7, "exact": 1, "adapted": 3, "complements": 2},
        [values(1, 3, 5, 7, 33), values(1, 3, 5, 7, 3), values(1, 3, 5, 7, 9)],
    ),
    "CropLike": (conv.CropLike, {}, [values(2, 4, 6, 8, 3), values(2, 3, 6, 7, 5)]),
    "DeterministicControlLoss": (losses.DeterministicControlLoss, {}, [values(3, 2), values(3, 2)]),
    "FeatureScoreHead": (
        scores.FeatureScoreHead,
        {"outputs": 3, "width": 16},
        [values(2, 3, 2, 4, 5), values(2, 3, 5, 7, 6)],
    ),
    "GroupNormalization": (
        normalization.GroupNormalization,
        {"groups": 3},
        [values(2, 3, 5, 7, 6)],
    ),
    "GroupedChannelMasking": (
        masking.GroupedChannelMasking,
        {"groups": 3, "width": 2},
        [values(2, 3, 5, 7, 6)],
    ),
    "InternalPredictionLoss": (losses.InternalPredictionLoss, {}, [values(3, 2), values(3, 2)]),
    "LogMagnitude": (audio.LogMagnitude, {}, [values(2, 25, 33)]),
    "PermutationInvariantLoss": (losses.PermutationInvariantLoss, {}, [values(3, 3), values(3, 3)]),
    "RecompositionError": (
        recomposition.RecompositionError,
        {},
        [values(2, 3, 5, 7, 9), values(2, 3, 5, 7, 3)],
    ),
    "ScoreHead": (scores.ScoreHead, {"width": 4}, [values(2, 3, 4, 12, 20, 3), values(2, 5, 6, 7)]),
    "SplitOutputs": (conv.SplitOutputs, {}, [values(1, 3, 5, 7, 9)]),
}
every_layer = pytest.mark.parametrize("name", sorted(CASES))


def registered(kind):
    return {
        name.split(">")[1]
        for name, value in keras.saving.get_custom_objects().items()
        if name.startswith("layered_video>") and issubclass(value, kind)
    }


def tensors(inputs):
    return [tf.constant(value) for value in inputs]


def shapes(result):
    return [tuple(tensor.shape) for tensor in tf.nest.flatten(result)]


def test_every_registered_layer_is_a_case():
    assert registered(keras.layers.Layer) == CASES.keys()


@every_layer
def test_config_round_trip(name):
    cls, arguments, inputs = CASES[name]
    layer = cls(**arguments, name="layer")
    expected = layer(*tensors(inputs))
    config = layer.get_config()
    assert arguments.items() <= config.items()
    copy = keras.layers.deserialize(keras.layers.serialize(layer))
    assert copy.get_config() == config
    result = copy(*tensors(inputs))
    copy.set_weights(layer.get_weights())
    result = copy(*tensors(inputs))
    tf.nest.map_structure(np.testing.assert_array_equal, result, expected)


@every_layer
@pytest.mark.parametrize("batch", ["one", "all"])
def test_symbolic_shapes_are_the_real_ones(name, batch):
    cls, arguments, inputs = CASES[name]
    layer = cls(**arguments)
    inputs = [value[:1] if batch == "one" else value for value in inputs]
    size = len(inputs[0])
    symbolic = layer(*(keras.Input(value.shape[1:]) for value in inputs))
    expected = [(size, *tensor.shape[1:]) for tensor in tf.nest.flatten(symbolic)]
    assert shapes(layer(*tensors(inputs))) == expected


@every_layer
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_is_finite(name, policy):
    cls, arguments, inputs = CASES[name]
    keras.config.set_dtype_policy(policy)
    for tensor in tf.nest.flatten(cls(**arguments)(*tensors(inputs))):
        assert np.isfinite(tf.cast(tensor, tf.float32)).all()
        if name.endswith("Loss"):
            assert tensor.dtype == tf.float32


@every_layer
def test_gradients_reach_inputs_and_weights(name):
    cls, arguments, inputs = CASES[name]
    layer, inputs = cls(**arguments), tensors(inputs)
    layer(*inputs)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        result = tf.nest.flatten(layer(*inputs))
        # Sums of probabilities have no gradient, sums of their squares do.
        total = tf.add_n([tf.reduce_sum(tf.square(tensor)) for tensor in result])
    weights = {weight.path: weight.value for weight in layer.trainable_weights}
    of_inputs, of_weights = tape.gradient(total, [inputs, weights])
    stopped = {"InternalPredictionLoss": 1, "ScoreHead": 0, "CropLike": 1}.get(name)
    for place, gradient in enumerate(of_inputs):
        assert (gradient is None) == (place == stopped), place
    for path, gradient in of_weights.items():
        assert gradient is not None, path
        assert np.abs(gradient).max() > 0, path


def test_masks_multiply_groups_of_neighbouring_channels():
    layer = masking.GroupedChannelMasking(3, 2)
    features = values(2, 2, 3, 4, 6) - 0.5
    masked, masks = layer(features)
    assert masks.shape == (2, 2, 3, 4, 3)
    np.testing.assert_allclose(masked, features * masks.numpy().repeat(2, axis=-1), rtol=1e-5)
    assert ((masks.numpy() >= 0) & (masks.numpy() <= 1)).all()


def test_competing_masks_start_as_no_masks():
    layer = masking.GroupedChannelMasking(3, 2, "competing")
    features = values(2, 2, 3, 4, 6) - 0.5
    masked, masks = layer(features)
    np.testing.assert_allclose(masks, np.full((2, 2, 3, 4, 3), 1 / 3), rtol=1e-6)
    np.testing.assert_allclose(masked, features, rtol=1e-6)


def test_competing_masks_are_shares_of_the_groups_and_their_mean_factor_is_1():
    layer = masking.GroupedChannelMasking(3, 2, "competing")
    features = values(2, 2, 3, 4, 6) - 0.5
    layer(features)
    kernel, bias = layer.predict.get_weights()
    layer.predict.set_weights([values(*kernel.shape) - 0.5, values(*bias.shape)])
    logits = layer.predict(layer.hidden(features)).numpy()
    shares = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    masked, masks = layer(features)
    assert np.ptp(shares) > 0.05
    np.testing.assert_allclose(masks, shares, rtol=1e-5)
    np.testing.assert_allclose(np.mean(3 * masks.numpy(), axis=-1), 1, rtol=1e-5)
    np.testing.assert_allclose(masked, features * 3 * shares.repeat(2, axis=-1), rtol=1e-5)


def test_an_unknown_masking_lists_the_known_ones():
    with pytest.raises(UserError, match="masking: must be one of independent, competing, got 'x'"):
        masking.GroupedChannelMasking(3, 2, "x")


@pytest.mark.parametrize("videos", [1, 2, 3])
def test_recomposition_errors_are_the_definition(videos):
    outputs, mixture = values(2, 3, 4, 5, 3 * videos), values(2, 3, 4, 5, 3)
    errors = recomposition.RecompositionError()(outputs, mixture).numpy()
    each = mixture[..., None, :] - outputs.reshape(2, 3, 4, 5, videos, 3)
    np.testing.assert_allclose(errors[..., :3], each.mean(axis=-2), atol=1e-6)
    np.testing.assert_allclose(errors[..., 3:], np.abs(each).min(axis=-2), atol=1e-6)


def test_recomposition_errors_of_exact_outputs_are_zero_for_their_mixture():
    v1, v2 = values(1, 2, 4, 5, 3), values(1, 2, 4, 5, 3)
    occluded = np.where(values(1, 2, 4, 5, 1) < 0.5, v1, v2)
    layer, outputs = recomposition.RecompositionError(), np.concatenate([v1, v2], axis=-1)
    np.testing.assert_allclose(layer(outputs, 0.5 * (v1 + v2))[..., :3], 0, atol=1e-6)
    np.testing.assert_array_equal(layer(outputs, occluded)[..., 3:], 0)


def test_masks_of_groups_that_do_not_divide_the_channels():
    with pytest.raises(ValueError, match=r"must divide .* got groups=4, channels=6"):
        masking.GroupedChannelMasking(4, 2)(values(1, 2, 3, 4, 6))


@pytest.mark.parametrize(("groups", "channels", "used"), [(8, 24, 8), (8, 12, 4), (3, 5, 1)])
def test_group_normalization_is_kerass(groups, channels, used):
    features = RNG.normal(3, 2, (2, 3, 5, 7, channels)).astype(np.float32)
    ours = normalization.GroupNormalization(groups)
    theirs = keras.layers.GroupNormalization(used)
    weights = [RNG.normal(size=channels), RNG.normal(size=channels)]
    for layer in (ours, theirs):
        layer.build(features.shape)
        layer.set_weights(weights)
    np.testing.assert_allclose(ours(features), theirs(features), atol=1e-5)


def test_group_normalization_of_constant_features_is_the_offset():
    layer = normalization.GroupNormalization(2)
    features = np.full((2, 3, 4, 5, 6), 1e3, np.float32)
    np.testing.assert_allclose(layer(features), 0, atol=0.05)


def test_permuting_the_outputs_permutes_the_scores():
    cls, arguments, (outputs, features) = CASES["ScoreHead"]
    # Few channels may all be dead by chance.
    keras.utils.set_random_seed(0)
    head = cls(**{**arguments, "width": 16})
    expected = head(outputs, features).numpy()
    assert expected.shape == (2, 3)
    assert np.ptp(expected, axis=1).min() > 0
    order = [2, 0, 1]
    np.testing.assert_allclose(head(outputs[:, order], features), expected[:, order], rtol=1e-5)


@pytest.mark.parametrize("axis", [0, 1])
def test_correlation_is_pearsons(axis):
    x, y = RNG.normal(3, 2, (2, 40, 50))
    result = scores.correlation(tf.constant(x), tf.constant(y), axis)
    columns = [(x.T[i], y.T[i]) if axis == 0 else (x[i], y[i]) for i in range(x.shape[1 - axis])]
    expected = [np.corrcoef(*column)[0, 1] for column in columns]
    # Little variance counts as less, hence not exactly.
    np.testing.assert_allclose(result, expected, atol=0.01)


def test_correlation_with_a_constant_is_0():
    x = values(5, 8)
    result = scores.correlation(tf.constant(x), tf.constant(np.full_like(x, 0.3)), 1)
    np.testing.assert_allclose(result, 0, atol=1e-5)


def test_scores_tell_what_changes_with_the_audio_from_what_changes_at_other_times():
    """Fitted to clips that flash at random times, the head knows the right one of new clips."""
    keras.utils.set_random_seed(0)
    steps, count = 8, 64

    def clips(seed):
        rng = np.random.default_rng(seed)
        level = rng.uniform(0, 1, (count, 2, steps, 1, 1, 1)) ** 3
        color = rng.uniform(0.3, 1, (count, 2, 1, 1, 1, 3))
        videos = level * color * np.ones((8, 8, 1)) * 2 - 1
        return videos.astype(np.float32), level[:, 0, :, 0].astype(np.float32)

    head = scores.ScoreHead(8)
    outputs, features = keras.Input((2, steps, 8, 8, 3)), keras.Input((steps, 1, 1))
    model = keras.Model([outputs, features], head(outputs, features))
    model.compile(keras.optimizers.Adam(1e-2), "mae")
    model.fit(list(clips(0)), np.tile([0.0, 0.4], (count, 1)), epochs=60, verbose=0)
    predicted = model.predict(list(clips(1)), verbose=0)
    assert np.mean(predicted[:, 0] < predicted[:, 1]) > 0.9


def test_split_outputs_are_neighbouring_channels():
    x = values(2, 3, 4, 5, 6)
    result = conv.SplitOutputs()(x)
    np.testing.assert_array_equal(result[:, 0], x[..., :3])
    np.testing.assert_array_equal(result[:, 1], x[..., 3:])


def test_crop_leaves_the_near_end():
    x = values(1, 4, 6, 8, 2)
    result = conv.CropLike()(x, values(1, 3, 6, 7, 5))
    np.testing.assert_array_equal(result, x[:, :3, :6, :7])


def test_log_magnitude_is_the_definition():
    magnitudes = 10 * values(2, 5, 33)
    result = audio.LogMagnitude()(magnitudes).numpy()
    expected = np.log1p(magnitudes.astype(np.float64) ** 2 / 1e-4) / 10
    np.testing.assert_allclose(result[..., 0], expected, atol=1e-6)
    np.testing.assert_allclose(result[..., 1], expected * np.linspace(-1, 1, 33), atol=1e-6)


def test_log_magnitude_of_silence_is_0():
    result = audio.LogMagnitude()(np.zeros((1, 5, 33), np.float32)).numpy()
    np.testing.assert_array_equal(result, 0)


def test_fusion_gives_each_step_the_audio_of_its_time():
    visual = values(1, 2, 3, 4, 5)
    features = np.zeros((1, 8, 6, 2), np.float32)
    features[0, :, :, 0] = np.arange(8)[:, None]
    features[0, :, :, 1] = np.arange(6)
    result = audio.AudioVisualFusion()(visual, features).numpy()
    np.testing.assert_array_equal(result[..., :5], visual)
    # Columns 2 and 6 are the middles of the two halves; frequencies are averaged.
    np.testing.assert_allclose(result[0, 0, :, :, 5], 2)
    np.testing.assert_allclose(result[0, 1, :, :, 5], 6)
    np.testing.assert_allclose(result[..., 6], 2.5)


def test_transposed_convolution_keeps_the_scale_of_the_signal():
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(0, 1, (1, 4, 8, 8, 64)).astype(np.float32)
    deviation = conv.transposed_conv(x, 32, (4, 4, 4), (2, 2, 2), name="up", scale=1.0)
    inner = deviation.numpy()[:, 2:-2, 2:-2, 2:-2]
    assert inner.std() == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("name", ["FeatureScoreHead", "GroupedChannelMasking", "ScoreHead"])
def test_composite_layers_tell_every_layer_they_call(name):
    cls, arguments, inputs = CASES[name]
    layer = cls(**arguments)
    layer(*tensors(inputs))
    told = [call.layer for call in layer.inner_calls(*(value.shape for value in inputs))]
    weights = {id(weight) for inner in told for weight in inner.weights}
    assert weights == {id(weight) for weight in layer.weights}
