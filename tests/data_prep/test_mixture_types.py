import numpy as np
import pytest

from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.mixing import reflection
from data_prep.mixing.compose import as_share, compose
from data_prep.mixing.mixture_types import MIXTURE_TYPES, MixtureType, get_mixture_type
from data_prep.mixing.pairing import Pairing

CONFIG = DataConfig()


def clip(seed, shape=(6, 40, 48, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def prepare(name, seed, v1, v2):
    return get_mixture_type(name).prepare(v1, v2, np.random.default_rng(seed), CONFIG)


def names_with_a_front():
    return [name for name, kind in MIXTURE_TYPES.items() if kind.has_front]


def seed_of_front(number, name="reflection"):
    """Return a seed whose mixture has this clip in front."""
    return next(s for s in range(64) if prepare(name, s, clip(0), clip(1)).front == number)


@pytest.mark.parametrize("name", MIXTURE_TYPES)
def test_every_type_keeps_its_contract(name):
    for seed in range(4):
        v1, v2 = clip(seed), clip(seed + 100)
        kept = v1.copy(), v2.copy()
        made = prepare(name, seed, v1, v2)
        np.testing.assert_array_equal(v1, kept[0])
        np.testing.assert_array_equal(v2, kept[1])
        assert made.front in ((1, 2) if MIXTURE_TYPES[name].has_front else (0,))
        for number, (entered, given) in enumerate(((made.v1, v1), (made.v2, v2)), start=1):
            assert (entered.shape, entered.dtype) == (given.shape, np.uint8)
            if MIXTURE_TYPES[name].alter_back is None or made.front == number:
                np.testing.assert_array_equal(entered, given)
        if made.alpha is not None:
            assert made.alpha.shape == v1.shape[:3]
            assert 0 <= made.alpha.min() <= made.alpha.max() <= 1
            levels = np.round(made.alpha.astype(np.float32) * 255)
            np.testing.assert_allclose(levels / 255, made.alpha, rtol=0, atol=1e-7)
        again = prepare(name, seed, v1, v2)
        for key, value in vars(made).items():
            np.testing.assert_array_equal(getattr(again, key), value)


@pytest.mark.parametrize("name", names_with_a_front())
def test_a_fair_coin_says_which_clip_is_in_front(name):
    """The share of mixtures with V1 in front is one half, whatever else the mixture is."""
    small = DataConfig(segments=2)
    v1, v2 = clip(0, (2, 8, 8, 3)), clip(1, (2, 8, 8, 3))
    fronts = []
    for index in range(400):
        pairing = Pairing("train", index, 7, name, None, None)
        fronts.append(get_mixture_type(name).prepare(v1, v2, pairing.mixing_rng(), small).front)
    first = np.array(fronts) == 1
    # Three standard deviations of 400 fair coins are 0.075, of 200 0.106.
    assert abs(first.mean() - 0.5) < 0.075
    assert abs(first[::2].mean() - 0.5) < 0.106, "types often take turns, so even ones count too"
    assert abs((first[1:] == first[:-1]).mean() - 0.5) < 0.075, "nor does it depend on the last"


@pytest.mark.parametrize("name", names_with_a_front())
def test_alpha_is_the_share_of_v1_whichever_clip_is_in_front(name):
    """With the same draws, the clip in front has the same share; the other one is altered."""
    kind = get_mixture_type(name)
    v1, v2 = clip(0), clip(1)
    numbers = set()
    for seed in range(8):
        made = prepare(name, seed, v1, v2)
        numbers.add(made.front)
        rng = np.random.default_rng(seed)
        rng.integers(2)  # the coin
        front, back = (v1, v2) if made.front == 1 else (v2, v1)
        altered = back if kind.alter_back is None else kind.alter_back(back, rng, CONFIG)
        share = kind.alpha(front, rng, CONFIG)
        expected = compose(front.astype(float), altered, as_share(share))
        mixed = compose(made.v1.astype(float), made.v2, as_share(made.alpha))
        np.testing.assert_allclose(mixed, expected, atol=1e-4)
    assert numbers == {1, 2}


def block(left, top):
    """A bright block on black."""
    frames = np.zeros((6, 40, 48, 3), np.uint8)
    frames[:, top : top + 20, left : left + 20] = 255
    return frames


def test_the_occluder_is_made_of_the_clip_in_front_alone():
    v1, v2, other = block(3, 5), block(25, 14), block(14, 17)
    for number in (1, 2):
        seed = seed_of_front(number, "occlusion")
        alpha = prepare("occlusion", seed, v1, v2).alpha
        changed = [prepare("occlusion", seed, *pair).alpha for pair in ((other, v2), (v1, other))]
        assert [bool((mask != alpha).any()) for mask in changed] == [number == 1, number == 2]


def test_transparencies_have_no_alpha():
    assert prepare("transparency", 0, clip(0), clip(1)).alpha is None


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
    numbers = set()
    for seed in range(6):
        v1, v2 = clip(seed), clip(seed + 50)
        made = prepare("reflection", seed, v1, v2)
        numbers.add(made.front)
        rng = np.random.default_rng(seed)  # the same draws, in the same order
        back, altered = ((v1, made.v1), (v2, made.v2))[1 - rng.integers(2)]
        sigma = 40 * rng.uniform(*reflection.BLUR)
        angle, distance = rng.uniform(0, 2 * np.pi), 40 * rng.uniform(*reflection.SHIFT)
        dimming = rng.uniform(*reflection.DIMMING)
        soft = blurred(back, sigma)
        second = shifted(soft, round(distance * np.sin(angle)), round(distance * np.cos(angle)))
        share = reflection.SECOND_FACE
        expected = dimming * ((1 - share) * soft + share * second)
        np.testing.assert_allclose(altered, expected, atol=0.51)
        assert len(np.unique(made.alpha)) == 1
        assert 0.59 < (made.alpha.flat[0] if made.front == 1 else 1 - made.alpha.flat[0]) < 0.76
        assert altered.mean() < 0.92 * back.mean()
        assert altered.std() < 0.5 * back.std()
    assert numbers == {1, 2}


def test_reflections_differ_from_mixture_to_mixture():
    v1, v2 = clip(0), clip(1)
    alphas = {prepare("reflection", seed, v1, v2).alpha.flat[0] for seed in range(20)}
    assert len(alphas) > 10


def test_only_a_type_with_a_front_can_alter_the_clip_in_the_back():
    with pytest.raises(ValueError, match="toy: alter_back must come with has_front"):
        MixtureType("toy", "toys", alpha=lambda *_: None, alter_back=lambda back, *_: back)


def test_unknown_types_are_answered_with_those_there_are(monkeypatch):
    with pytest.raises(UserError) as caught:
        get_mixture_type("mirror")
    assert str(caught.value) == (
        "mixture type: must be one of transparency, occlusion, reflection, got 'mirror'"
    )
    toy = MixtureType("mirror", "mirrors", alpha=lambda v1, rng, settings: None)
    monkeypatch.setitem(MIXTURE_TYPES, "mirror", toy)
    assert get_mixture_type("mirror") is toy
    assert DataConfig(shares={"mirror": 1.0}).shares == {"mirror": 1.0}
