"""The compositional head and the maps of colors it starts from, against their definitions."""

import keras
import numpy as np
import pytest
from random_values import values

from models.networks import color_maps, composition
from models.presets import PRESETS


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("exact", "adapted", "complements"),
    [(0, 0, 0), (1, 0, 0), (1, 2, 0), (1, 3, 0), (0, 4, 0), (1, 1, 1), (0, 2, 1), (0, 2, 2)],
)
def test_composition_is_the_definition(training, exact, adapted, complements):
    layer = composition.Composition(3, 4, exact, adapted, complements)
    predicted = values(2, 3, 5, 7, 3 * (4 - exact - complements) + 12)
    video, mapped = 2 * values(2, 3, 5, 7, 3) - 1, values(2, 3, 5, 7, 3 * adapted)
    read = (video, mapped) if exact or adapted else ()
    result = {
        key: value.numpy() for key, value in layer(predicted, *read, training=training).items()
    }
    colors = predicted[..., :-12].copy()
    colors[..., : 3 * adapted] += mapped
    colors = np.tanh(colors)
    left = [2 * video - colors[..., 3 * j : 3 * j + 3] for j in range(complements)]
    colors = np.concatenate([video] * exact + [colors] + [np.clip(x, -1, 1) for x in left], -1)
    colors = colors.reshape(2, 3, 5, 7, 4, 3)
    exponentials = np.exp(predicted[..., -12:].reshape(2, 3, 5, 7, 3, 4))
    betas = exponentials / exponentials.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(result["layers"], np.moveaxis(colors, 4, 1), atol=1e-5)
    np.testing.assert_allclose(result["coefficients"], np.moveaxis(betas, (4, 5), (1, 2)), 1e-5)
    expected = np.einsum("bthwij,bthwjc->bithwc", betas, colors)
    np.testing.assert_allclose(result["outputs"], expected, atol=1e-5)


@pytest.mark.parametrize("kinds", [(7, 1, 2, 4), (7, 2, 2, 2), (4, 0, 4, 2), (3, 1, 3, 0)])
def test_kinds_of_layers_that_do_not_fit(kinds):
    with pytest.raises(ValueError, match="exact must be 0 or 1, and complements <= adapted <="):
        composition.LayerKinds(*kinds)


@pytest.mark.parametrize("kinds", [(4, 1), (4, 0, 1)])
def test_composition_without_the_video_that_it_reads(kinds):
    head = composition.Composition(2, *kinds)
    with pytest.raises(ValueError, match="must read the input and its mapped copies"):
        head(values(1, 2, 3, 4, head.kinds.channels(2)))


def test_composition_of_another_number_of_channels():
    with pytest.raises(ValueError, match=r"2 outputs of 3 layers: must be .* 15 channels, got 12"):
        composition.Composition(2, 3)(values(1, 3, 5, 7, 12))


@pytest.mark.parametrize(
    ("outputs", "layers"), [(2, 2), (2, 3), (2, 5), (2, 6), (2, 7), (3, 3), (3, 5), (3, 9)]
)
@pytest.mark.parametrize("preset", ["tiny", "paper"])
def test_outputs_start_as_mostly_one_layer_and_no_two_as_the_same(preset, outputs, layers):
    kinds = composition.layer_kinds(PRESETS[preset], outputs, layers)
    biases = np.array(kinds.biases(outputs))
    assert len(biases) == kinds.channels(outputs)
    assert not biases[: 3 * kinds.predicted].any()
    coefficients = biases[3 * kinds.predicted :].reshape(outputs, layers)
    assert (np.sort(coefficients)[:, :-1] == 0).all() and (coefficients.max(axis=1) > 1).all()
    assert len(set(coefficients.argmax(axis=1))) == outputs


def test_layers_of_the_presets():
    kinds = composition.LayerKinds
    assert composition.layer_kinds(PRESETS["paper"], 2, 4) == kinds(4)
    tiny = PRESETS["tiny"]
    assert composition.layer_kinds(tiny, 2, tiny.layers) == kinds(7, 1, 2, 2)
    assert composition.layer_kinds(tiny, 2, 7).predicted == 4
    # Two free layers come before the complements.
    assert composition.layer_kinds(tiny, 2, 5) == kinds(5, 1, 2, 0)
    assert composition.layer_kinds(tiny, 2, 6) == kinds(6, 1, 2, 1)
    assert composition.layer_kinds(tiny, 2, 9) == kinds(9, 1, 2, 2)
    assert composition.layer_kinds(tiny, 2, 2, input_layer=False) == kinds(2, 0, 2, 0)


def test_a_transparency_is_undone_by_one_layer_and_its_complement():
    v1, v2 = 2 * values(2, 2, 3, 4, 5, 3) - 1
    head = composition.Composition(2, 2, 0, 1, 1)
    # The one predicted layer is V1, and each output is one layer.
    logits = np.broadcast_to(np.float32([50, -50, -50, 50]), (*v1.shape[:-1], 4))
    predicted = np.concatenate([np.arctanh(v1 * 0.999), logits], axis=-1)
    outputs = head(predicted, 0.5 * (v1 + v2), np.zeros_like(v1))["outputs"]
    np.testing.assert_allclose(outputs[:, 0], v1, atol=2e-3)
    np.testing.assert_allclose(outputs[:, 1], v2, atol=2e-3)


@pytest.mark.parametrize("training", [False, True])
def test_color_maps_are_the_definition(training):
    maps, video = values(2, 2, 3, 4, 18) - 0.5, 2 * values(2, 4, 6, 12, 3) - 1
    result = color_maps.ColorMaps()(maps, video, training=training)
    # A cell of the maps is 2 frames of 2x3 pixels.
    enlarged = maps.repeat(2, axis=1).repeat(2, axis=2).repeat(3, axis=3)
    enlarged = enlarged.reshape(2, 4, 6, 12, 2, 3, 3)
    expected = video[..., None, :] + np.einsum("bthwkij,bthwi->bthwkj", enlarged, video)
    np.testing.assert_allclose(result, expected.reshape(2, 4, 6, 12, 6), atol=1e-6)


def test_a_map_of_colors_undoes_the_mixture_of_two_hues_in_full_detail():
    # Brightness by pixel, and one color each: what a map must do is solve for both at once.
    hues = np.float32([[1, 0.2, 0.1], [0.1, 0.4, 1]])
    bright = values(2, 1, 2, 6, 8)
    v1, v2 = 2 * bright[..., None] * hues[:, None, None, None, None] - 1  # -1 is black
    apart = np.linalg.pinv(0.5 * hues)  # a mixture's colors over black -> both brightnesses
    full = np.stack([np.outer(apart[:, i], hues[i]) for i in range(2)]).astype(np.float32)
    maps = np.broadcast_to((full - np.eye(3)).reshape(18), (1, 1, 1, 1, 18))
    offsets = full.sum(axis=1) - 1  # what the head adds
    result = color_maps.ColorMaps()(maps, 0.5 * (v1 + v2)) + offsets.reshape(6)
    np.testing.assert_allclose(result, np.concatenate([v1, v2], axis=-1), atol=1e-5)


def test_mapped_input_starts_near_copies():
    keras.utils.set_random_seed(0)
    features, video = values(1, 2, 3, 4, 8), 2 * values(1, 4, 6, 8, 3) - 1
    result = color_maps.mapped_input(features, video, 2, name="maps")
    np.testing.assert_allclose(result, np.tile(video, 2), atol=0.5)
    assert np.abs(result - np.tile(video, 2)).mean() < 0.1
