"""Frames that are recorded with a margin, and the crops that readers take out of them."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from data_prep.config import ClipConfig, DataConfig
from data_prep.media.clip import Clip
from data_prep.mixing.pairing import draw
from data_prep.records.features import RecordError
from data_prep.records.making import make_record, read_window
from data_prep.records.record import Mixture, decode, encode
from data_prep.records.tensors import parse
from data_prep.sources import examination, kinetics
from data_prep.sources.assign_splits import assign_splits

CLIP = ClipConfig(frames=3, fps=10, height=16, width=24, short_side=64, sample_rate=1_000)
MARGIN = 5


def enlarged(height, width):
    size = {"height": CLIP.height + height, "width": CLIP.width + width}
    return CLIP.model_copy(update=size)


@pytest.fixture
def make_records(make_row):
    """A function that makes a record per front, with noise as frames and alpha."""

    def make(recorded, fronts=(0, 1, 2), alpha_of=None):
        rng = np.random.default_rng(0)
        shape = (recorded.frames, recorded.height, recorded.width)
        pairings = draw(
            [make_row(name, split="train") for name in "ab"],
            "train",
            len(fronts),
            DataConfig(clip=CLIP),
        )
        silence = np.zeros(CLIP.samples, np.int16)

        def clip():
            return Clip(rng.integers(0, 256, (*shape, 3), dtype=np.uint8), silence, True)

        def alpha():
            size = alpha_of or recorded
            return rng.random((size.frames, size.height, size.width)) < 0.5

        return [
            encode(Mixture(pairing, clip(), clip(), alpha(), front))
            for pairing, front in zip(pairings, fronts, strict=True)
        ]

    return make


def window_of(part, whole):
    """Return the (top, left) at which a crop was taken."""
    found = [
        (top, left)
        for top in range(whole.shape[1] - part.shape[1] + 1)
        for left in range(whole.shape[2] - part.shape[2] + 1)
        if (whole[:, top:, left:][:, : part.shape[1], : part.shape[2]] == part).all()
    ]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("margin", [0, 1, 4, 5])
def test_readers_take_the_center(make_records, margin):
    whole_clip = enlarged(margin, margin)
    for serialized in make_records(whole_clip):
        whole, center = decode(serialized, whole_clip), decode(serialized, CLIP)
        parsed = parse(tf.constant([serialized]), CLIP)
        parsed_whole = parse(tf.constant([serialized]), whole_clip)
        start = -(-margin // 2)
        for key in ("v1", "v2", "alpha"):
            assert window_of(center[key], whole[key]) == (start, start)
            # TensorFlow's JPEG library is another one.
            found = window_of(parsed[key][0].numpy(), parsed_whole[key][0].numpy())
            assert found == (start, start)


def places(serialized, whole, seed):
    """Crop a batch at random, and return where, by feature."""
    batch = parse(tf.constant(serialized), CLIP, seed=tf.constant(seed, tf.int64))
    return {
        key: [window_of(*each) for each in zip(batch[key].numpy(), whole[key], strict=True)]
        for key in ("v1", "v2", "alpha")
    }


def test_crops_lie_anywhere_and_the_alpha_moves_with_its_clip(make_records):
    fronts = (0, 1, 2, 2)
    serialized = make_records(enlarged(MARGIN, MARGIN), fronts)
    whole = parse(tf.constant(serialized), enlarged(MARGIN, MARGIN))
    whole = {key: whole[key].numpy() for key in ("v1", "v2", "alpha")}
    tops, lefts, equal = set(), set(), 0
    for step in range(20):
        found = places(serialized, whole, [7, step])
        for row, front in enumerate(fronts):
            assert found["alpha"][row] == found["v2" if front == 2 else "v1"][row]
            equal += found["v1"][row] == found["v2"][row]
        tops |= {top for key in ("v1", "v2") for top, _ in found[key]}
        lefts |= {left for key in ("v1", "v2") for _, left in found[key]}
    assert tops == lefts == set(range(MARGIN + 1))
    assert equal < 20  # of 80, each by a chance of 1 in 36
    assert places(serialized, whole, [7, 0]) == places(serialized, whole, [7, 0])
    assert places(serialized, whole, [7, 0]) != places(serialized, whole, [8, 0])


def test_without_a_margin_every_crop_is_the_whole(make_records):
    serialized = tf.constant(make_records(CLIP))
    center = parse(serialized, CLIP)
    anywhere = parse(serialized, CLIP, seed=tf.constant([1, 2], tf.int64))
    for key, value in center.items():
        np.testing.assert_array_equal(anywhere[key], value, err_msg=key)


@pytest.mark.parametrize("size", [(0, 4), (4, 0), (-1, -1), (-1, 0), (4, 5)])
@pytest.mark.parametrize("feature", ["frames", "alpha"])
def test_a_strip_of_another_shape_is_an_error(make_records, size, feature):
    wrong = enlarged(*size)
    recorded, alpha_of = (wrong, None) if feature == "frames" else (CLIP, wrong)
    [serialized] = make_records(recorded, (1,), alpha_of)
    with pytest.raises(RecordError, match=r"a clip of 3 frames of \d+x\d+: must be a strip of"):
        decode(serialized, CLIP)
    for seed in (None, tf.constant([1, 2], tf.int64)):
        with pytest.raises(tf.errors.InvalidArgumentError):
            parse(tf.constant([serialized]), CLIP, seed=seed)


def test_the_center_of_a_middle_window_is_the_window_without_margin(video_folder, config):
    videos = examination.examine_all(kinetics.find_videos(str(video_folder)))[0]
    margin = config.clip.short_side - config.clip.width
    wide = config.model_copy(update={"margin": margin})
    pairing = draw(assign_splits(videos, config), "train", 1, config)[0]
    middle = replace(pairing.v1, top=0.5, left=0.5)
    frames = read_window(middle, wide.recorded_clip).frames
    start = margin // 2
    center = frames[:, start : start + config.clip.height, start : start + config.clip.width]
    np.testing.assert_array_equal(center, read_window(middle, config.clip).frames)
    # In records, the blocks of the JPEG lie elsewhere.
    pairing = replace(pairing, v1=middle, v2=replace(pairing.v2, top=0.5, left=0.5))
    values, plain = (decode(make_record(pairing, each)[0], config.clip) for each in (wide, config))
    for key in ("v1", "v2"):
        assert np.abs(values[key].astype(int) - plain[key]).mean() < 1.5
    np.testing.assert_array_equal(values["audio1"], plain["audio1"])
