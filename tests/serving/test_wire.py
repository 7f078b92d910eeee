"""The client's messages against TensorFlow Serving's own."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2, types_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
)

from serving import wire
from serving.errors import ServingError

THEIRS = {
    "ModelSpec": model_pb2.ModelSpec,
    "PredictRequest": predict_pb2.PredictRequest,
    "PredictResponse": predict_pb2.PredictResponse,
    "GetModelMetadataRequest": get_model_metadata_pb2.GetModelMetadataRequest,
    "GetModelMetadataResponse": get_model_metadata_pb2.GetModelMetadataResponse,
    "SignatureDefMap": get_model_metadata_pb2.SignatureDefMap,
    "SignatureDef": meta_graph_pb2.SignatureDef,
    "TensorInfo": meta_graph_pb2.TensorInfo,
    "TensorShapeProto": tensor_shape_pb2.TensorShapeProto,
    "TensorProto": tensor_pb2.TensorProto,
    "GetModelStatusRequest": get_model_status_pb2.GetModelStatusRequest,
    "GetModelStatusResponse": get_model_status_pb2.GetModelStatusResponse,
    "ModelVersionStatus": get_model_status_pb2.ModelVersionStatus,
}


def check_fields(ours, theirs):
    """Compare the fields with TensorFlow's, nested messages included; enums are int32 here."""
    for field in ours.fields:
        other = theirs.fields_by_name[field.name]
        assert (field.number, field.label) == (other.number, other.label), field.full_name
        kind = field.TYPE_INT32 if other.type == field.TYPE_ENUM else other.type
        assert field.type == kind, field.full_name
        if field.message_type:
            check_fields(field.message_type, other.message_type)


@pytest.mark.parametrize("name", THEIRS)
def test_fields_match_tensorflow_servings(name):
    some = wire.PredictRequest.DESCRIPTOR.file.message_types_by_name[name]
    check_fields(some, THEIRS[name].DESCRIPTOR)


def test_dtypes_match_tensorflows():
    for number, dtype in wire.DTYPES.items():
        assert tf.as_dtype(number) == tf.as_dtype(dtype)


@pytest.mark.parametrize("dtype", wire.DTYPES.values(), ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 3)])
def test_arrays_survive_the_round_trip(dtype, shape):
    array = np.arange(1, 1 + int(np.prod(shape))).reshape(shape)
    array = np.array(array.astype(bytes) if dtype.kind == "O" else array, dtype)
    sent = tensor_pb2.TensorProto.FromString(wire.to_tensor(array).SerializeToString())
    np.testing.assert_array_equal(tf.make_ndarray(sent), array)
    received = wire.to_array(
        wire.TensorProto.FromString(tf.make_tensor_proto(array).SerializeToString())
    )
    np.testing.assert_array_equal(received, array)
    assert received.dtype == dtype
    assert received.flags.writeable


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (types_pb2.DT_UINT8, {"int_val": [1, 200, 3, 4]}),  # as TensorFlow Serving answers
        (types_pb2.DT_FLOAT, {"float_val": [0.5]}),
        (types_pb2.DT_INT32, {"int_val": [1, 2]}),
        (types_pb2.DT_BOOL, {}),
        (types_pb2.DT_STRING, {"string_val": [b"a", b"bc"]}),
    ],
)
def test_values_in_fields_of_their_own(dtype, values):
    tensor = tensor_pb2.TensorProto(dtype=dtype, **values)
    for _ in range(2):
        tensor.tensor_shape.dim.add(size=2)
    received = wire.to_array(wire.TensorProto.FromString(tensor.SerializeToString()))
    np.testing.assert_array_equal(received, tf.make_ndarray(tensor))


@pytest.mark.filterwarnings("error")
def test_integers_that_the_dtype_does_not_hold_wrap_around_as_in_tensorflow():
    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_UINT8, int_val=[300, -1, 255])
    tensor.tensor_shape.dim.add(size=4)
    message = tensor.SerializeToString()
    received = wire.to_array(wire.TensorProto.FromString(message))
    np.testing.assert_array_equal(received, [44, 255, 255, 255])
    np.testing.assert_array_equal(received, tf.io.parse_tensor(message, tf.uint8))


@pytest.mark.parametrize(
    ("dims", "values", "words"),
    [
        ([2], {"tensor_content": b"\0" * 5}, r"tensor_content must be uint8 \[2\], got 5 bytes"),
        ([-1, -2], {}, r"axes must be 0 or more, got \[-1, -2\]"),
    ],
)
def test_tensors_that_contradict_themselves_are_errors(dims, values, words):
    tensor = wire.TensorProto(dtype=types_pb2.DT_UINT8, **values)
    for size in dims:
        tensor.tensor_shape.dim.add(size=size)
    with pytest.raises(ServingError, match=words):
        wire.to_array(tensor)


def test_a_tensor_of_unknown_rank_is_an_error():
    tensor = wire.TensorProto(dtype=types_pb2.DT_UINT8)
    tensor.tensor_shape.unknown_rank = True
    with pytest.raises(ServingError, match="got unknown rank"):
        wire.to_array(tensor)


def test_other_dtypes_are_errors():
    with pytest.raises(
        ServingError, match=r"tensors: must be float32, .*uint8, string, .*, got <U1"
    ):
        wire.to_tensor(np.array(["a"]))
    with pytest.raises(ServingError, match=r"tensors: must be .*, got dtype number 8"):
        wire.to_array(wire.TensorProto(dtype=types_pb2.DT_COMPLEX64))
