"""Exported separators, loaded back by TensorFlow alone."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from small_models import CLIP, PRESET, build, fill, make_batch
from tensorflow_serving.apis import prediction_log_pb2

from data_prep.config import ClipConfig
from data_prep.records.record import parse
from models.export import saved_model as export
from models.networks.i3d import i3d
from models.tasks.classification import Classifier
from models.tasks.separation import choose, identity_loss
from models.training.inputs import with_classes

SYSTEMS = ("centrifuge", "c2", "c3_deterministic", "c3_internal")


@pytest.fixture(scope="module", params=SYSTEMS)
def exported(request, tmp_path_factory):
    """A separator and the folder of its SavedModel; batch normalisation in one of them."""
    norm = "batch" if request.param == "c2" else "none"
    separator = build(request.param, outputs=3, norm=norm)
    folder = tmp_path_factory.mktemp(request.param) / "1"
    export.export(separator, CLIP, str(folder))
    return separator, folder


@pytest.fixture(scope="module")
def loaded(exported):
    return tf.saved_model.load(str(exported[1]))


def request_for(separator, size):
    batch = make_batch(size)
    inputs = {"video": tf.constant(batch["v1"])}
    if separator.system.hears:
        inputs["sound"] = tf.constant(batch["sound1"])
    return inputs


@pytest.mark.parametrize("size", [1, 3])
def test_served_pictures_are_the_network_s(exported, loaded, size):
    separator, _ = exported
    inputs = request_for(separator, size)
    result = loaded.signatures["serving_default"](**inputs)
    video = tf.cast(inputs["video"], tf.float32) / 127.5 - 1
    expected = separator.network({**inputs, "video": video}, training=False)
    grey = {"outputs": expected["outputs"]}
    if "layers" in expected:
        grey |= {"layers": expected["layers"], "coefficients": expected["coefficients"] * 2 - 1}
    for key, values in grey.items():
        assert result[key].dtype == tf.uint8
        assert result[key].shape == values.shape
        error = (result[key].numpy() / 127.5 - 1 - values.numpy()) * 127.5
        assert np.abs(error).max() <= 1, key
    names = set(grey)
    if "masks" in expected:
        names.add("masks")
        assert result["masks"].shape == (size, 3 * 4, CLIP.frames, CLIP.height, CLIP.width)
        assert result["masks"].dtype == tf.uint8
        # The finest level's, every position of which stands for two in each direction.
        finest = np.moveaxis(expected["masks"][0].numpy(), -1, 1)
        enlarged = finest.repeat(2, 2).repeat(2, 3).repeat(2, 4)
        assert np.abs(result["masks"][:, :4].numpy() / 255 - enlarged).max() <= 1 / 255
    if "scores" in expected:
        names.add("scores")
        np.testing.assert_allclose(result["scores"], expected["scores"], rtol=1e-4)
    if separator.system.hears:
        names.add("chosen")
        assert result["chosen"].dtype == tf.int32
        np.testing.assert_array_equal(result["chosen"], choose(expected))
    assert result.keys() == names


def test_signature_takes_what_it_says(exported, loaded):
    separator, _ = exported
    _, inputs = loaded.signatures["serving_default"].structured_input_signature
    size = (CLIP.frames, CLIP.height, CLIP.width)
    expected = {"video": ((None, *size, 3), tf.uint8)}
    if separator.system.hears:
        expected["sound"] = ((None, CLIP.samples), tf.float32)
    assert {key: (tuple(spec.shape), spec.dtype) for key, spec in inputs.items()} == expected


# Chunks hold 8: less than one, one, and two with the last one filled up.
@pytest.mark.parametrize("size", [1, 8, 11])
def test_evaluation_is_what_the_separator_measures(exported, loaded, records, size):
    separator, _ = exported
    serialized = tf.constant(records.serialized[:size])
    result = loaded.signatures["evaluate"](examples=serialized)
    assert set(result) == set(separator.scalars)
    batch = parse(serialized, CLIP)
    predictions = separator({key: batch[key] for key in separator.inputs_read})
    expected = {**separator.measure(batch, predictions), "identity_loss": identity_loss(batch)}
    for key, value in result.items():
        assert (value.dtype, value.shape) == (tf.float32, (size,))
        np.testing.assert_allclose(value, expected[key], rtol=1e-4, err_msg=key)


def test_clip_signature_tells_what_shapes_do_not(loaded):
    result = loaded.signatures["clip"](batch=tf.constant([0, 7, -1]))
    expected = {
        "fps": np.float32(CLIP.fps),
        "sample_rate": np.int32(CLIP.sample_rate),
        "short_side": np.int32(CLIP.short_side),
    }
    for key, value in expected.items():
        np.testing.assert_array_equal(result[key], [value] * 3)
        assert result[key].dtype.as_numpy_dtype == value.dtype
    assert result.keys() == expected.keys()


def test_assets(exported, loaded):
    separator, folder = exported
    assets = Path(folder) / "assets.extra"
    assert ClipConfig(**json.loads((assets / "clip.json").read_text())) == CLIP
    dataset = tf.data.TFRecordDataset(str(assets / "tf_serving_warmup_requests"))
    for log in dataset:
        request = prediction_log_pb2.PredictionLog.FromString(log.numpy()).predict_log.request
        assert request.model_spec.signature_name == "serving_default"
        inputs = {key: tf.make_ndarray(tensor) for key, tensor in request.inputs.items()}
        assert ("sound" in inputs) == separator.system.hears
        signature = loaded.signatures["serving_default"]
        signature(**{key: tf.constant(value) for key, value in inputs.items()})


def test_served_graph_needs_no_xla(exported):
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    model = SavedModel.FromString((exported[1] / "saved_model.pb").read_bytes())
    functions = model.meta_graphs[0].graph_def.library.function
    assert functions
    assert not any(function.attr["_XlaMustCompile"].b for function in functions)


def test_classifier(records, tmp_path):
    labels = ["label0", "label1", "label2"]
    network = i3d(CLIP, PRESET, classes=3)
    fill(network, 0)
    classifier = Classifier(network, labels)
    export.export(classifier, CLIP, str(tmp_path / "1"))
    loaded = tf.saved_model.load(str(tmp_path / "1"))
    batch = parse(tf.constant(records.serialized[:3]), CLIP)
    result = loaded.signatures["serving_default"](video=batch["v1"])
    logits = network({"video": tf.cast(batch["v1"], tf.float32) / 127.5 - 1})["logits"]
    np.testing.assert_allclose(result["probabilities"], tf.nn.softmax(logits), atol=1e-5)
    best = [labels[place].encode() for place in np.argmax(logits, axis=1)]
    np.testing.assert_array_equal(result["label"], best)
    measured = loaded.signatures["evaluate"](examples=tf.constant(records.serialized[:3]))
    expected = classifier.evaluate_batch(with_classes(batch, labels))
    assert measured.keys() == expected.keys()
    for key, value in measured.items():
        np.testing.assert_allclose(value, expected[key], rtol=1e-4, err_msg=key)


def test_identity_can_be_served(tmp_path):
    export.export(build("identity"), CLIP, str(tmp_path / "1"))
    video = make_batch(2)["v1"]
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    outputs = served(video=tf.constant(video))["outputs"]
    np.testing.assert_array_equal(outputs, np.stack([video, video], axis=1))
