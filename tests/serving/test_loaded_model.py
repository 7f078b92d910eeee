import shutil

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog, PredictLog

from serving.loaded_model import WARM_UP_REQUESTS, RequestError, SavedModel


class Counter(tf.Module):
    """Counts the examples that it has seen."""

    def __init__(self):
        self.seen = tf.Variable(0)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def serve(self, x):
        seen = self.seen.assign_add(tf.shape(x)[0])
        return {"seen": tf.fill([tf.shape(x)[0]], seen), "double": 2 * x}

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def fail(self, x):
        return {"y": tf.reshape(x, [tf.size(x) + 1])}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "1"
    counter = Counter()
    signatures = {"serving_default": counter.serve, "fail": counter.fail}
    tf.saved_model.save(counter, str(path), signatures)
    return path


@pytest.fixture
def model(saved):
    return SavedModel(saved)


def request(*outputs, signature="", **inputs):
    made = PredictRequest(output_filter=outputs)
    made.model_spec.signature_name = signature
    for name, array in inputs.items():
        made.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    return made


def refusal(model, made):
    with pytest.raises(RequestError) as caught:
        model.predict(made)
    return caught.value


X = np.arange(6, dtype=np.float32).reshape(3, 2)


def test_all_outputs_are_returned_unless_some_are_requested(model):
    assert model.predict(request(x=X)).keys() == {"seen", "double"}
    given = model.predict(request("double", x=X))
    assert given.keys() == {"double"}
    np.testing.assert_array_equal(given["double"], 2 * X)


def test_initialization_is_not_a_callable_signature(model):
    assert model.signatures.keys() == {"serving_default", "fail"}
    assert refusal(model, request(signature="__saved_model_init_op")).code is (
        grpc.StatusCode.FAILED_PRECONDITION
    )


@pytest.mark.parametrize(
    ("made", "code", "words"),
    [
        (request(signature="none", x=X), "FAILED_PRECONDITION", '"none" not found'),
        (request(), "INVALID_ARGUMENT", r"missing: \{x\}, unknown: \{\}"),
        (request(x=X, z=X), "INVALID_ARGUMENT", r"missing: \{\}, unknown: \{z\}"),
        (
            request(x=X.astype(int)),
            "INVALID_ARGUMENT",
            r"float32 \[\?, 2\], got int64 \[3, 2\]",
        ),
        (request(x=X.T), "INVALID_ARGUMENT", r"float32 \[\?, 2\], got float32 \[2, 3\]"),
        (request(x=X[0]), "INVALID_ARGUMENT", r"got float32 \[2\]"),
        (
            request("none", x=X),
            "INVALID_ARGUMENT",
            r"\{double, seen\}, each at most once, got none",
        ),
        (request("seen", "seen", x=X), "INVALID_ARGUMENT", "at most once"),
        (request(signature="fail", x=X), "INVALID_ARGUMENT", "6 values.* 7"),
    ],
)
def test_invalid_requests_are_refused_with_tensorflow_servings_code(model, made, code, words):
    with pytest.raises(RequestError, match=words) as caught:
        model.predict(made)
    assert caught.value.code is grpc.StatusCode[code]


def test_tensors_with_too_few_bytes_are_refused(model):
    made = request(x=X)
    made.inputs["x"].tensor_content = b"\0" * 5
    assert refusal(model, made).code is grpc.StatusCode.INVALID_ARGUMENT
    made.inputs["x"].dtype = 99
    assert refusal(model, made).code is grpc.StatusCode.INVALID_ARGUMENT


def warmed(saved, folder, *logs):
    """Copy a version and add warm-up records."""
    shutil.copytree(saved, folder)
    (folder / WARM_UP_REQUESTS).parent.mkdir()
    with tf.io.TFRecordWriter(str(folder / WARM_UP_REQUESTS)) as writer:
        for log in logs:
            writer.write(log.SerializeToString())
    return folder


def predict_log(made):
    return PredictionLog(predict_log=PredictLog(request=made))


def test_folder_may_have_any_name(saved, tmp_path):
    folder = tmp_path / "b [1] 50% #2*?"
    shutil.copytree(saved, folder)
    assert SavedModel(folder).predict(request(x=X))


def test_warm_up_requests_are_replayed_on_load(saved, tmp_path, model):
    log = predict_log(request(x=X))
    warm = SavedModel(warmed(saved, tmp_path / "1", log, log))
    assert model.predict(request(x=X))["seen"].tolist() == [3, 3, 3]
    assert warm.predict(request(x=X))["seen"].tolist() == [9, 9, 9]


def test_a_failing_warm_up_request_fails_the_load(saved, tmp_path):
    with pytest.raises(RequestError, match="input x"):
        SavedModel(warmed(saved, tmp_path / "1", predict_log(request(x=X.T))))
    with pytest.raises(ValueError, match="must hold only predict_log, got "):
        SavedModel(warmed(saved, tmp_path / "2", PredictionLog()))


def test_a_folder_without_a_model_is_an_error(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"not a model")
    with pytest.raises(Exception, match=r"saved_model\.pb"):
        SavedModel(tmp_path)
