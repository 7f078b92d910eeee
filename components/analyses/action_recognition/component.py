"""The papers' downstream task: actions are recognized in mixtures and in their layers.

Each held-out mixture asks two questions: the class of V1, and the class of V2. The classifier,
which was trained on single videos, answers from one of these inputs:

- `pure`: the video itself, before mixing;
- `mixed`: the mixture, for both questions;
- a separator's name: the output that the loss-minimal assignment of `L_pil` pairs with the video,
  so that no output answers both questions. A separator that uses audio gets the audio of V1.

The accuracy is the share of right answers. A class that the classifier does not know cannot be
answered and counts as wrong. A mixture is left out, and counted, if one of its videos has no
class. The interval is over mixtures: the mean of a mixture's two answers is one observation.

All videos are uint8, as they are served: a transparency is rounded to whole colors.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tfx import v1 as tfx
from tfx.types.standard_artifacts import Examples, Model
from tfx.utils import path_utils

from components.analyses.action_recognition.recognition_results import (
    MIXED,
    NAME,
    PURE,
    ActionRecognitionResults,
    ActionRecognitionSettings,
    summarize,
)
from components.analyses.action_recognition.separators import load_separator
from components.analyses.analysis_file import write_analysis
from components.analyses.artifact import AnalysisArtifact
from components.analyses.request import AnalysisRequest
from components.held_out_files import held_out_files
from data_prep.config import ClipConfig
from data_prep.mixing.compose import mix_uint8
from models.export.exported_model import ExportedModel
from models.losses.assignment import PermutationInvariantLoss
from models.losses.reconstruction import reconstruction
from models.pixels import from_uint8
from models.training.inputs import read_once

Request = AnalysisRequest[ActionRecognitionSettings]

_BATCH = 8


@tfx.dsl.components.component
def ActionRecognition(  # noqa: N802  (a component is named like a class)
    examples: tfx.dsl.components.InputArtifact[Examples],
    classifier: tfx.dsl.components.InputArtifact[Model],
    analysis: tfx.dsl.components.OutputArtifact[AnalysisArtifact],
    settings: tfx.dsl.components.Parameter[str],
    code: tfx.dsl.components.Parameter[str],
) -> None:
    """Measure how well actions are recognized, by input and mixture type.

    Args:
        examples: MixtureGen's records; the split `eval` is read.
        classifier: a SavedModel whose `serving_default` takes `video` and returns `label`.
        analysis: receives `ActionRecognitionResults`.
        settings: JSON text of a `Request`.
        code: digest of the code that computes, so that TFX's cache notices a change.

    Raises:
        UserError: a separator cannot be loaded, or takes clips of another shape.
    """
    request = Request.model_validate_json(settings)
    separators = {
        name: load_separator(name, folder, request.clip)
        for name, folder in request.settings.separators.items()
    }
    model = ExportedModel(path_utils.serving_model_path(classifier.uri))
    results = analyze(held_out_files(examples), request.clip, model, separators)
    write_analysis(analysis.uri, NAME, results)


def analyze(
    files: list[str],
    clip: ClipConfig,
    classifier: ExportedModel,
    separators: Mapping[str, ExportedModel],
) -> ActionRecognitionResults:
    """Ask about every mixture.

    Args:
        files: TFRecord files.
        clip: the shape of their clips.
        classifier: the model that names the classes.
        separators: name -> separator.
    """
    answers, labels, mixture_types = [], [], []
    for batch in read_once(files, clip, batch=_BATCH):
        answers.append(_answer(batch, classifier, separators))
        labels.append(_columns(_texts(batch["v1_label"]), _texts(batch["v2_label"])))
        mixture_types += _texts(batch["mixture_type"])
    together = {name: np.concatenate([given[name] for given in answers]) for name in answers[0]}
    return summarize(
        classifier.system.name, together, np.concatenate(labels), np.array(mixture_types)
    )


def _answer(
    batch: Mapping[str, tf.Tensor],
    classifier: ExportedModel,
    separators: Mapping[str, ExportedModel],
) -> dict[str, np.ndarray]:
    """Return the classes answered from each input, text `[B, 2]`."""
    v1, v2 = batch["v1"].numpy(), batch["v2"].numpy()
    mixture = mix_uint8(v1, v2, batch["alpha"].numpy())
    mixed = classifier.classify(mixture)
    answers = {
        PURE: _columns(classifier.classify(v1), classifier.classify(v2)),
        MIXED: _columns(mixed, mixed),
    }
    for name, separator in separators.items():
        outputs = separator.separate(mixture, batch["audio1"])["outputs"]
        values = from_uint8(outputs)
        distances = (reconstruction(from_uint8(video), values) for video in (v1, v2))
        slots = PermutationInvariantLoss().assign(*distances)
        chosen = (tf.gather(outputs, slot, batch_dims=1) for slot in slots)
        answers[name] = _columns(*map(classifier.classify, chosen))
    return answers


def _texts(strings: tf.Tensor) -> list[str]:
    return [value.decode() for value in strings.numpy()]


def _columns(first: list[str], second: list[str]) -> np.ndarray:
    return np.array([first, second], object).T
