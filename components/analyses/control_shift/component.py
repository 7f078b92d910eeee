"""Control accuracy as the audio cue is shifted against the video.

Each held-out mixture is separated once per point of the curve, with V1's audio taken some seconds
later or earlier than its video; once with silent audio; and twice with unrelated audio, that of
another mixture's V1, once of V1's class and once of another. The measurement is the Evaluator's:
records get another audio cue, and the model's `evaluate` signature says whether the chosen output
is closer to V1 than to V2. So the curve at 0 equals the Evaluator's control accuracy on the same
mixtures to the last bit.

A record holds only its window's audio, so shifted audio is read from the videos again. A
shift for which the window would leave the video is left out for that mixture: the points of the
curve cover different mixtures, and each has its own count.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
import tensorflow as tf
from tfx import v1 as tfx
from tfx.types.standard_artifacts import Examples, Model
from tfx.utils import path_utils

from components.analyses.analysis_file import write_analysis
from components.analyses.artifact import AnalysisArtifact
from components.analyses.control_shift.control_audio import ControlAudio
from components.analyses.control_shift.held_out import (
    HeldOutMixture,
    read_held_out,
    with_audio,
)
from components.analyses.control_shift.shift_results import (
    NAME,
    Choices,
    ControlShiftResults,
    ControlShiftSettings,
    Cue,
    summarize,
)
from components.analyses.request import AnalysisRequest
from components.held_out_files import held_out_files
from components.mixture_gen.spans import find_manifest
from data_prep.errors import UserError
from data_prep.records.record import read_texts
from data_prep.sources import manifest
from data_prep.sources.videos import Video
from models.export.exported_model import ExportedModel
from models.export.saved_model import EVALUATION_BATCH
from models.measures import CONTROL_ACCURACY

Evaluate = Callable[[np.ndarray], Mapping[str, np.ndarray]]
Request = AnalysisRequest[ControlShiftSettings]


@tfx.dsl.components.component
def ControlShift(  # noqa: N802  (a component is named like a class)
    examples: tfx.dsl.components.InputArtifact[Examples],
    model: tfx.dsl.components.InputArtifact[Model],
    analysis: tfx.dsl.components.OutputArtifact[AnalysisArtifact],
    manifests: tfx.dsl.components.Parameter[str],
    settings: tfx.dsl.components.Parameter[str],
    code: tfx.dsl.components.Parameter[str],
) -> None:
    """Measure the control accuracy with shifted, silent and unrelated audio.

    Args:
        examples: MixtureGen's records; the split `eval` is read.
        model: a SavedModel whose `evaluate` signature returns `control_accuracy`.
        analysis: receives `ControlShiftResults`.
        manifests: folder of the manifests' spans, one of which MixtureGen read.
        settings: JSON text of a `Request`.
        code: digest of the code that computes, so that TFX's cache notices a change.

    Raises:
        UserError: the manifest is missing, or none of its videos can be read any more.
    """
    span = examples.span or examples.get_int_custom_property("span")
    results = analyze(
        held_out_files(examples),
        ExportedModel(path_utils.serving_model_path(model.uri)).evaluate,
        manifest.read(find_manifest(manifests, span)),
        Request.model_validate_json(settings),
    )
    write_analysis(analysis.uri, NAME, results)


def analyze(
    files: list[str], evaluate: Evaluate, videos: Sequence[Video], request: Request
) -> ControlShiftResults:
    """Measure every point of the curve.

    Args:
        files: TFRecord files.
        evaluate: function of serialized records `[B]` that returns scalars, among them
            `control_accuracy` `[B]`.
        videos: the videos that the records were made from.
        request: the curve's points and size, the clips and the seed.

    Raises:
        UserError: none of the videos can be read.
    """
    asked = request.settings
    mixtures = read_held_out(files, asked.mixtures)
    audio = ControlAudio(mixtures, videos, asked.shifts, request.clip, seed=request.seed)
    choices = _choose(evaluate, _variants(files, mixtures, audio))
    if mixtures and len(audio.unreadable) == len(mixtures):
        reason = next(iter(audio.unreadable.values()))
        raise UserError(f"control shift: videos must lie where the manifest says, got {reason}")
    return summarize(
        choices,
        sorted(set(asked.shifts)),
        {name: mixture.mixture_type for name, mixture in mixtures.items()},
        {name: mixture.classes for name, mixture in mixtures.items()},
        unreadable=len(audio.unreadable),
    )


def _variants(
    files: list[str], mixtures: Mapping[str, HeldOutMixture], audio: ControlAudio
) -> Iterator[tuple[Cue, str, bytes]]:
    """Yield (cue, mixture, record) for every cue of every mixture."""
    for serialized in tf.data.TFRecordDataset(files).as_numpy_iterator():
        name = read_texts(serialized, ["mixture_id"])["mixture_id"]
        if name in mixtures:
            for cue, samples in audio.of(mixtures[name]).items():
                yield cue, name, with_audio(serialized, samples)


def _choose(evaluate: Evaluate, variants: Iterable[tuple[Cue, str, bytes]]) -> Choices:
    """Let the model choose, a few records at a time."""
    variants = iter(variants)
    choices: dict[Cue, dict[str, float]] = {}
    while chunk := list(islice(variants, EVALUATION_BATCH)):
        records = np.array([record for _, _, record in chunk], object)
        right = evaluate(records)[CONTROL_ACCURACY.name]
        for (cue, name, _), value in zip(chunk, right.tolist(), strict=True):
            choices.setdefault(cue, {})[name] = value
    return choices
