"""Control accuracy as the control sound is shifted against the picture.

Each held-out mixture is separated once a point of the curve, with V1's sound taken so many seconds
later or earlier than its picture; with silence; and with a stranger's sound, that of another
mixture's V1. What is measured is what the Evaluator measures: records are given another control
sound, and the model's `evaluate` signature says whether the chosen output is nearer to V1 than to
V2. Hence the curve at 0 is the Evaluator's control accuracy on the same mixtures, to the last bit.

A record holds its own window's sound alone, so shifted ones are read from the videos again. A shift
for which the window would leave the video is left out for that mixture: the points of the curve are
over different mixtures, and each says over how many.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

import numpy as np
import tensorflow as tf
from tfx import v1 as tfx
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.analyses.artifact import Analysis, write_analysis
from components.analyses.control_shift.control_audio import Point, Sounds
from components.analyses.control_shift.curve import Choices, summarise
from components.analyses.control_shift.records import HeldOut, mixture_id, read_held_out, with_sound
from components.analyses.control_shift.settings import ShiftConfig
from components.analyses.control_shift.spans import find_manifest
from data_prep.config import ClipConfig, load
from data_prep.errors import UserError
from data_prep.sources import manifest
from data_prep.sources.manifest import Video
from models.export.exported_model import ExportedModel
from models.export.saved_model import EVALUATION_BATCH
from models.training.inputs import find_files

_SPAN = "span"

Evaluate = Callable[[np.ndarray], Mapping[str, np.ndarray]]


@tfx.dsl.components.component
def ControlShift(  # noqa: N802  (a component is named like a class)
    examples: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    model: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model],
    analysis: tfx.dsl.components.OutputArtifact[Analysis],
    manifests: tfx.dsl.components.Parameter[str],
    settings: tfx.dsl.components.Parameter[str],
    clip: tfx.dsl.components.Parameter[str],
    code: tfx.dsl.components.Parameter[str],
):
    """Measure the control accuracy under shifted sounds, silence and a stranger's sound.

    Args:
        examples: MixtureGen's records; the split `eval` is read.
        model: a SavedModel whose `evaluate` gives `control_accuracy`.
        analysis: what `analyse` returns.
        manifests: folder of the manifests' spans, of which MixtureGen read one.
        settings: JSON text, a `ShiftConfig`.
        clip: JSON text, the shape of the records' clips.
        code: digest of the code that computes, so that TFX's cache sees a change of it.

    Raises:
        UserError: the manifest is missing, or none of its videos can be read any more.
    """
    span = examples.span or examples.get_int_custom_property(_SPAN)
    separator = ExportedModel(path_utils.serving_model_path(model.uri))
    split = artifact_utils.get_split_uri([examples], "eval")
    found = analyse(
        find_files([os.path.join(split, "*")]),
        separator.evaluate,
        manifest.read(find_manifest(manifests, span)),
        load(ShiftConfig, json.loads(settings), "analysis"),
        load(ClipConfig, json.loads(clip), "data.clip"),
    )
    write_analysis(analysis.uri, found)


def analyse(
    files: list[str],
    evaluate: Evaluate,
    videos: list[Video],
    config: ShiftConfig,
    clip: ClipConfig,
) -> dict:
    """Measure every point of the curve.

    Args:
        files: TFRecord files.
        evaluate: serialized records `[B]` to scalars, of which `control_accuracy` `[B]` is read.
        videos: those that the records were made of.
        config: the curve's points and size.
        clip: the shape of the records' clips.

    Returns:
        What `curve.summarise` returns, and `unreadable`: of how many mixtures the video can no
        longer be read, which the shifts are then not over.

    Raises:
        UserError: none of the videos can be read.
    """
    mixtures = read_held_out(files, config.mixtures)
    sounds = Sounds(mixtures, videos, config, clip)
    choices = _choose(evaluate, _variants(files, mixtures, sounds))
    if len(sounds.unreadable) == len(mixtures):
        reason = next(iter(sounds.unreadable.values()))
        raise UserError(f"control shift: videos must lie where the manifest says: {reason}")
    types = {name: mixture.mixture_type for name, mixture in mixtures.items()}
    return {
        **summarise(choices, sorted(set(config.shifts)), types),
        "unreadable": len(sounds.unreadable),
    }


def _variants(
    files: list[str], mixtures: Mapping[str, HeldOut], sounds: Sounds
) -> Iterator[tuple[Point, str, bytes]]:
    """Give (point, mixture, record) of every sound that a mixture is heard with."""
    for serialized in tf.data.TFRecordDataset(files).as_numpy_iterator():
        name = mixture_id(serialized)
        if name in mixtures:
            for point, sound in sounds.of(mixtures[name]).items():
                yield point, name, with_sound(serialized, sound)


def _choose(evaluate: Evaluate, variants: Iterable[tuple[Point, str, bytes]]) -> Choices:
    """Let the model choose, a few records at a time."""
    variants = iter(variants)
    choices: dict[Point, dict[str, float]] = {}
    while chunk := list(islice(variants, EVALUATION_BATCH)):
        records = np.array([record for _, _, record in chunk], object)
        right = evaluate(records)["control_accuracy"]
        for (point, name, _), value in zip(chunk, right.tolist(), strict=True):
            choices.setdefault(point, {})[name] = value
    return choices
