import re
import shutil
import threading
import time
import tracemalloc
import weakref
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog, PredictLog

from serving.server.batcher import Batcher
from serving.server.errors import StatusError
from serving.server.limits import InputLimits
from serving.server.loaded_model import WARM_UP_REQUESTS, SavedModel

LIMITS = InputLimits(batch=16, size=2**20)
BATCHER = Batcher(workers=2, largest=4)


class Counter(tf.Module):
    """Counts the examples that it has seen."""

    def __init__(self):
        self.seen = tf.Variable(0)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def serve(self, x):
        seen = self.seen.assign_add(tf.shape(x)[0])
        return {"seen": tf.fill([tf.shape(x)[0]], seen), "double": 2 * x}

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def sum(self, x):
        return {"seen": self.seen.assign_add(tf.shape(x)[0])[tf.newaxis], "sum": tf.reduce_sum(x)}

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def fail(self, x):
        return {"y": tf.reshape(x, [tf.size(x) + 1])}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "1"
    counter = Counter()
    signatures = {"serving_default": counter.serve, "sum": counter.sum, "fail": counter.fail}
    tf.saved_model.save(counter, str(path), signatures)
    return path


@pytest.fixture
def model(saved):
    return SavedModel(saved, LIMITS, BATCHER)


def request(*outputs, signature="", **inputs):
    made = PredictRequest(output_filter=outputs)
    made.model_spec.signature_name = signature
    for name, array in inputs.items():
        made.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    return made


def refusal(model, made):
    with pytest.raises(StatusError) as caught:
        model.predict(made)
    return caught.value


X = np.arange(6, dtype=np.float32).reshape(3, 2)


def test_all_outputs_are_returned_unless_some_are_requested(model):
    assert model.predict(request(x=X)).keys() == {"seen", "double"}
    given = model.predict(request("double", x=X))
    assert given.keys() == {"double"}
    np.testing.assert_array_equal(given["double"], 2 * X)


def test_initialization_is_not_a_callable_signature(model):
    assert model.signatures.keys() == {"serving_default", "sum", "fail"}
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
    with pytest.raises(StatusError, match=words) as caught:
        model.predict(made)
    assert caught.value.code is grpc.StatusCode[code]


def claim(dtype, *dims, **values):
    """Return a request whose input claims a dtype and dims, whatever values it holds."""
    made = PredictRequest()
    tensor = made.inputs["x"]
    tensor.dtype = dtype
    for size in dims:
        tensor.tensor_shape.dim.add(size=size)
    for field, value in values.items():
        if isinstance(value, bytes):
            setattr(tensor, field, value)
        else:
            getattr(tensor, field).extend(value)
    return made


FLOAT = tf.float32.as_datatype_enum


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (claim(FLOAT, 3, 2, tensor_content=b"\0" * 5), r"tensor_content must be .*, got 5 bytes"),
        (claim(FLOAT, -1, 2), r"axes must be 0 or more, got \[-1, 2\]"),
        (claim(FLOAT, -3, -2), r"axes must be 0 or more"),
        (claim(FLOAT, 2**40, 2, float_val=[1]), "must have at most 1048576 bytes, got 8796"),
        (claim(FLOAT, 2**62, 2), "must have at most 1048576 bytes"),
        (claim(FLOAT, 17, 2), "must be a batch of at most 16, got 17"),
        (claim(0, 1, 2), "got dtype number 0"),
        (claim(99, 1, 2), "got dtype number 99"),
        (claim(tf.resource.as_datatype_enum, 1, 2), "got dtype number 20"),
        (claim(tf.variant.as_datatype_enum, 1, 2), "got dtype number 21"),
        (claim(101, 1, 2), "got dtype number 101"),  # a reference to a float32
        (claim(tf.string.as_datatype_enum, 1, 2), r"float32 \[\?, 2\], got string \[1, 2\]"),
    ],
)
def test_tensors_that_do_not_hold_what_they_claim_are_refused(model, made, words):
    error = refusal(model, made)
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert re.search(words, error.message)


def test_a_refused_tensor_is_never_allocated(model):
    tracemalloc.start()
    try:
        refusal(model, claim(FLOAT, 2**28, 1, float_val=[1]))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_omitted_values_repeat_the_last_one_as_in_tensorflow(model):
    assert model.predict(claim(FLOAT, 2, 2, float_val=[1, 2]))["double"].tolist() == [
        [2, 4],
        [4, 4],
    ]
    assert model.predict(claim(FLOAT, 1, 2))["double"].tolist() == [[0, 0]]
    assert model.predict(claim(FLOAT, 1, 2, float_val=[1, 2, 3]))["double"].tolist() == [[2, 4]]
    assert model.predict(claim(FLOAT, 0, 2))["double"].shape == (0, 2)


@pytest.mark.parametrize(("signature", "joined"), [("", True), ("sum", False)])
def test_requests_that_wait_are_joined_if_the_signature_counts_examples(saved, signature, joined):
    """Every request learns how many examples were seen before its answer."""
    batcher = Batcher(workers=1, largest=8)
    model = SavedModel(saved, LIMITS, batcher)
    busy, finish = threading.Event(), threading.Event()

    def occupy(inputs):
        busy.set()
        assert finish.wait(20)
        return {}

    with ThreadPoolExecutor() as pool:
        pool.submit(batcher.run, None, {}, occupy)
        assert busy.wait(20)
        rows = [np.full((n, 2), n, np.float32) for n in (1, 2, 3)]
        sent = [pool.submit(model.predict, request(x=x, signature=signature)) for x in rows]
        time.sleep(0.1)
        finish.set()
    answers = [each.result() for each in sent]
    seen = [answer["seen"].tolist() for answer in answers]
    if joined:
        assert seen == [[6], [6, 6], [6, 6, 6]]
        for x, answer in zip(rows, answers, strict=True):
            np.testing.assert_array_equal(answer["double"], 2 * x)
    else:
        assert sorted(total for [total] in seen) != [6, 6, 6]
        assert [answer["sum"] for answer in answers] == [2, 8, 18]


def test_a_closed_model_frees_its_graph(saved):
    model = SavedModel(saved, LIMITS, BATCHER)
    graph = weakref.ref(model._session.graph)
    model.predict(request(x=X))
    model.close()
    assert graph() is None


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
    assert SavedModel(folder, LIMITS, BATCHER).predict(request(x=X))


def test_warm_up_requests_are_replayed_on_load(saved, tmp_path, model):
    log = predict_log(request(x=X))
    warm = SavedModel(warmed(saved, tmp_path / "1", log, log), LIMITS, BATCHER)
    assert model.predict(request(x=X))["seen"].tolist() == [3, 3, 3]
    assert warm.predict(request(x=X))["seen"].tolist() == [9, 9, 9]


def test_a_failing_warm_up_request_fails_the_load(saved, tmp_path):
    with pytest.raises(StatusError, match="input x"):
        SavedModel(warmed(saved, tmp_path / "1", predict_log(request(x=X.T))), LIMITS, BATCHER)
    with pytest.raises(StatusError, match="must hold only predict_log, got "):
        SavedModel(warmed(saved, tmp_path / "2", PredictionLog()), LIMITS, BATCHER)


def test_a_folder_without_a_model_is_an_error(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"not a model")
    with pytest.raises(StatusError, match=r"saved_model\.pb") as caught:
        SavedModel(tmp_path, LIMITS, BATCHER)
    assert caught.value.code is grpc.StatusCode.DATA_LOSS
