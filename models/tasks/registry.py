"""The registry of tasks."""

import dataclasses

from models.measures import (
    ACCURACY,
    CONTROL_ACCURACY,
    CROSS_ENTROPY,
    IDENTITY_LOSS,
    LOSS,
    MIXED_ACCURACY,
    PSNR,
    RELATIVE_LOSS,
    SCORE_ERROR,
    SSIM,
)
from models.tasks.bounds import Bound, EvaluationSettings
from models.tasks.task import Task


def _separation_bounds(settings: EvaluationSettings) -> dict[str, Bound]:
    return {
        RELATIVE_LOSS.name: Bound(at_most=settings.relative_loss),
        LOSS.name: Bound(above_last_by=settings.worse_by),
    }


def _controlled_bounds(settings: EvaluationSettings) -> dict[str, Bound]:
    control = Bound(at_least=settings.control_accuracy, below_last_by=settings.control_worse_by)
    return {**_separation_bounds(settings), CONTROL_ACCURACY.name: control}


def _classification_bounds(settings: EvaluationSettings) -> dict[str, Bound]:
    return {ACCURACY.name: Bound(at_least=settings.accuracy)}


_SEPARATION_SCALARS = (LOSS, IDENTITY_LOSS, PSNR, SSIM, SCORE_ERROR, CONTROL_ACCURACY)
_CLASSIFICATION_MEASURES = (ACCURACY, MIXED_ACCURACY, CROSS_ENTROPY)

SEPARATION = Task(
    kind="separator",
    title="layer separation",
    model_class="models.tasks.separator:Separator",
    scalars=tuple(measure.name for measure in _SEPARATION_SCALARS),
    measures=(LOSS, RELATIVE_LOSS, PSNR, SSIM),
    bounds=_separation_bounds,
    separates_layers=True,
)
CONTROLLED_SEPARATION = dataclasses.replace(
    SEPARATION,
    kind="controlled-separator",
    title="layer separation controlled by audio",
    bounds=_controlled_bounds,
    uses_audio=True,
)
CLASSIFICATION = Task(
    kind="classifier",
    title="action classification",
    model_class="models.tasks.classifier:Classifier",
    scalars=(CROSS_ENTROPY.name, ACCURACY.name, MIXED_ACCURACY.name),
    measures=_CLASSIFICATION_MEASURES,
    bounds=_classification_bounds,
    needs_classes=True,
)

TASKS = {task.kind: task for task in (SEPARATION, CONTROLLED_SEPARATION, CLASSIFICATION)}
"""Every task by kind."""
