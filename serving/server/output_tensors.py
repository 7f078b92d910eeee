"""Outputs as TensorFlow Serving encodes them."""

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto

from serving.wire import VALUE_FIELDS


def to_output(array: np.ndarray) -> TensorProto:
    """Convert an array to a TensorProto whose values are in the field of their dtype.

    TensorFlow Serving answers so, whereas `tf.make_tensor_proto` writes `tensor_content`. Only
    dtypes that `serving.wire` does not know are written that way here too.
    """
    number = tf.as_dtype(array.dtype).as_datatype_enum
    if number not in VALUE_FIELDS:
        return tf.make_tensor_proto(array)
    shape = tf.TensorShape(array.shape).as_proto()
    tensor = TensorProto(dtype=number, tensor_shape=shape)
    getattr(tensor, VALUE_FIELDS[number]).extend(array.ravel().tolist())
    return tensor
