"""The messages of tf.train.Example without TensorFlow, which takes 500 MB and seconds to load.

They have the fields of tensorflow/core/example/{example,feature}.proto, so their bytes are the
same, but another package, so that a process may load TensorFlow, too.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

_PACKAGE = "layered_video"


def _list_of(name: str, kind: int) -> descriptor_pb2.DescriptorProto:
    """Return a message with a list of values, packed unless they are bytes."""
    value = FieldDescriptorProto(
        name="value", number=1, label=FieldDescriptorProto.LABEL_REPEATED, type=kind
    )
    if kind != FieldDescriptorProto.TYPE_BYTES:
        value.options.packed = True
    return descriptor_pb2.DescriptorProto(name=name, field=[value])


def _one(name: str, number: int, kind: str, **more: Any) -> FieldDescriptorProto:
    """Return a field with one message."""
    return FieldDescriptorProto(
        name=name,
        number=number,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
        type=FieldDescriptorProto.TYPE_MESSAGE,
        type_name=f".{_PACKAGE}.{kind}",
        **more,
    )


def _file() -> descriptor_pb2.FileDescriptorProto:
    feature = descriptor_pb2.DescriptorProto(
        name="Feature",
        field=[
            _one("bytes_list", 1, "BytesList", oneof_index=0),
            _one("float_list", 2, "FloatList", oneof_index=0),
            _one("int64_list", 3, "Int64List", oneof_index=0),
        ],
        oneof_decl=[descriptor_pb2.OneofDescriptorProto(name="kind")],
    )
    key = FieldDescriptorProto(
        name="key",
        number=1,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
        type=FieldDescriptorProto.TYPE_STRING,
    )
    entry = descriptor_pb2.DescriptorProto(
        name="FeatureEntry",
        field=[key, _one("value", 2, "Feature")],
        options=descriptor_pb2.MessageOptions(map_entry=True),
    )
    entries = _one("feature", 1, "Features.FeatureEntry")
    entries.label = FieldDescriptorProto.LABEL_REPEATED
    return descriptor_pb2.FileDescriptorProto(
        name=f"{_PACKAGE}/example.proto",
        package=_PACKAGE,
        syntax="proto3",
        message_type=[
            _list_of("BytesList", FieldDescriptorProto.TYPE_BYTES),
            _list_of("FloatList", FieldDescriptorProto.TYPE_FLOAT),
            _list_of("Int64List", FieldDescriptorProto.TYPE_INT64),
            feature,
            descriptor_pb2.DescriptorProto(name="Features", field=[entries], nested_type=[entry]),
            descriptor_pb2.DescriptorProto(name="Example", field=[_one("features", 1, "Features")]),
        ],
    )


def _message(name: str) -> Any:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


Example: Any = _message("Example")
"""Class of the message, with the methods of every protobuf message."""
