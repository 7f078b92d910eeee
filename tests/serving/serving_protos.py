"""Messages of TensorFlow Serving's text files that `tensorflow-serving-api` leaves out.

Text holds the names of fields, so their names and types are those of
`servables/tensorflow/session_bundle_config.proto` and `config/monitoring_config.proto` in 2.16.1.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

_MESSAGES = {
    "BatchingParameters": {
        "max_batch_size": ".google.protobuf.Int64Value",
        "batch_timeout_micros": ".google.protobuf.Int64Value",
        "max_enqueued_batches": ".google.protobuf.Int64Value",
        "num_batch_threads": ".google.protobuf.Int64Value",
        "thread_pool_name": ".google.protobuf.StringValue",
        "allowed_batch_sizes": "repeated int64",
        "pad_variable_length_inputs": "bool",
        "enable_large_batch_splitting": ".google.protobuf.BoolValue",
        "max_execution_batch_size": ".google.protobuf.Int64Value",
    },
    "PrometheusConfig": {"enable": "bool", "path": "string"},
    "MonitoringConfig": {"prometheus_config": ".serving.PrometheusConfig"},
}


def _pool():
    proto = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="serving_protos", package="serving", syntax="proto3"
    )
    file.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields.items(), start=1):
            *repeated, kind = kind.split()
            added = message.field.add(name=field, number=number)
            added.label = proto.LABEL_REPEATED if repeated else proto.LABEL_OPTIONAL
            if kind.startswith("."):
                added.type, added.type_name = proto.TYPE_MESSAGE, kind
            else:
                added.type = getattr(proto, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return pool


def _message(name):
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"serving.{name}"))


_POOL = _pool()
BatchingParameters = _message("BatchingParameters")
MonitoringConfig = _message("MonitoringConfig")
