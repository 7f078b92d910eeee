import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from data_prep.config import ClipConfig, DataConfig
from data_prep.media.reading import Clip
from data_prep.mixing.pairing import draw
from data_prep.records import record as examples

CLIP = ClipConfig(frames=5, fps=10, height=24, width=40, short_side=48, sample_rate=8_000)


def smooth_frames(phase):
    """Waves of low frequency in all three directions: what a JPEG keeps well."""
    t, y, x = np.meshgrid(*map(np.arange, (CLIP.frames, CLIP.height, CLIP.width)), indexing="ij")
    waves = [np.sin(0.3 * t + 0.15 * y + k * 0.05 * x + phase) for k in (1, 2, 3)]
    return np.round(127.5 + 120 * np.stack(waves, axis=-1)).astype(np.uint8)


def make_clip(seed, has_sound=True):
    sound = np.random.default_rng(seed).integers(-(2**15), 2**15, CLIP.samples, dtype=np.int16)
    return Clip(smooth_frames(seed), sound * has_sound, has_sound)


@pytest.fixture
def mixtures(make_row):
    """A transparency, and an occlusion whose second clip is silent."""
    rows = [make_row(name, split="train", label=f"label {name}") for name in ("a", "bé")]
    pairings = draw(rows, "train", 2, DataConfig(clip=CLIP, seed=7))
    alpha = np.random.default_rng(0).random((CLIP.frames, CLIP.height, CLIP.width)) < 0.3
    return [
        examples.Mixture(pairings[0], make_clip(0), make_clip(1), None),
        examples.Mixture(pairings[1], make_clip(2), make_clip(3, has_sound=False), alpha),
    ]


def test_round_trip(mixtures):
    for mixture in mixtures:
        values = examples.decode(examples.encode(mixture), CLIP)
        for name, clip in (("1", mixture.v1), ("2", mixture.v2)):
            error = values[f"v{name}"].astype(float) - clip.frames
            assert 10 * np.log10(255**2 / np.mean(error**2)) > 38
            sound = values[f"sound{name}"]
            assert sound.dtype == np.float32
            assert np.abs(sound).max() <= 1
            np.testing.assert_array_equal(sound, clip.sound.astype(np.float32) / 2**15)
            assert values[f"v{name}_has_sound"] == clip.has_sound
        expected = np.float32(0.5) if mixture.alpha is None else mixture.alpha[..., None]
        np.testing.assert_array_equal(values["alpha"], np.broadcast_to(expected, (5, 24, 40, 1)))
        pairing = mixture.pairing
        assert values["mixture_id"] == pairing.mixture_id
        assert values["mixture_type"] == pairing.mixture_type
        assert values["seed"] == 7
        assert values["class_pair"] == f"{values['v1_label']}+{values['v2_label']}"
        for name, window in (("v1", pairing.v1), ("v2", pairing.v2)):
            assert values[f"{name}_id"] == window.video.id
            assert values[f"{name}_start"] == pytest.approx(window.start, abs=1e-4)
            assert values[f"{name}_left"] == pytest.approx(window.left)
            assert (values[f"{name}_height"], values[f"{name}_width"]) == (240, 320)


def test_same_mixture_gives_the_same_bytes(mixtures):
    assert examples.encode(mixtures[1]) == examples.encode(mixtures[1])


def test_parse_in_a_graph_equals_numpy(mixtures):
    records = [examples.encode(mixture) for mixture in mixtures]
    dataset = tf.data.Dataset.from_tensor_slices(records).batch(2)
    parsed = next(iter(dataset.map(lambda batch: examples.parse(batch, CLIP))))
    assert parsed["v1"].shape == (2, 5, 24, 40, 3)
    assert parsed["alpha"].shape == (2, 5, 24, 40, 1)
    assert parsed["sound2"].shape == (2, CLIP.samples)
    for i, record in enumerate(records):
        expected = examples.decode(record, CLIP)
        assert expected.keys() == parsed.keys()
        for key, value in expected.items():
            got = parsed[key][i].numpy()
            got = got.decode() if isinstance(got, bytes) else got
            if key in ("v1", "v2"):  # two builds of libjpeg may round differently
                assert np.abs(got.astype(int) - value).max() <= 1
            else:
                np.testing.assert_array_equal(got, np.asarray(value, getattr(got, "dtype", None)))


def test_parse_has_static_shapes_and_takes_an_empty_batch():
    function = tf.function(
        lambda batch: examples.parse(batch, CLIP),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    shapes = function.get_concrete_function().structured_outputs
    assert shapes["v1"].shape.as_list() == [None, 5, 24, 40, 3]
    assert shapes["alpha"].shape.as_list() == [None, 5, 24, 40, 1]
    assert function(tf.constant([], tf.string))["v1"].shape == (0, 5, 24, 40, 3)


def test_frames_are_one_strip_without_chroma_subsampling(mixtures):
    features = tf.train.Example.FromString(examples.encode(mixtures[1])).features.feature
    strip = Image.open(io.BytesIO(features["v1_frames"].bytes_list.value[0]))
    assert (strip.format, strip.size) == ("JPEG", (40, 5 * 24))
    assert {layer[1:3] for layer in strip.layer} == {(1, 1)}
    alpha = Image.open(io.BytesIO(features["alpha"].bytes_list.value[0]))
    assert (alpha.format, alpha.mode, alpha.size) == ("PNG", "L", (40, 5 * 24))
    first = examples.encode(mixtures[0])
    assert tf.train.Example.FromString(first).features.feature["alpha"].bytes_list.value == [b""]


def test_contract_names_what_is_missing_extra_and_of_another_type(mixtures):
    example = tf.train.Example.FromString(examples.encode(mixtures[0]))
    examples.check(example.SerializeToString())
    del example.features.feature["v2_sound"]
    example.features.feature["colour"].bytes_list.value.append(b"red")
    example.features.feature["seed"].float_list.value.append(1.0)
    with pytest.raises(examples.RecordError) as caught:
        examples.check(example.SerializeToString())
    problems = "missing v2_sound; extra colour; seed must hold one int64"
    assert str(caught.value) == f"record breaks the feature contract: {problems}"
    with pytest.raises(examples.RecordError, match=r"tf\.train\.Example"):
        examples.check(b"\xff\xff")


def test_clips_of_another_shape_are_an_error(mixtures):
    record = examples.encode(mixtures[1])
    other = CLIP.model_copy(update={"frames": 4, "fps": 8.0})
    with pytest.raises(examples.RecordError, match="strip of 96x40: received 120x40"):
        examples.decode(record, other)
    with pytest.raises(tf.errors.InvalidArgumentError):
        examples.parse(tf.constant([record]), other)
    louder = CLIP.model_copy(update={"sample_rate": 16_000})
    with pytest.raises(examples.RecordError, match="must have 8000 samples: received 4000"):
        examples.decode(record, louder)


def test_spec_and_schema_name_the_same_features():
    schema = {feature.name: feature for feature in examples.schema().feature}
    assert schema.keys() == examples.feature_spec().keys() == examples.FEATURES.keys()
    for name in examples.MEDIA:
        assert schema[name].HasField("image_domain")
    assert list(schema["mixture_type"].string_domain.value) == ["transparency", "occlusion"]
    has_sound = schema["v1_has_sound"].int_domain
    assert (has_sound.min, has_sound.max) == (0, 1)
    assert schema["v2_height"].int_domain.min == 1
    assert all(feature.presence.min_fraction == 1 for feature in schema.values())
