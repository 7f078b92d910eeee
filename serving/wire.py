"""The TensorFlow Serving messages that the client needs, without TensorFlow.

`tensorflow_serving.apis` has them all, but it imports TensorFlow, which takes several times as long
and as much memory as the client itself. Only the numbers of a message's fields travel; the ones
below are those of tensorflow_serving/apis, tensorflow/core/framework and tensorflow/core/protobuf.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from serving.errors import ServingError

_MESSAGES = {
    "ModelSpec": (
        "string name = 1",
        "Int64Value version = 2",
        "string signature_name = 3",
        "string version_label = 4",
    ),
    "Int64Value": ("int64 value = 1",),
    "PredictRequest": (
        "ModelSpec model_spec = 1",
        "map TensorProto inputs = 2",
        "repeated string output_filter = 3",
    ),
    "PredictResponse": ("map TensorProto outputs = 1", "ModelSpec model_spec = 2"),
    "GetModelMetadataRequest": ("ModelSpec model_spec = 1", "repeated string metadata_field = 2"),
    "GetModelMetadataResponse": ("ModelSpec model_spec = 1", "map Any metadata = 2"),
    "Any": ("string type_url = 1", "bytes value = 2"),
    "SignatureDefMap": ("map SignatureDef signature_def = 1",),
    "SignatureDef": ("map TensorInfo inputs = 1", "map TensorInfo outputs = 2"),
    "TensorInfo": ("int32 dtype = 2", "TensorShapeProto tensor_shape = 3"),
    "TensorShapeProto": ("repeated Dim dim = 2", "bool unknown_rank = 3"),
    "Dim": ("int64 size = 1",),
    "TensorProto": (
        "int32 dtype = 1",
        "TensorShapeProto tensor_shape = 2",
        "bytes tensor_content = 4",
        "repeated float float_val = 5",
        "repeated double double_val = 6",
        "repeated int32 int_val = 7",
        "repeated bytes string_val = 8",
        "repeated int64 int64_val = 10",
        "repeated bool bool_val = 11",
    ),
    "GetModelStatusRequest": ("ModelSpec model_spec = 1",),
    "GetModelStatusResponse": ("repeated ModelVersionStatus model_version_status = 1",),
    "ModelVersionStatus": ("int64 version = 1", "int32 state = 2", "StatusProto status = 3"),
    "StatusProto": ("int32 error_code = 1", "string error_message = 2"),
}

DTYPES: dict[int, np.dtype] = {
    1: np.dtype(np.float32),
    2: np.dtype(np.float64),
    3: np.dtype(np.int32),
    4: np.dtype(np.uint8),
    7: np.dtype(object),
    9: np.dtype(np.int64),
    10: np.dtype(np.bool_),
}
"""Number in tensorflow.DataType -> NumPy dtype. Strings are objects of type bytes."""

_STRING = DTYPES[7]

VALUE_FIELDS = {
    1: "float_val",
    2: "double_val",
    3: "int_val",
    4: "int_val",
    7: "string_val",
    9: "int64_val",
    10: "bool_val",
}
"""Number in tensorflow.DataType -> field of a tensor's values, unless they are tensor_content."""


def _classes() -> dict[str, Any]:
    """Create the message classes, in a pool separate from that of TensorFlow's own."""
    file = descriptor_pb2.FileDescriptorProto(name="serving/wire", package="wire", syntax="proto3")
    for name, lines in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for line in lines:
            *label, kind, field, _, number = line.split()
            repeated = bool(label)
            if label == ["map"]:  # in protobuf, a list of entries with a key and a value
                entry = message.nested_type.add(name=f"{field.title().replace('_', '')}Entry")
                entry.options.map_entry = True
                _add(entry, "string", "key", 1)
                _add(entry, kind, "value", 2)
                kind = f"{name}.{entry.name}"
            _add(message, kind, field, int(number), repeated=repeated)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    find = pool.FindMessageTypeByName
    return {name: message_factory.GetMessageClass(find(f"wire.{name}")) for name in _MESSAGES}


