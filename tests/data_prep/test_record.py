import io
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from data_prep.config import ClipConfig, DataConfig
from data_prep.media import pcm
from data_prep.media.clip import Clip
from data_prep.mixing.pairing import draw
from data_prep.records import record, tensors
from data_prep.records.info import SplitInfo

CLIP = ClipConfig(frames=5, fps=10, height=24, width=40, short_side=48, sample_rate=8_000)


def smooth_frames(phase):
    """Waves of low frequency in all three directions, which a JPEG keeps well."""
    t, y, x = np.meshgrid(*map(np.arange, (CLIP.frames, CLIP.height, CLIP.width)), indexing="ij")
    waves = [np.sin(0.3 * t + 0.15 * y + k * 0.05 * x + phase) for k in (1, 2, 3)]
    return np.round(127.5 + 120 * np.stack(waves, axis=-1)).astype(np.uint8)


def make_clip(seed, has_audio=True):
    audio = np.random.default_rng(seed).integers(-(2**15), 2**15, CLIP.samples, dtype=np.int16)
    return Clip(smooth_frames(seed), audio * has_audio, has_audio)


@pytest.fixture
def mixtures(make_row):
    """A transparency, and an occlusion whose second clip is silent."""
    rows = [make_row(name, split="train", label=f"label {name}") for name in ("a", "bé")]
    pairings = draw(rows, "train", 2, DataConfig(clip=CLIP, seed=7))
    alpha = np.random.default_rng(0).random((CLIP.frames, CLIP.height, CLIP.width)) < 0.3
    return [
        record.Mixture(pairings[0], make_clip(0), make_clip(1), None, front=0),
        record.Mixture(pairings[1], make_clip(2), make_clip(3, has_audio=False), alpha, front=2),
    ]


def test_round_trip(mixtures):
    for mixture in mixtures:
        values = record.decode(record.encode(mixture), CLIP)
        for name, clip in (("1", mixture.v1), ("2", mixture.v2)):
            error = values[f"v{name}"].astype(float) - clip.frames
            assert 10 * np.log10(255**2 / np.mean(error**2)) > 38
            audio = values[f"audio{name}"]
            assert audio.dtype == np.float32
            assert np.abs(audio).max() <= 1
            np.testing.assert_array_equal(audio, pcm.to_float(clip.audio))
            assert values[f"v{name}_has_sound"] == clip.has_audio
        expected = np.float32(0.5) if mixture.alpha is None else mixture.alpha[..., None]
        np.testing.assert_array_equal(values["alpha"], np.broadcast_to(expected, (5, 24, 40, 1)))
        pairing = mixture.pairing
        assert values["mixture_id"] == pairing.mixture_id
        assert values["mixture_type"] == pairing.mixture_type
        assert values["seed"] == 7
        assert values["front"] == mixture.front
        assert values["class_pair"] == f"{values['v1_label']}+{values['v2_label']}"
        for name, window in (("v1", pairing.v1), ("v2", pairing.v2)):
            assert values[f"{name}_id"] == window.video.id
            assert values[f"{name}_start"] == pytest.approx(window.start, abs=1e-4)
            assert values[f"{name}_left"] == pytest.approx(window.left)
            assert (values[f"{name}_height"], values[f"{name}_width"]) == (240, 320)


def test_same_mixture_gives_the_same_bytes(mixtures):
    assert record.encode(mixtures[1]) == record.encode(mixtures[1])


def test_parse_in_a_graph_equals_numpy(mixtures):
    records = [record.encode(mixture) for mixture in mixtures]
    dataset = tf.data.Dataset.from_tensor_slices(records).batch(2)
    parsed = next(iter(dataset.map(lambda batch: tensors.parse(batch, CLIP))))
    assert parsed["v1"].shape == (2, 5, 24, 40, 3)
    assert parsed["alpha"].shape == (2, 5, 24, 40, 1)
    assert parsed["audio2"].shape == (2, CLIP.samples)
    for i, serialized in enumerate(records):
        expected = record.decode(serialized, CLIP)
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
        lambda batch: tensors.parse(batch, CLIP),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    shapes = function.get_concrete_function().structured_outputs
    assert shapes["v1"].shape.as_list() == [None, 5, 24, 40, 3]
    assert shapes["alpha"].shape.as_list() == [None, 5, 24, 40, 1]
    assert function(tf.constant([], tf.string))["v1"].shape == (0, 5, 24, 40, 3)


