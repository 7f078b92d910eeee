"""Calls signatures of a SavedModel with arrays of given shapes, in a separate process.

TensorFlow Serving runs a model without comparing shapes; Python's sessions compare them, except in
the callable that they make for TensorFlow's own use.
"""

import json
import sys

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.config_pb2 import CallableOptions


def zeros(shape: list[int], dtype: tf.DType) -> np.ndarray:
    if dtype == tf.string:
        return np.full(shape, b"", object)
    return np.zeros(shape, dtype.as_numpy_dtype)


def main(folder: str, calls: list) -> None:
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        meta = tf.compat.v1.saved_model.loader.load(session, [tf.saved_model.SERVING], folder)
    functions = {}
    for name in {name for name, _ in calls}:
        definition = meta.signature_def[name]
        options = CallableOptions()
        options.feed.extend(definition.inputs[key].name for key in sorted(definition.inputs))
        options.fetch.extend(info.name for info in definition.outputs.values())
        functions[name] = session._make_callable_from_options(options)
    answers = []
    for name, shapes in calls:
        dtypes = {key: tf.as_dtype(i.dtype) for key, i in meta.signature_def[name].inputs.items()}
        try:
            functions[name](*(zeros(shapes[key], dtypes[key]) for key in sorted(shapes)))
        except tf.errors.OpError as error:
            answers.append(type(error).__name__)
        else:
            answers.append("OK")
    print(json.dumps(answers))


main(sys.argv[1], json.loads(sys.argv[2]))
