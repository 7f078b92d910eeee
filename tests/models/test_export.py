"""Exported models, loaded back by TensorFlow alone."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from small_models import CLIP, PRESET, build, fill, make_batch

from data_prep.config import ClipConfig
from data_prep.errors import UserError
from data_prep.records.tensors import parse
from models.export.exported_model import ExportedModel
from models.export.saved_model import export
from models.losses.reconstruction import identity_loss
from models.systems import get_system
from models.tasks.classifier import Classifier

pytestmark = pytest.mark.slow  # an export per system

NAMES = ("centrifuge", "c2", "c3_deterministic", "c3_internal")


@pytest.fixture(scope="module", params=NAMES)
def exported(request, tmp_path_factory):
    """A separator and the folder of its SavedModel; batch normalization in one of them."""
    norm = "batch" if request.param == "c2" else "none"
    separator = build(request.param, outputs=3, layers=9, norm=norm)
    folder = tmp_path_factory.mktemp(request.param) / "1"
    export(separator, CLIP, str(folder))
    return separator, folder


@pytest.fixture(scope="module")
def loaded(exported):
    return tf.saved_model.load(str(exported[1]))


def request_for(separator, size):
    batch = make_batch(size)
    inputs = {"video": tf.constant(batch["v1"])}
    if separator.system.uses_audio:
        inputs["audio"] = tf.constant(batch["audio1"])
    return inputs


@pytest.mark.parametrize("size", [1, 3])
def test_served_videos_are_the_network_s(exported, loaded, size):
    separator, _ = exported
    inputs = request_for(separator, size)
    result = loaded.signatures["serving_default"](**inputs)
    network_inputs = {"video": tf.cast(inputs["video"], tf.float32) / 127.5 - 1}
    if separator.system.uses_audio:
        network_inputs["spectrogram"] = tf.constant(make_batch(size)["spectrogram"])
    expected = separator.network(network_inputs, training=False)
    shown = {"outputs": expected["outputs"]}
    if "layers" in expected:
        shown |= {"layers": expected["layers"], "coefficients": expected["coefficients"] * 2 - 1}
    for key, values in shown.items():
        assert result[key].dtype == tf.uint8
        assert result[key].shape == values.shape
        error = (result[key].numpy() / 127.5 - 1 - values.numpy()) * 127.5
        assert np.abs(error).max() <= 1, key
    names = set(shown)
    if "masks" in expected:
        names.add("masks")
        assert result["masks"].shape == (size, 3 * 4, CLIP.frames, CLIP.height, CLIP.width)
        assert result["masks"].dtype == tf.uint8
        # The finest level's, every position of which stands for two in each direction.
        finest = np.moveaxis(expected["masks"][0].numpy(), -1, 1)
        enlarged = finest.repeat(2, 2).repeat(2, 3).repeat(2, 4)
        assert np.abs(result["masks"][:, :4].numpy() / 255 - enlarged).max() <= 1 / 255
    control = separator.system.control
    if "scores" in control.extra_outputs:
        np.testing.assert_allclose(result["scores"], expected["scores"], rtol=1e-4)
    if "chosen" in control.extra_outputs:
        assert result["chosen"].dtype == tf.int32
        np.testing.assert_array_equal(result["chosen"], control.choose(expected))
    assert result.keys() == names | set(control.extra_outputs)


def test_signature_takes_what_it_says(exported, loaded):
    separator, _ = exported
    _, inputs = loaded.signatures["serving_default"].structured_input_signature
    size = (CLIP.frames, CLIP.height, CLIP.width)
    expected = {"video": ((None, *size, 3), tf.uint8)}
    if separator.system.uses_audio:
        expected["audio"] = ((None, CLIP.samples), tf.float32)
    assert {key: (tuple(spec.shape), spec.dtype) for key, spec in inputs.items()} == expected


# Chunks hold 8: less than one, one, and two with the last one filled up.
@pytest.mark.parametrize("size", [1, 8, 11])
def test_evaluation_is_what_the_separator_measures(exported, loaded, records, size):
    separator, _ = exported
    serialized = tf.constant(records.serialized[:size])
    result = loaded.signatures["evaluate"](examples=serialized)
    assert set(result) == set(separator.scalars)
    batch = separator.prepare(parse(serialized, CLIP))
    predictions = separator(separator.select(batch))
    expected = {**separator.measure(batch, predictions), "identity_loss": identity_loss(batch)}
    for key, value in result.items():
        assert (value.dtype, value.shape) == (tf.float32, (size,))
        # SSIM may be nearly zero, while what it is computed of is not.
        np.testing.assert_allclose(value, expected[key], rtol=1e-4, atol=1e-6, err_msg=key)


def test_description_says_what_shapes_do_not(exported, loaded):
    separator, _ = exported
    system = separator.system
    result = loaded.signatures["description"](batch=tf.constant([0, 7, -1]))
    expected = {
        "fps": np.float32(CLIP.fps),
        "sample_rate": np.int32(CLIP.sample_rate),
        "short_side": np.int32(CLIP.short_side),
        "uses_audio": np.bool_(system.uses_audio),
        "kind": system.task.kind.encode(),
        "system": system.name.encode(),
        "control": system.control.name.encode(),
    }
    assert result.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_array_equal(result[key], [value] * 3)
    types = {key: value.dtype.name for key, value in result.items()}
    assert types == {
        "fps": "float32",
        "sample_rate": "int32",
        "short_side": "int32",
        "uses_audio": "bool",
        "kind": "string",
        "system": "string",
        "control": "string",
    }


def test_exported_model_reads_its_description(exported, records):
    separator, folder = exported
    model = ExportedModel(str(folder))
    assert (model.system, model.control) == (separator.system, separator.system.control)
    assert model.task is separator.system.task
    assert model.clip == CLIP
    batch = make_batch(2)
    served = model.separate(batch["v1"], batch["audio1"])
    expected = tf.saved_model.load(str(folder)).signatures["serving_default"](
        **request_for(separator, 2)
    )
    assert served.keys() == expected.keys()
    for key, value in served.items():
        np.testing.assert_array_equal(value, expected[key])
    assert model.evaluate(np.array(records.serialized[:3], object)).keys() == set(separator.scalars)


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path}: must be the folder of one version of a"):
        ExportedModel(str(tmp_path))


def test_the_clip_is_written_for_people(exported):
    text = (exported[1] / "assets.extra" / "clip.json").read_text()
    assert ClipConfig(**json.loads(text)) == CLIP


def test_score_is_what_control_adds_to_the_separation(exported, loaded):
    separator, _ = exported
    extra = separator.system.control.extra_outputs
    assert ("score" in loaded.signatures) == separator.system.uses_audio == bool(extra)
    if not extra:
        return
    inputs = request_for(separator, 3)
    result = loaded.signatures["score"](**inputs)
    served = loaded.signatures["serving_default"](**inputs)
    assert result.keys() == set(extra)
    for key, value in result.items():
        np.testing.assert_allclose(value, served[key], rtol=1e-4)


def test_served_graph_needs_no_xla(exported):
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    model = SavedModel.FromString((exported[1] / "saved_model.pb").read_bytes())
    functions = model.meta_graphs[0].graph_def.library.function
    assert functions
    assert not any(function.attr["_XlaMustCompile"].b for function in functions)


def operations(folder) -> set[str]:
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    model = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    graph = model.meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for each in graph.library.function for node in each.node_def)]
    return {node.op for node in nodes if node.op not in functions(graph)}


def functions(graph) -> set[str]:
    return {function.signature.name for function in graph.library.function}


def test_served_graph_has_tensorflow_s_own_operations_alone(exported):
    """TF Serving knows no other, so none of tensorflow-io's."""
    separator, folder = exported
    code = (
        "import sys, tensorflow as tf; from tensorflow.python.framework import op_def_registry;"
        "assert 'tensorflow_io' not in sys.modules;"
        "print([name for name in sys.argv[1:] if op_def_registry.get(name) is None])"
    )
    found = operations(folder)
    assert ("RFFT" in found) == separator.system.uses_audio
    words = [sys.executable, "-c", code, *found]
    unknown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert unknown.strip() == "[]"


