"""Export of trained models as SavedModels, for TF Serving and for TFX's Evaluator."""

import dataclasses
import functools
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from data_prep import storage
from data_prep.config import ClipConfig
from data_prep.default_outputs import default_outputs
from data_prep.records.tensors import parse
from models.export.exported_weights import CLIP
from models.export.warm_up import WarmUpRequest, write_warm_up
from models.tasks.trainable import InputSpecs, TrainableModel

EVALUATION_BATCH = 8
"""Examples that `evaluate` processes at once for input of any size, which bounds the memory."""

Tensors = dict[str, tf.Tensor]


def export(model: TrainableModel, clip: ClipConfig, directory: str) -> None:
    """Write a SavedModel with its signatures and warm-up requests.

    A request of another shape or with unequal batch sizes is an error: TensorFlow Serving checks
    neither, and some of TensorFlow's kernels crash the process.

    Signatures:
        `serving_default`: the model's `serving_inputs` to what its `serve` returns. A separator
            takes `video` uint8 `[B, T, H, W, 3]` and, if it uses audio, `audio` float32 `[B, S]`
            in [-1, 1].
        `score`, only with control: the same inputs to the control mode's `extra_outputs`: `chosen`
            int32 `[B]` and, if it scores the outputs, `scores` float32 `[B, n]`. No video is
            returned.
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
    inputs = model.serving_inputs(clip)
    videos = [
        tf.TensorSpec([None, *shape], dtype, name=name) for name, (shape, dtype) in inputs.items()
    ]

    def score(tensors: Tensors) -> Tensors:
        answer = model.serve(tensors)
        return {name: answer[name] for name in model.system.control.extra_outputs}

    def evaluate(tensors: Tensors) -> Tensors:
        chunk = functools.partial(_evaluate, model, clip)
        return _in_chunks(chunk, tensors["examples"], model.scalars)

    def describe(tensors: Tensors) -> Tensors:
        return _describe(tensors["batch"], model, clip)

    functions = {
        "serving_default": _checked(model.serve, videos),
        "evaluate": _checked(evaluate, [tf.TensorSpec([None], tf.string, name="examples")]),
        "description": _checked(describe, [tf.TensorSpec([None], tf.int32, name="batch")]),
    }
    if model.system.control.extra_outputs:
        functions["score"] = _checked(score, videos)
    archive = keras.export.ExportArchive()
    archive.track(model)
    outputs = {}
    for name, function in functions.items():
        outputs[name] = function.get_concrete_function().structured_outputs
        archive.add_endpoint(name, function)
    archive.write_out(directory, verbose=False)
    _write_assets(inputs, outputs, clip, directory)


def _checked(function: Callable[[Tensors], Tensors], specs: list[tf.TensorSpec]) -> Any:
    """Return a `tf.function` of these inputs that fails unless they have their shapes."""

    def call(*tensors: tf.Tensor) -> Tensors:
        given = {
            spec.name: tf.ensure_shape(tensor, spec.shape)
            for spec, tensor in zip(specs, tensors, strict=True)
        }
        first, *others = (tf.shape(tensor)[0] for tensor in given.values())
        equal = [
            tf.debugging.assert_equal(size, first, "inputs: must have one batch size")
            for size in others
        ]
        with tf.control_dependencies(equal):
            return function({name: tf.identity(tensor) for name, tensor in given.items()})

    return tf.function(call, specs, autograph=False)


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


def _write_assets(
    inputs: InputSpecs, outputs: Mapping[str, Iterable[str]], clip: ClipConfig, directory: str
) -> None:
    """Write a warm-up request for each signature that clients call, and the clip for people."""
    zeros = {name: np.zeros((1, *shape), dtype) for name, (shape, dtype) in inputs.items()}
    default = tuple(default_outputs(outputs["serving_default"]))
    requests = [WarmUpRequest("serving_default", zeros, default)]
    if "score" in outputs:
        requests.append(WarmUpRequest("score", zeros))
    requests.append(WarmUpRequest("description", {"batch": np.zeros(1, np.int32)}))
    assets = storage.join(directory, "assets.extra")
    storage.make_dirs(assets)
    write_warm_up(requests, assets)
    storage.write_text(storage.join(directory, CLIP), json.dumps(clip.model_dump(), indent=2))
