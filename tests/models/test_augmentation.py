"""Random changes to clips, against NumPy, and what decides them."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from small_models import CLIP, textured

from data_prep.errors import UserError
from data_prep.mixing.compose import compose
from data_prep.settings import load
from models.config import AugmentConfig, TrainConfig
from models.training import inputs
from models.training.augmentation import amplified, augmented, colored, flipped

FRONTS = [0, 1, 2, 2, 1, 0]
EVERYTHING = AugmentConfig(flip=True, color=0.3, gain=6)


@pytest.fixture(scope="module")
def batch():
    """What the changes read of a batch of records."""
    rng = np.random.default_rng(0)
    shape = (len(FRONTS), CLIP.frames, CLIP.height, CLIP.width)
    audio = rng.uniform(-1, 1, (2, len(FRONTS), CLIP.samples)).astype(np.float32)
    values = {
        "v1": textured(rng, (*shape, 3)),
        "v2": textured(rng, (*shape, 3)),
        "alpha": rng.random((*shape, 1), np.float32),
        "audio1": audio[0],
        "audio2": audio[1],
        "front": np.array(FRONTS),
        "v1_label": np.array(["a"] * len(FRONTS)),
    }
    return {key: tf.constant(value) for key, value in values.items()}


def key(seed, number=0):
    return tf.constant([seed, number], tf.int64)


def was_flipped(changed, original):
    """Say which rows are mirrored; all others must be as they were."""
    mirrored = (changed == original[:, :, :, ::-1]).all(axis=(1, 2, 3, 4))
    assert (mirrored | (changed == original).all(axis=(1, 2, 3, 4))).all()
    return mirrored


def test_each_clip_is_flipped_or_not_and_the_alpha_with_its_clip(batch):
    original = {name: value.numpy() for name, value in batch.items()}
    mixture = compose(original["v1"] / 255, original["v2"] / 255, original["alpha"])
    seen, flips = set(), []
    for seed in range(20):
        changed = augmented(batch, AugmentConfig(flip=True), key(seed))
        changed = {name: value.numpy() for name, value in changed.items()}
        assert changed.keys() == original.keys()
        v1, v2, alpha = (was_flipped(changed[n], original[n]) for n in ("v1", "v2", "alpha"))
        np.testing.assert_array_equal(alpha, np.where(np.array(FRONTS) == 2, v2, v1))
        again = compose(changed["v1"] / 255, changed["v2"] / 255, changed["alpha"])
        np.testing.assert_array_equal(again[v1 & v2], mixture[v1 & v2][:, :, :, ::-1])
        np.testing.assert_array_equal(again[~v1 & ~v2], mixture[~v1 & ~v2])
        seen |= set(zip(FRONTS, v1, v2, strict=True))
        flips += [*v1, *v2]
        for name in ("audio1", "audio2", "v1_label", "front"):
            np.testing.assert_array_equal(changed[name], original[name])
    assert seen == set(itertools.product(range(3), (False, True), (False, True)))
    assert 0.4 < np.mean(flips) < 0.6  # of 240, in all but 2 of 1,000 cases


def test_flipping_is_its_own_inverse(batch):
    flips = tf.constant([True, False] * 3)
    once = flipped(batch["v1"], flips)
    np.testing.assert_array_equal(once[::2], batch["v1"][::2, :, :, ::-1])
    np.testing.assert_array_equal(once[1::2], batch["v1"][1::2])
    np.testing.assert_array_equal(flipped(once, flips), batch["v1"])


def numpy_colored(video, brightness, contrast, saturation):
    """Change the brightness, then the contrast, then the saturation of one video, by definition."""
    colors = video.astype(np.float64) * brightness
    colors = 127.5 + contrast * (colors - 127.5)
    luma = (colors @ [0.299, 0.587, 0.114])[..., None]
    return np.clip(luma + saturation * (colors - luma), 0, 255)


def test_colors_agree_with_numpy():
    rng = np.random.default_rng(1)
    video = rng.integers(0, 256, (5, 2, 6, 4, 3), dtype=np.uint8)
    factors = rng.uniform(0.0, 2.0, (3, 5)).astype(np.float32)
    changed = colored(tf.constant(video), tf.constant(factors))
    assert (changed.dtype, changed.shape) == (tf.uint8, video.shape)
    expected = [numpy_colored(*each) for each in zip(video, *factors, strict=True)]
    assert np.abs(changed.numpy() - np.array(expected)).max() < 0.501


def test_factors_of_one_change_no_color(batch):
    factors = tf.ones([3, len(FRONTS)])
    np.testing.assert_array_equal(colored(batch["v1"], factors), batch["v1"])


def test_without_saturation_all_is_gray(batch):
    factors = tf.constant([[1.0], [1.0], [0.0]]) * tf.ones([1, len(FRONTS)])
    gray = colored(batch["v1"], factors).numpy()
    assert (gray == gray[..., :1]).all()


@pytest.mark.parametrize("color", [0.1, 0.5])
def test_colors_change_by_no_more_than_the_setting(color):
    # A clip of one gray has no saturation, and of medium gray no contrast.
    gray = tf.fill([64, 1, 1, 1, 3], tf.constant(128, tf.uint8))
    rows = dict.fromkeys(("v1", "v2"), gray) | {"front": tf.zeros([64], tf.int64)}
    changed = augmented(rows, AugmentConfig(color=color), key(0))
    v1, v2 = (changed[name][:, 0, 0, 0].numpy().astype(float) for name in ("v1", "v2"))
    assert (v1 != v2).any()
    for values in (v1, v2):
        # Contrast, in turn, moves a changed brightness by the same share.
        assert np.abs(values - 128).max() <= 128 * color * (1 + color) + 1
        assert values.min() < 128 - 64 * color < 128 + 64 * color < values.max()


def test_gain_agrees_with_numpy():
    audio = np.random.default_rng(2).uniform(-1, 1, (3, 50)).astype(np.float32)
    louder = amplified(tf.constant(audio), tf.constant([0.0, 20 * np.log10(2), -20.0], tf.float32))
    expected = np.clip(audio * [[1], [2], [0.1]], -1, 1)
    np.testing.assert_allclose(louder, expected, atol=1e-6)


def test_the_level_changes_by_no_more_than_the_setting(batch):
    quiet = {**batch, "audio1": batch["audio1"] / 4, "audio2": batch["audio2"] / 4}
    changed = augmented(quiet, AugmentConfig(gain=6), key(0))
    gains = np.concatenate(
        [
            20 * np.log10(np.median(changed[name] / quiet[name], axis=1))
            for name in ("audio1", "audio2")
        ]
    )
    assert np.abs(gains).max() <= 6 + 1e-4
    assert len(set(np.round(gains, 3))) == len(gains)
    for name in ("v1", "v2", "alpha"):
        np.testing.assert_array_equal(changed[name], batch[name])


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def differs(found, expected, name):
    return (np.asarray(found[name]) != np.asarray(expected[name])).any()


def test_the_seed_and_the_number_of_the_batch_decide(batch):
    first = augmented(batch, EVERYTHING, key(3, 7))
    assert_same(augmented(batch, EVERYTHING, key(3, 7)), first)
    for other in (key(4, 7), key(3, 8)):
        changed = augmented(batch, EVERYTHING, other)
        assert all(differs(changed, first, n) for n in ("v1", "v2", "audio1", "audio2"))


def test_a_graph_changes_what_eager_code_does_and_keeps_types_and_shapes(batch):
    signature = {
        name: tf.TensorSpec([None, *value.shape[1:]], value.dtype) for name, value in batch.items()
    }
    graph = tf.function(
        lambda values: augmented(values, EVERYTHING, key(1)), input_signature=[signature]
    )
    changed, expected = graph(batch), augmented(batch, EVERYTHING, key(1))
    for name, spec in signature.items():
        found = graph.get_concrete_function().structured_outputs[name]
        assert (found.dtype, found.shape[1:]) == (spec.dtype, spec.shape[1:]), name
        if spec.dtype.is_floating:
            np.testing.assert_allclose(changed[name], expected[name], atol=1e-6, err_msg=name)
        else:
            assert np.mean(np.asarray(changed[name]) != np.asarray(expected[name])) < 0.01, name


def test_by_default_nothing_changes(batch):
    assert_same(augmented(batch, AugmentConfig(), key(1)), batch)
    assert TrainConfig().augment == AugmentConfig()


# The records of CLIP are records with a margin for this one.
SMALLER = CLIP.model_copy(update={"height": CLIP.height - 4, "width": CLIP.width - 4})


def read(records, **changes):
    settings = {"records": 11, "batch": 3, "buffer": 4, "seed": 0, **changes}
    return inputs.read_shuffled(records.train, SMALLER, **settings)


def test_skipping_batches_skips_their_changes(records):
    whole = list(read(records, augment=EVERYTHING, re_pair=True).take(6))[4:]
    rest = list(read(records, augment=EVERYTHING, re_pair=True, skip=4).take(2))
    for expected, found in zip(whole, rest, strict=True):
        assert_same(found, expected)


def test_training_crops_anywhere_in_the_margin_and_every_pass_differently(records):
    read_again = {}
    for examples in read(records).take(11):
        assert examples["v1"].shape[1:4] == (SMALLER.frames, SMALLER.height, SMALLER.width)
        for name, v1 in zip(examples["mixture_id"].numpy(), examples["v1"].numpy(), strict=True):
            read_again.setdefault(name, []).append(v1)
    assert {len(crops) for crops in read_again.values()} == {3}
    distinct = [len({crop.tobytes() for crop in crops}) for crops in read_again.values()]
    assert np.mean(distinct) > 2.5


def test_evaluation_reads_the_center(records):
    [center] = inputs.read_once(records.eval, SMALLER, batch=3)
    [whole] = inputs.read_once(records.eval, CLIP, batch=3)
    for name in ("v1", "v2", "alpha"):
        np.testing.assert_array_equal(center[name], whole[name][:, :, 2:-2, 2:-2])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"flip": "often"}, "flip: Input should be a valid boolean"),
        ({"color": 1.5}, "color: Input should be less than or equal to 1, got 1.5"),
        ({"gain": -1}, "gain: Input should be greater than or equal to 0, got -1"),
        ({"crop": 4}, "crop: unknown key"),
    ],
)
def test_wrong_settings(values, message):
    with pytest.raises(UserError, match=f"train: augment.{message}"):
        load(TrainConfig, {"augment": values}, "train")
