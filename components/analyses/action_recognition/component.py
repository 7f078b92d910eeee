"""The papers' downstream task: actions are recognised in mixtures and in what they are made of.

Each held-out mixture asks two questions: the class of V1, and the class of V2. The classifier,
which was trained on single videos, answers from one of these inputs:

- `pure`: the video itself, before mixing;
- `mixed`: the mixture, for both questions;
- a separator's name: the output that the loss-minimal assignment of `L_pil` pairs with the video,
  so that no output answers for both. A separator that hears is given V1's sound.

The accuracy is the share of questions that are answered rightly. A class that the classifier does
not know cannot be answered rightly, and counts as wrong. A mixture of which one video has no class
is left out, and counted. The interval is over mixtures: the mean of a mixture's two questions is
one observation.

All videos are uint8, as they are served: a transparency is rounded to whole colours.
"""

import json
import os

import numpy as np
import tensorflow as tf
from tfx import v1 as tfx
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.analyses.action_recognition import MIXED, PURE
from components.analyses.action_recognition.protocol import summarise
from components.analyses.action_recognition.separators import load_separator
from components.analyses.artifact import Analysis, write_analysis
from data_prep.config import ClipConfig, load
from data_prep.mixing.compose import compose
from models.export.exported_model import ExportedModel
from models.losses.assignment import PermutationInvariantLoss, reconstruction
from models.tasks.separation import from_uint8, to_uint8
from models.training.inputs import find_files, read_once

_BATCH = 8


@tfx.dsl.components.component
def ActionRecognition(  # noqa: N802  (a component is named like a class)
    examples: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    classifier: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model],
    analysis: tfx.dsl.components.OutputArtifact[Analysis],
    separators: tfx.dsl.components.Parameter[str],
    clip: tfx.dsl.components.Parameter[str],
    code: tfx.dsl.components.Parameter[str],
):
    """Measure how well actions are recognised in mixtures, by input and mixture type.

    Args:
        examples: MixtureGen's records; the split `eval` is read.
        classifier: a SavedModel whose `serving_default` takes `video` and gives `label`.
        analysis: what `protocol.summarise` returns.
        separators: JSON text, name -> the folder of one version of a pushed separator.
        clip: JSON text, the shape of the records' clips.
        code: digest of the code that computes, so that TFX's cache sees a change of it.

    Raises:
        UserError: a separator cannot be loaded, or takes clips of another shape.
    """
    shape = load(ClipConfig, json.loads(clip), "data.clip")
    pushed = {
        name: load_separator(name, folder, shape) for name, folder in json.loads(separators).items()
    }
    model = ExportedModel(path_utils.serving_model_path(classifier.uri))
    split = artifact_utils.get_split_uri([examples], "eval")
    files = find_files([os.path.join(split, "*")])
    write_analysis(analysis.uri, analyse(files, shape, model, pushed))


def analyse(
    files: list[str],
    clip: ClipConfig,
    classifier: ExportedModel,
    separators: dict[str, ExportedModel],
) -> dict:
    """Ask about every mixture of some files.

    Args:
        files: TFRecord files.
        clip: the shape of their clips.
        classifier: what names the classes.
        separators: by name.

    Returns:
        What `protocol.summarise` returns.
    """
    answers, labels, mixture_types = [], [], []
    for batch in read_once(files, clip, batch=_BATCH):
        answers.append(_answer(batch, classifier, separators))
        labels.append(_columns(*(_texts(batch[name]) for name in ("v1_label", "v2_label"))))
        mixture_types += _texts(batch["mixture_type"])
    together = {name: np.concatenate([given[name] for given in answers]) for name in answers[0]}
    return summarise(together, np.concatenate(labels), np.array(mixture_types))


def _answer(batch, classifier, separators) -> dict[str, np.ndarray]:
    """Return the classes answered from each input, text `[B, 2]`."""
    classify = classifier.classify
    videos = (batch["v1"], batch["v2"])
    truths = [from_uint8(video) for video in videos]
    mixture = to_uint8(compose(*truths, batch["alpha"]))
    answers = {PURE: _columns(*map(classify, videos)), MIXED: _columns(*[classify(mixture)] * 2)}
    for name, separator in separators.items():
        outputs = separator.separate(mixture, batch["sound1"])["outputs"]
        values = from_uint8(outputs)
        distances = (reconstruction(truth, values) for truth in truths)
        slots = PermutationInvariantLoss().assign(*distances)
        chosen = (tf.gather(outputs, slot, batch_dims=1) for slot in slots)
        answers[name] = _columns(*map(classify, chosen))
    return answers


def _texts(strings: tf.Tensor) -> list[str]:
    return [value.decode() for value in strings.numpy()]


def _columns(*columns: list[str]) -> np.ndarray:
    return np.array(columns, object).T
