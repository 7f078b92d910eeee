"""Export of trained models as SavedModels, for TF Serving and for TFX's Evaluator."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

from data_prep import storage
from data_prep.config import ClipConfig
from data_prep.records.record import parse
from models.tasks.trainable import InputSpecs, TrainableModel

EVALUATION_BATCH = 8
"""Examples that `evaluate` processes at once for input of any size, which bounds the memory."""

Tensors = dict[str, tf.Tensor]


def export(model: TrainableModel, clip: ClipConfig, directory: str) -> None:
    """Write a SavedModel with its signatures and a warm-up request.

    Signatures:
        `serving_default`: the model's `serving_inputs` to what its `serve` returns. A separator
            takes `video` uint8 `[B, T, H, W, 3]` and, if it uses audio, `audio` float32 `[B, S]`
            in [-1, 1].
        `evaluate`: `examples`, serialized records, string `[B]`, to the scalars of the model's
            `evaluate_batch`, float32 `[B]`.
        `description`: `batch` int32 `[B]` of any value to what shapes do not show, `[B]` each:
            `fps` float32, `sample_rate` and `short_side` int32, `uses_audio` bool, and `kind`,
            `system` and `control`, strings.

    Args:
        model: the trained model.
        clip: the shape of its clips.
        directory: the folder to write, replaced if it exists.
    """
    archive = keras.export.ExportArchive()
    archive.track(model)
    inputs = model.serving_inputs(clip)
    archive.add_endpoint(
        "serving_default",
        lambda *tensors: model.serve(dict(zip(inputs, tensors, strict=True))),
        input_signature=[
            tf.TensorSpec([None, *shape], dtype, name=name)
            for name, (shape, dtype) in inputs.items()
        ],
    )

    def evaluate(examples: tf.Tensor) -> Tensors:
        return _in_chunks(lambda chunk: _evaluate(model, clip, chunk), examples, model.scalars)

    archive.add_endpoint(
        "evaluate", evaluate, input_signature=[tf.TensorSpec([None], tf.string, name="examples")]
    )
    archive.add_endpoint(
        "description",
        lambda batch: _describe(batch, model, clip),
        input_signature=[tf.TensorSpec([None], tf.int32, name="batch")],
    )
    archive.write_out(directory, verbose=False)
    _write_assets(inputs, clip, directory)


def _evaluate(model: TrainableModel, clip: ClipConfig, serialized: tf.Tensor) -> Tensors:
    batch = model.select(model.prepare(parse(serialized, clip)))
    return model.evaluate_batch(batch, model(batch, training=False))


def _in_chunks(
    function: Callable[[tf.Tensor], Tensors], examples: tf.Tensor, scalars: tuple[str, ...]
) -> Tensors:
    """Apply a function to a few examples at a time, which bounds the memory."""
    size = EVALUATION_BATCH
    count = tf.shape(examples)[0]
    # All chunks are full and have one shape; the results of the filling are dropped.
    padded = tf.concat([examples, tf.repeat(examples[:1], -count % size)], axis=0)
    chunks = tf.reshape(padded, [-1, size])
    signature = dict.fromkeys(scalars, tf.TensorSpec([size], tf.float32))
    results = tf.map_fn(function, chunks, fn_output_signature=signature, parallel_iterations=1)
    return {name: tf.reshape(value, [-1])[:count] for name, value in results.items()}


def _describe(batch: tf.Tensor, model: TrainableModel, clip: ClipConfig) -> Tensors:
    values: dict[str, Any] = {
        "fps": tf.constant(clip.fps, tf.float32),
        "sample_rate": clip.sample_rate,
        "short_side": clip.short_side,
        **dataclasses.asdict(model.description),
    }
    return {name: tf.fill(tf.shape(batch), value) for name, value in values.items()}


def _write_assets(inputs: InputSpecs, clip: ClipConfig, directory: str) -> None:
    """Write the warm-up request that TF Serving replays, and the clip's settings for people."""
    request = predict_pb2.PredictRequest(
        model_spec=model_pb2.ModelSpec(signature_name="serving_default")
    )
    for name, (shape, dtype) in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(np.zeros((1, *shape), dtype)))
    log = prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request)
    )
    assets = storage.join(directory, "assets.extra")
    storage.make_dirs(assets)
    with (
        storage.replacing(storage.join(assets, "tf_serving_warmup_requests")) as path,
        tf.io.TFRecordWriter(str(path)) as writer,
    ):
        writer.write(log.SerializeToString())
    storage.write_text(storage.join(assets, "clip.json"), json.dumps(clip.model_dump(), indent=2))
