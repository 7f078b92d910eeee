"""The order of the data, and clips that are paired again."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from small_models import CLIP

from data_prep.errors import UserError
from data_prep.records.tensors import parse
from models.training import inputs


def read(records, **changes):
    settings = {"records": 11, "batch": 2, "buffer": 4, "seed": 0, **changes}
    return inputs.read_shuffled(records.train, CLIP, **settings)


def ids(dataset, batches):
    return [batch["mixture_id"].numpy().tolist() for batch in dataset.take(batches)]


def flat(lists):
    return list(itertools.chain.from_iterable(lists))


def test_records_are_read_once_in_order(records):
    batches = list(inputs.read_once(records.train, CLIP, batch=4))
    assert [len(batch["v1"]) for batch in batches] == [4, 4, 3]
    names = flat(batch["mixture_id"].numpy() for batch in batches)
    assert names == [b"train-%08d" % index for index in range(11)]
    assert {"v1", "v2", "alpha", "audio1", "v1_label"} <= batches[0].keys()


def test_every_epoch_has_every_record_in_an_order_of_its_own(records):
    names = flat(ids(read(records, batch=1), 33))
    epochs = [names[start : start + 11] for start in (0, 11, 22)]
    assert all(sorted(epoch) == sorted(epochs[0]) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert len(set(names)) == 11


def test_the_seed_decides_the_order(records):
    orders = [ids(read(records, seed=seed), 12) for seed in (5, 5, 6)]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]


# An epoch is five and a half batches: 6 crosses its end, 11 begins the third.
@pytest.mark.parametrize("skip", [1, 5, 6, 11, 13])
@pytest.mark.parametrize("re_pair", [False, True])
def test_skipping_is_dropping(records, skip, re_pair):
    whole = list(read(records, batch=2, re_pair=re_pair).take(skip + 3))[skip:]
    rest = list(read(records, batch=2, re_pair=re_pair, skip=skip).take(3))
    for expected, batch in zip(whole, rest, strict=True):
        assert batch.keys() == expected.keys()
        for key, value in expected.items():
            np.testing.assert_array_equal(batch[key], value, err_msg=key)


def test_a_batch_larger_than_the_records(records):
    assert [len(names) for names in ids(read(records, batch=25), 2)] == [25, 25]


def test_missing_records_are_named(records, tmp_path):
    assert inputs.find_files([f"{tmp_path}/*none*", *records.eval]) == records.eval
    with pytest.raises(UserError, match=r"records: must match .*, got none for .*none\*"):
        inputs.find_files([f"{tmp_path}/none*"])
    with pytest.raises(UserError, match=r"info\.json"):
        inputs.read_info([str(tmp_path / "train" / "file")])
    assert inputs.read_info(records.train).splits["train"].mixtures == 11


def test_records_are_found_whatever_their_folder_is_called(tmp_path):
    file = tmp_path / "run [v1] 100%? #2" / "train" / "mixtures"
    file.parent.mkdir(parents=True)
    file.touch()
    assert inputs.find_files([f"{file.parent}/*"]) == [str(file)]


def test_batches_can_be_prepared(records):
    settings = {"prepare": lambda batch: {"names": tf.strings.upper(batch["mixture_id"])}}
    [batch] = read(records, **settings).take(1)
    assert batch.keys() == {"names"}
    assert [name.lower() for name in batch["names"].numpy()] == ids(read(records), 1)[0]


@pytest.fixture(scope="module")
def batch(records):
    return parse(tf.constant(records.serialized[:6]), CLIP)


def test_re_pairing_leaves_the_target_clip_alone(batch):
    for seed in range(8):
        result = inputs.re_paired(batch, tf.constant([3, seed], tf.int64))
        assert result.keys() == batch.keys()
        for key, value in batch.items():
            assert (result[key].dtype, result[key].shape) == (value.dtype, value.shape), key
            moves = key.startswith("v2") or key in ("audio2", "class_pair")
            if not moves:
                np.testing.assert_array_equal(result[key], value, err_msg=key)


def test_re_pairing_moves_the_other_clip_with_all_its_features(batch):
    moved = [key for key in batch if key.startswith("v2") or key == "audio2"]
    original = batch["v2"].numpy()
    pairs = set()
    for seed in range(8):
        result = inputs.re_paired(batch, tf.constant([3, seed], tf.int64))
        for row in range(6):
            source = next(i for i in range(6) if (result["v2"][row] == original[i]).numpy().all())
            pairs.add((row, source))
            for key in moved:
                np.testing.assert_array_equal(result[key][row], batch[key][source], err_msg=key)
            labels = [result[key].numpy()[row] for key in ("v1_label", "v2_label", "class_pair")]
            assert labels[0] + b"+" + labels[1] == labels[2]
        assert (result["v1_source"] != result["v2_source"]).numpy().all()
    assert len(pairs) > 6


def test_re_pairing_depends_on_the_seed_alone(batch):
    orders = [
        inputs.re_paired(batch, tf.constant([seed, 1], tf.int64))["v2_source"].numpy().tolist()
        for seed in (0, 0, *range(1, 8))
    ]
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) > 2


def test_re_pairing_leaves_mixtures_of_one_class_and_of_two_what_they_are(batch):
    labels = {
        "v1_label": tf.constant(["a", "a", "b", "b", "a", ""]),
        "v2_label": tf.constant(["b", "a", "a", "c", "a", ""]),
        "v1_source": tf.constant([f"first {row}" for row in range(6)]),
        "mixture_type": tf.fill([6], "transparency"),
        "front": tf.zeros([6], tf.int64),
    }
    had_one_class = [False, True, False, False, True, True]
    original, pairs = batch["v2"].numpy(), set()
    for seed in range(40):
        result = inputs.re_paired({**batch, **labels}, tf.constant([5, seed], tf.int64))
        assert (result["v1_label"] == result["v2_label"]).numpy().tolist() == had_one_class
        for row, v2 in enumerate(result["v2"].numpy()):
            pairs.add((row, next(i for i in range(6) if (v2 == original[i]).all())))
    # Every V2 whose label suits, and no other.
    suitable = [{0, 3, 5}, {1, 2, 4}, {1, 2, 3, 4, 5}, {1, 2, 3, 4, 5}, {1, 2, 4}, {5}]
    assert pairs == {(row, i) for row, places in enumerate(suitable) for i in places}


def test_re_pairing_clips_of_one_source_keeps_the_old_pairs(batch):
    same = {**batch, "v1_source": tf.fill([6], "a"), "v2_source": tf.constant(["b"] + ["a"] * 5)}
    places = [
        np.asarray(inputs.re_paired(same, tf.constant([0, s], tf.int64))["v2"]) for s in range(6)
    ]
    # No row but the first may get another clip than its own, or the one of source b.
    for v2 in places:
        for row in range(1, 6):
            own, other = batch["v2"][row].numpy(), batch["v2"][0].numpy()
            assert (v2[row] == own).all() or (v2[row] == other).all()


OCCLUDED, REFLECTED, CLEAR = "occlusion", "reflection", "transparency"


@pytest.mark.parametrize(
    ("types", "front", "groups"),
    [
        # A V2 that no type alters and that is not in front fits all such mixtures.
        ([CLEAR, OCCLUDED, CLEAR, CLEAR, OCCLUDED, OCCLUDED], [0, 1, 0, 0, 1, 1], [0] * 6),
        # A reflection alters the clip in the back: V2 if V1 is in front, otherwise V1.
        ([CLEAR, OCCLUDED, *[REFLECTED] * 4], [0, 1, 1, 2, 1, 2], [0, 0, 1, 2, 1, 2]),
        # A V2 in front brings its mask, which only a mixture of that type with V2 in front takes.
        ([OCCLUDED] * 5 + [REFLECTED], [2, 1, 2, 2, 1, 2], [0, 1, 0, 0, 1, 2]),
        (["unknown", OCCLUDED, "unknown", *[CLEAR] * 3], [0, 1, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0]),
    ],
)
def test_re_pairing_moves_v2_within_groups_and_the_mask_of_a_v2_in_front(
    batch, types, front, groups
):
    rng = np.random.default_rng(0)
    alpha = rng.random(batch["alpha"].shape, np.float32)
    mixed = {
        **batch,
        "mixture_type": tf.constant(types),
        "front": tf.constant(front, tf.int64),
        "alpha": tf.constant(alpha),
        "v1_source": tf.constant([f"first {row}" for row in range(6)]),
        "v1_label": tf.constant(["one"] * 6),
        "v2_label": tf.constant(["other"] * 6),
    }
    original = batch["v2"].numpy()
    pairs = set()
    for seed in range(24):
        result = inputs.re_paired(mixed, tf.constant([5, seed], tf.int64))
        rows = [
            next(i for i in range(6) if (v2 == original[i]).all()) for v2 in result["v2"].numpy()
        ]
        assert sorted(rows) == list(range(6)), "no V2 is lost"
        for row, source in enumerate(rows):
            maker = source if front[row] == 2 else row
            np.testing.assert_array_equal(result["alpha"][row], alpha[maker])
            pairs.add((row, source))
        np.testing.assert_array_equal(result["front"], front)
    assert pairs == {(i, j) for i in range(6) for j in range(6) if groups[i] == groups[j]}
