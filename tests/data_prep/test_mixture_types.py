import numpy as np
import pytest

from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.mixing import reflection
from data_prep.mixing.mixture_types import MIXTURE_TYPES, MixtureType, get_mixture_type
from data_prep.mixing.supervoxels import occlusion_alpha

CONFIG = DataConfig()


def clip(seed, shape=(6, 40, 48, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def prepare(name, seed, v1, v2):
    return get_mixture_type(name).prepare(v1, v2, np.random.default_rng(seed), CONFIG)


@pytest.mark.parametrize("name", MIXTURE_TYPES)
def test_every_type_keeps_its_contract(name):
    for seed in range(4):
        v1, v2 = clip(seed), clip(seed + 100)
        kept = v1.copy(), v2.copy()
        altered, alpha = prepare(name, seed, v1, v2)
        np.testing.assert_array_equal(v1, kept[0])
        np.testing.assert_array_equal(v2, kept[1])
        assert (altered.shape, altered.dtype) == (v2.shape, np.uint8)
        if MIXTURE_TYPES[name].alter_v2 is None:
            np.testing.assert_array_equal(altered, v2)
        if alpha is not None:
            assert alpha.shape == v1.shape[:3]
            assert 0 <= alpha.min() <= alpha.max() <= 1
            levels = np.round(alpha.astype(np.float32) * 255)
            np.testing.assert_array_equal(levels.astype(np.float32) / np.float32(255), alpha)
        again, same = prepare(name, seed, v1, v2)
        np.testing.assert_array_equal(again, altered)
        np.testing.assert_array_equal(alpha, same)


def test_transparencies_have_no_alpha_and_occlusions_that_of_the_first_clip():
    v1, v2 = clip(0), clip(1)
    assert prepare("transparency", 0, v1, v2)[1] is None
    expected = occlusion_alpha(v1, CONFIG.segments, np.random.default_rng(5))
    np.testing.assert_array_equal(prepare("occlusion", 5, v1, v2)[1], expected)


def blurred(frames, sigma):
    """Gaussian blur over rows and columns, edges repeated; the slow way."""
    radius = int(4 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    result = frames.astype(float)
    for axis in (1, 2):
        pad = [(radius, radius) if a == axis else (0, 0) for a in range(4)]
        padded = np.pad(result, pad, mode="edge")
        size = result.shape[axis]
        parts = [padded.take(range(i, i + size), axis) for i in range(2 * radius + 1)]
        result = sum(k * part for k, part in zip(kernel, parts, strict=True))
    return result


def shifted(frames, rows, columns):
    """Frames moved down and to the right, edges repeated."""
    _, height, width, _ = frames.shape
    y = np.clip(np.arange(height) - rows, 0, height - 1)
    x = np.clip(np.arange(width) - columns, 0, width - 1)
    return frames[:, y][:, :, x]


def test_a_reflection_is_blurred_dimmed_and_doubled_as_numpy_says():
    for seed in range(6):
        v1, v2 = clip(seed), clip(seed + 50)
        altered, alpha = prepare("reflection", seed, v1, v2)
        rng = np.random.default_rng(seed)  # the same draws, in the same order
        sigma = 40 * rng.uniform(*reflection.BLUR)
        angle, distance = rng.uniform(0, 2 * np.pi), 40 * rng.uniform(*reflection.SHIFT)
        dimming = rng.uniform(*reflection.DIMMING)
        soft = blurred(v2, sigma)
        second = shifted(soft, round(distance * np.sin(angle)), round(distance * np.cos(angle)))
        share = reflection.SECOND_FACE
        expected = dimming * ((1 - share) * soft + share * second)
        np.testing.assert_allclose(altered, expected, atol=0.51)
        assert len(np.unique(alpha)) == 1
        assert 0.59 < alpha.flat[0] < 0.76
        assert altered.mean() < 0.92 * v2.mean()
        assert altered.std() < 0.5 * v2.std()


def test_reflections_differ_from_mixture_to_mixture():
    v1, v2 = clip(0), clip(1)
    alphas = {prepare("reflection", seed, v1, v2)[1].flat[0] for seed in range(20)}
    assert len(alphas) > 5


def test_unknown_types_are_answered_with_those_there_are(monkeypatch):
    with pytest.raises(UserError) as caught:
        get_mixture_type("mirror")
    assert str(caught.value) == (
        "mixture type: must be one of transparency, occlusion, reflection, got 'mirror'"
    )
    toy = MixtureType("mirror", "mirrors", alpha=lambda v1, v2, rng, settings: None)
    monkeypatch.setitem(MIXTURE_TYPES, "mirror", toy)
    assert get_mixture_type("mirror") is toy
    assert DataConfig(shares={"mirror": 1.0}).shares == {"mirror": 1.0}