def _add(message: Any, kind: str, name: str, number: int, *, repeated: bool = False) -> None:
    proto = descriptor_pb2.FieldDescriptorProto
    field = message.field.add(name=name, number=number)
    field.label = proto.LABEL_REPEATED if repeated else proto.LABEL_OPTIONAL
    if kind[0].isupper():
        field.type, field.type_name = proto.TYPE_MESSAGE, f".wire.{kind}"
    else:
        field.type = getattr(proto, f"TYPE_{kind.upper()}")


_CLASSES = _classes()
ModelSpec = _CLASSES["ModelSpec"]
PredictRequest = _CLASSES["PredictRequest"]
PredictResponse = _CLASSES["PredictResponse"]
GetModelMetadataRequest = _CLASSES["GetModelMetadataRequest"]
GetModelMetadataResponse = _CLASSES["GetModelMetadataResponse"]
SignatureDefMap = _CLASSES["SignatureDefMap"]
GetModelStatusRequest = _CLASSES["GetModelStatusRequest"]
GetModelStatusResponse = _CLASSES["GetModelStatusResponse"]
ModelVersionStatus = _CLASSES["ModelVersionStatus"]
TensorProto = _CLASSES["TensorProto"]


def to_tensor(array: np.ndarray) -> Any:
    """Convert an array to a TensorProto.

    Args:
        array: of a dtype in `DTYPES`; strings are objects of type bytes.

    Raises:
        ServingError: it has another dtype.
    """
    array = np.asarray(array)
    numbers = [number for number, dtype in DTYPES.items() if dtype == array.dtype]
    if not numbers:
        raise ServingError(f"tensors: must be {_known_dtypes()}, got {array.dtype}")
    tensor = TensorProto(dtype=numbers[0])
    if array.dtype == _STRING:
        tensor.string_val.extend(array.ravel())
    else:
        tensor.tensor_content = array.tobytes()
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    return tensor


def to_array(tensor: Any) -> np.ndarray:
    """Convert a TensorProto to an array.

    Args:
        tensor: a TensorProto, TensorFlow's own too. As in TensorFlow, values that it omits repeat
            the last one, all are zero or empty strings if it has none, excess ones are ignored,
            and integers that the dtype does not hold wrap around.

    Raises:
        ServingError: its dtype is not in `DTYPES`, an axis is negative, or its bytes do not fit
            its shape.
    """
    dtype, shape = claimed_type(tensor)
    size = math.prod(shape)
    if tensor.tensor_content:
        content = tensor.tensor_content
        if dtype == _STRING or len(content) != size * dtype.itemsize:
            raise ServingError(
                f"tensor: tensor_content must be {dtype_name(dtype)} {list(shape)}, "
                f"got {len(content)} bytes"
            )
        return np.frombuffer(content, dtype).reshape(shape).copy()
    field = VALUE_FIELDS[tensor.dtype]
    values = getattr(tensor, field)
    sent = np.dtype(np.int32) if field == "int_val" else dtype
    given = np.fromiter(values, sent, min(size, len(values))).astype(dtype, copy=False)
    last = given[-1] if given.size else b"" if dtype == _STRING else 0
    return np.concatenate([given, np.full(size - given.size, last, dtype)]).reshape(shape)


class TensorType(NamedTuple):
    """Dtype and shape of a tensor."""

    dtype: np.dtype
    shape: tuple[int, ...]


def claimed_type(tensor: Any) -> TensorType:
    """Return the dtype and the shape that a TensorProto claims; its values may not fit them.

    Raises:
        ServingError: its dtype is not in `DTYPES`, or an axis is negative.
    """
    if tensor.dtype not in DTYPES:
        raise ServingError(f"tensors: must be {_known_dtypes()}, got dtype number {tensor.dtype}")
    shape = tuple(axis.size for axis in tensor.tensor_shape.dim)
    if tensor.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        got = "unknown rank" if tensor.tensor_shape.unknown_rank else list(shape)
        raise ServingError(f"tensor: axes must be 0 or more, got {got}")
    return TensorType(DTYPES[tensor.dtype], shape)


def dtype_name(dtype: np.dtype) -> str:
    """Return the name of a dtype in messages."""
    return "string" if dtype == _STRING else str(dtype)


def _known_dtypes() -> str:
    return ", ".join(map(dtype_name, DTYPES.values()))