def test_frames_are_one_strip_without_chroma_subsampling(mixtures):
    features = tf.train.Example.FromString(record.encode(mixtures[1])).features.feature
    strip = Image.open(io.BytesIO(features["v1_frames"].bytes_list.value[0]))
    assert (strip.format, strip.size) == ("JPEG", (40, 5 * 24))
    assert {layer[1:3] for layer in strip.layer} == {(1, 1)}
    alpha = Image.open(io.BytesIO(features["alpha"].bytes_list.value[0]))
    assert (alpha.format, alpha.mode, alpha.size) == ("PNG", "L", (40, 5 * 24))
    first = record.encode(mixtures[0])
    assert tf.train.Example.FromString(first).features.feature["alpha"].bytes_list.value == [b""]


def test_contract_names_what_is_missing_extra_and_of_another_type(mixtures):
    example = tf.train.Example.FromString(record.encode(mixtures[0]))
    record.decode(example.SerializeToString(), CLIP)
    del example.features.feature["v2_sound"]
    example.features.feature["color"].bytes_list.value.append(b"red")
    example.features.feature["seed"].float_list.value.append(1.0)
    with pytest.raises(record.RecordError) as caught:
        record.decode(example.SerializeToString(), CLIP)
    problems = "missing v2_sound; extra color; seed must hold one int64"
    assert str(caught.value) == f"record breaks the feature contract: {problems}"
    with pytest.raises(record.RecordError, match=r"tf\.train\.Example"):
        record.decode(b"\xff\xff", CLIP)


def test_clips_of_another_shape_are_an_error(mixtures):
    serialized = record.encode(mixtures[1])
    other = CLIP.model_copy(update={"frames": 4, "fps": 8.0})
    with pytest.raises(record.RecordError, match="strip of 96x40, got 120x40"):
        record.decode(serialized, other)
    with pytest.raises(tf.errors.InvalidArgumentError):
        tensors.parse(tf.constant([serialized]), other)
    louder = CLIP.model_copy(update={"sample_rate": 16_000})
    with pytest.raises(record.RecordError, match="must have 8000 samples, got 4000"):
        record.decode(serialized, louder)


def test_alpha_of_8_bits_is_stored_exactly(mixtures):
    levels = np.random.default_rng(1).integers(0, 256, (CLIP.frames, CLIP.height, CLIP.width))
    alpha = levels.astype(np.float32) / np.float32(255)
    mixture = replace(mixtures[1], alpha=alpha)
    serialized = record.encode(mixture)
    np.testing.assert_array_equal(record.decode(serialized, CLIP)["alpha"][..., 0], alpha)
    parsed = tensors.parse(tf.constant([serialized]), CLIP)
    np.testing.assert_array_equal(parsed["alpha"][0, ..., 0], alpha)


def test_texts_are_read_alone(mixtures):
    serialized = record.encode(mixtures[0])
    texts = record.read_texts(serialized, ["mixture_type", "v1_label"])
    assert texts == {"mixture_type": "transparency", "v1_label": mixtures[0].pairing.v1.video.label}
    with pytest.raises(record.RecordError, match="missing v3_label"):
        record.read_texts(serialized, ["v1_label", "v3_label"])
    with pytest.raises(record.RecordError, match=r"must be a serialized tf\.train\.Example"):
        record.read_texts(b"no record", ["v1_label"])


def test_classes_are_the_labels_that_are_not_empty():
    info = SplitInfo(
        mixtures=1, mixture_types={}, with_audio=0, videos=2, sources=2, labels=["", "a", "b"]
    )
    assert info.classes == ["a", "b"]
