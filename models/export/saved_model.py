"""A trained model becomes a SavedModel for TF Serving and for TFX's Evaluator."""

import json
import os

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from data_prep.config import ClipConfig
from data_prep.records.record import parse
from models.tasks.classification import Classifier
from models.tasks.separation import Separator, choose, from_uint8, to_uint8
from models.training.inputs import with_classes

EVALUATION_BATCH = 8
"""Examples that `evaluate` separates at once, however many it is given: it bounds the memory."""


def export(model: Separator | Classifier, clip: ClipConfig, directory: str) -> None:
    """Write a SavedModel with its signatures and warm-up requests.

    Signatures:
        `serving_default`: of a separator, `video` uint8 `[B, T, H, W, 3]` and, where the system
            hears, `sound` float32 `[B, S]` in [-1, 1], to what `separate` returns; of the
            classifier, `video` to `probabilities` float32 `[B, K]` and `label` string `[B]`.
        `evaluate`: `examples`, serialized records, string `[B]`, to scalars an example, float32
            `[B]`: the model's `evaluate_batch`.
        `clip`: `batch` int32 `[B]` of any value, to what the shapes do not tell, each `[B]`:
            `fps` float32, `sample_rate` int32, `short_side` int32.

    Args:
        model: the trained model.
        clip: the shape of its clips.
        directory: where to write; made anew.
    """
    archive = keras.export.ExportArchive()
    archive.track(model)
    inputs = {"video": ((clip.frames, clip.height, clip.width, 3), tf.uint8)}
    if isinstance(model, Separator) and model.system.hears:
        inputs["sound"] = ((clip.samples,), tf.float32)
    serve = _serve_classes if isinstance(model, Classifier) else separate
    archive.add_endpoint(
        "serving_default",
        lambda *tensors: serve(model, dict(zip(inputs, tensors, strict=True))),
        input_signature=[
            tf.TensorSpec([None, *shape], dtype, name=name)
            for name, (shape, dtype) in inputs.items()
        ],
    )

    def evaluate(examples):
        return _in_chunks(lambda chunk: _evaluate(model, clip, chunk), examples, model.scalars)

    archive.add_endpoint(
        "evaluate", evaluate, input_signature=[tf.TensorSpec([None], tf.string, name="examples")]
    )
    archive.add_endpoint(
        "clip",
        lambda batch: _describe(batch, clip),
        input_signature=[tf.TensorSpec([None], tf.int32, name="batch")],
    )
    archive.write_out(directory, verbose=False)
    _write_assets(inputs, clip, directory)


def separate(separator: Separator, inputs: dict) -> dict:
    """Separate uint8 videos into uint8 pictures.

    Args:
        separator: the separator.
        inputs: `video` uint8 `[B, T, H, W, 3]`, and `sound` where the system hears.

    Returns:
        `outputs` uint8 `[B, n, T, H, W, 3]`; where the system has them `layers` uint8
        `[B, m, T, H, W, 3]`, `coefficients` uint8 `[B, n, m, T, H, W]` and `masks` uint8
        `[B, K, T, H, W]`, in which 255 stands for 1; where it is controlled `chosen` int32
        `[B]`, and `scores` float32 `[B, n]`.
    """
    network_inputs = {**inputs, "video": from_uint8(inputs["video"])}
    predictions = separator.network(network_inputs, training=False)
    result = {"outputs": to_uint8(predictions["outputs"])}
    if "layers" in predictions:
        result["layers"] = to_uint8(predictions["layers"])
        result["coefficients"] = to_uint8(2.0 * predictions["coefficients"] - 1.0)
    if "masks" in predictions:
        size = inputs["video"].shape[1:4]
        masks = [_enlarge(mask, size) for mask in predictions["masks"]]
        result["masks"] = to_uint8(2.0 * ops.concatenate(masks, axis=1) - 1.0)
    if "scores" in predictions:
        result["scores"] = predictions["scores"]
    if separator.system.hears:
        result["chosen"] = choose(predictions)
    return result


def _enlarge(mask, size):
    """Enlarge `[B, t, h, w, G]` to `[B, G, T, H, W]` by nearest neighbour."""
    mask = ops.cast(mask, "float32")
    for axis, length in enumerate(size, start=1):
        indices = [position * mask.shape[axis] // length for position in range(length)]
        mask = ops.take(mask, indices, axis=axis)
    return ops.transpose(mask, (0, 4, 1, 2, 3))


def _serve_classes(classifier: Classifier, inputs: dict) -> dict:
    logits = classifier.network({"video": from_uint8(inputs["video"])}, training=False)["logits"]
    labels = tf.gather(tf.constant(classifier.labels), tf.argmax(logits, axis=-1))
    return {"probabilities": tf.nn.softmax(logits), "label": labels}


def _evaluate(model, clip, serialized):
    batch = parse(serialized, clip)
    if isinstance(model, Classifier):
        batch = with_classes(batch, model.labels)
    return model.evaluate_batch({key: batch[key] for key in model.inputs_read})


def _in_chunks(function, examples, scalars):
    """Apply a function to a few examples at a time, so that memory is bounded."""
    size = EVALUATION_BATCH
    count = tf.shape(examples)[0]
    # Whole chunks keep one shape; what fills the last one up is dropped again.
    padded = tf.concat([examples, tf.repeat(examples[:1], -count % size)], axis=0)
    chunks = tf.reshape(padded, [-1, size])
    signature = dict.fromkeys(scalars, tf.TensorSpec([size], tf.float32))
    results = tf.map_fn(function, chunks, fn_output_signature=signature, parallel_iterations=1)
    return {name: tf.reshape(value, [-1])[:count] for name, value in results.items()}


def _describe(batch, clip):
    return {
        "fps": tf.fill(tf.shape(batch), tf.constant(clip.fps, tf.float32)),
        "sample_rate": tf.fill(tf.shape(batch), clip.sample_rate),
        "short_side": tf.fill(tf.shape(batch), clip.short_side),
    }


def _write_assets(inputs, clip, directory):
    """Write the warm-up request, which TF Serving replays, and the clip's settings, for people."""
    from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

    request = predict_pb2.PredictRequest(
        model_spec=model_pb2.ModelSpec(signature_name="serving_default")
    )
    for name, (shape, dtype) in inputs.items():
        zeros = np.zeros((1, *shape), dtype.as_numpy_dtype)
        request.inputs[name].CopyFrom(tf.make_tensor_proto(zeros))
    log = prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request)
    )
    assets = os.path.join(directory, "assets.extra")
    tf.io.gfile.makedirs(assets)
    warmup = os.path.join(assets, "tf_serving_warmup_requests")
    with tf.io.TFRecordWriter(warmup) as writer:
        writer.write(log.SerializeToString())
    with tf.io.gfile.GFile(os.path.join(assets, "clip.json"), "w") as file:
        json.dump(clip.model_dump(), file, indent=2)
