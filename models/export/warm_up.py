"""Warm-up requests of an exported model, which TensorFlow Serving replays before it serves it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

from data_prep import storage

FILE = "tf_serving_warmup_requests"
"""The name that TensorFlow Serving expects in the version's folder `assets.extra`."""


@dataclass(frozen=True)
class WarmUpRequest:
    """A request to one signature.

    Attributes:
        signature: its name.
        inputs: name -> array.
        outputs: names of the outputs to compute; all of them if there are none.
    """

    signature: str
    inputs: Mapping[str, np.ndarray]
    outputs: tuple[str, ...] = ()


def write_warm_up(requests: Iterable[WarmUpRequest], assets: str) -> None:
    """Write the requests into the folder `assets.extra`, in the order of their replay."""
    with (
        storage.replacing(storage.join(assets, FILE)) as path,
        tf.io.TFRecordWriter(str(path)) as writer,
    ):
        for request in requests:
            log = prediction_log_pb2.PredictLog(request=_predict_request(request))
            record = prediction_log_pb2.PredictionLog(predict_log=log)
            writer.write(record.SerializeToString())


def _predict_request(request: WarmUpRequest) -> predict_pb2.PredictRequest:
    message = predict_pb2.PredictRequest(
        model_spec=model_pb2.ModelSpec(signature_name=request.signature),
        output_filter=request.outputs,
    )
    for name, array in request.inputs.items():
        message.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    return message