def test_classifier(records, tmp_path):
    labels = ["label0", "label1", "label2"]
    system = get_system("i3d")
    network = system.build(CLIP, PRESET, classes=3)
    fill(network, 0)
    classifier = Classifier(network, system, PRESET, labels)
    export(classifier, CLIP, str(tmp_path / "1"))
    loaded = tf.saved_model.load(str(tmp_path / "1"))
    batch = parse(tf.constant(records.serialized[:3]), CLIP)
    result = loaded.signatures["serving_default"](video=batch["v1"])
    logits = network({"video": tf.cast(batch["v1"], tf.float32) / 127.5 - 1})["logits"]
    np.testing.assert_allclose(result["probabilities"], tf.nn.softmax(logits), atol=1e-5)
    best = [labels[place] for place in np.argmax(logits, axis=1)]
    assert [label.decode() for label in result["label"].numpy()] == best
    measured = loaded.signatures["evaluate"](examples=tf.constant(records.serialized[:3]))
    batch = classifier.prepare(batch)
    expected = classifier.evaluate_batch(batch, classifier(batch))
    assert measured.keys() == expected.keys()
    for key, value in measured.items():
        np.testing.assert_allclose(value, expected[key], rtol=1e-4, err_msg=key)
    model = ExportedModel(str(tmp_path / "1"))
    assert (model.system, model.task) == (system, system.task)
    assert model.classify(batch["v1"].numpy()) == best


def test_identity_can_be_served(tmp_path):
    export(build("identity"), CLIP, str(tmp_path / "1"))
    video = make_batch(2)["v1"]
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    outputs = served(video=tf.constant(video))["outputs"]
    np.testing.assert_array_equal(outputs, np.stack([video, video], axis=1))
