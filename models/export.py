"""A trained separator becomes a SavedModel for TF Serving and for TFX's Evaluator."""

import json
import os

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from data_prep.config import ClipConfig
from data_prep.examples import parse
from models.inputs import NETWORK_FEATURES
from models.separation import Separator, choose, from_uint8, identity_loss, to_uint8

SCALARS = ("loss", "identity_loss", "score_error", "control")
"""What `evaluate` returns of each example."""

EVALUATION_BATCH = 8
"""Examples that `evaluate` separates at once, however many it is given: it bounds the memory."""


def export(separator: Separator, clip: ClipConfig, directory: str) -> None:
    """Write a SavedModel with its signatures and warm-up requests.

    Signatures:
        `serving_default`: `video` uint8 `[B, T, H, W, 3]` and, where the system hears, `sound`
            float32 `[B, S]` in [-1, 1]. Returns `outputs` uint8 `[B, n, T, H, W, 3]`; where the
            system has them `layers` uint8 `[B, m, T, H, W, 3]`, `coefficients` uint8
            `[B, n, m, T, H, W]`, `masks` uint8 `[B, K, T, H, W]`, in which 255 stands for 1;
            where it is controlled `chosen` int32 `[B]`, and `scores` float32 `[B, n]`.
        `evaluate`: `examples`, serialized records, string `[B]`. Returns scalars an example,
            float32 `[B]`: see `evaluate_batch`.
        `clip`: `batch` int32 `[B]` of any value. Returns what the shapes do not tell, each `[B]`:
            `fps` float32, `sample_rate` int32, `short_side` int32.

    Args:
        separator: the trained separator.
        clip: the shape of its clips.
        directory: where to write; made anew.
    """
    archive = keras.export.ExportArchive()
    archive.track(separator)
    video = tf.TensorSpec([None, clip.frames, clip.height, clip.width, 3], tf.uint8, name="video")
    sound = tf.TensorSpec([None, clip.samples], tf.float32, name="sound")
    if separator.system.hears:

        def serve(video, sound):
            return separate(separator, {"video": video, "sound": sound})

        archive.add_endpoint("serving_default", serve, input_signature=[video, sound])
    else:

        def serve(video):
            return separate(separator, {"video": video})

        archive.add_endpoint("serving_default", serve, input_signature=[video])

    def evaluate(examples):
        return _in_chunks(
            lambda chunk: evaluate_batch(separator, parse(chunk, clip)), examples, EVALUATION_BATCH
        )

    archive.add_endpoint(
        "evaluate", evaluate, input_signature=[tf.TensorSpec([None], tf.string, name="examples")]
    )
    archive.add_endpoint(
        "clip",
        lambda batch: _describe(batch, clip),
        input_signature=[tf.TensorSpec([None], tf.int32, name="batch")],
    )
    archive.write_out(directory, verbose=False)
    _write_assets(separator, clip, directory)


def separate(separator: Separator, inputs: dict) -> dict:
    """Separate uint8 videos into uint8 pictures; see the signature `serving_default`."""
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


def evaluate_batch(separator: Separator, batch: dict) -> dict:
    """Compute the scalars of each example that analysis reads, float32 `[B]`.

    Returns:
        `loss`, `score_error` and `control` of `Separator.measure`, and `identity_loss`, the loss
        of the Identity baseline on the same mixture.
    """
    predictions = separator({key: batch[key] for key in NETWORK_FEATURES}, training=False)
    scalars = separator.measure(batch, predictions)
    scalars["identity_loss"] = identity_loss(batch)
    return {name: scalars[name] for name in SCALARS}


def _enlarge(mask, size):
    """Enlarge `[B, t, h, w, G]` to `[B, G, T, H, W]` by nearest neighbour."""
    mask = ops.cast(mask, "float32")
    for axis, length in enumerate(size, start=1):
        indices = [position * mask.shape[axis] // length for position in range(length)]
        mask = ops.take(mask, indices, axis=axis)
    return ops.transpose(mask, (0, 4, 1, 2, 3))


def _in_chunks(function, examples, size):
    count = tf.shape(examples)[0]
    # Whole chunks keep one shape; what fills the last one up is dropped again.
    padded = tf.concat([examples, tf.repeat(examples[:1], -count % size)], axis=0)
    chunks = tf.reshape(padded, [-1, size])
    signature = dict.fromkeys(SCALARS, tf.TensorSpec([size], tf.float32))
    results = tf.map_fn(function, chunks, fn_output_signature=signature, parallel_iterations=1)
    return {name: tf.reshape(value, [-1])[:count] for name, value in results.items()}


def _describe(batch, clip):
    return {
        "fps": tf.fill(tf.shape(batch), tf.constant(clip.fps, tf.float32)),
        "sample_rate": tf.fill(tf.shape(batch), clip.sample_rate),
        "short_side": tf.fill(tf.shape(batch), clip.short_side),
    }


def _write_assets(separator, clip, directory):
    """Write the warm-up request, which TF Serving replays, and the clip's settings, for people."""
    from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

    request = predict_pb2.PredictRequest(
        model_spec=model_pb2.ModelSpec(signature_name="serving_default")
    )
    shape = (1, clip.frames, clip.height, clip.width, 3)
    request.inputs["video"].CopyFrom(tf.make_tensor_proto(np.zeros(shape, np.uint8)))
    if separator.system.hears:
        silence = np.zeros((1, clip.samples), np.float32)
        request.inputs["sound"].CopyFrom(tf.make_tensor_proto(silence))
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
