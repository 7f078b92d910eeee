"""Summaries of runs that never ran, for tests of what reads them."""

from components.analyses.action_recognition.recognition_results import (
    ActionRecognitionResults,
    TypeAccuracies,
)
from components.analyses.control_shift.shift_results import (
    ControlShiftResults,
    CuePoint,
    ShiftedPoint,
)
from components.estimates import Estimate
from components.evaluation.slice_metrics import SliceMetrics
from pipeline.run_summary import RunArtifacts, RunSummary


def metrics(**values):
    """The metrics of one slice with 8 examples, each ±0.01."""
    estimates = {name: Estimate(value=value, half_width=0.01) for name, value in values.items()}
    return SliceMetrics(examples=8, estimates=estimates)


def separation(loss, control=0.5):
    return metrics(
        loss=loss,
        identity_loss=0.4,
        relative_loss=loss / 0.4,
        psnr=15.0,
        ssim=0.5,
        control_accuracy=control,
        score_error=0.1,
    )


def by_classes(two, one):
    """Metrics of mixtures of two classes and of one, by their control accuracy."""
    return {"two classes": separation(0.3, two), "one class": separation(0.3, one)}


def summary(system, by_type, analyses=None, **values):
    found = RunSummary(
        pipeline="made-up",
        system=system,
        metrics=by_type,
        blessed=True,
        reasons=(),
        pushed="/serving/1",
        cached=(),
        seconds={"Trainer": 3.0},
        analyses=analyses or {},
        artifacts=RunArtifacts(
            mixtures="/m", model="/o", logs="/l", evaluation="/e", report="/report.html"
        ),
    )
    return found.model_copy(update=values)


def control_shift():
    accuracy = Estimate(value=0.9, half_width=0.02)
    shifts = tuple(
        ShiftedPoint(
            seconds=seconds,
            mixtures=8,
            control_accuracy=Estimate(value=0.9 - abs(seconds), half_width=0.02),
        )
        for seconds in (-0.5, 0, 0.5)
    )
    nowhere = ShiftedPoint(seconds=9, mixtures=0, control_accuracy=None)
    point = CuePoint(mixtures=8, control_accuracy=accuracy)
    return ControlShiftResults(
        mixtures=8,
        shifts=(*shifts, nowhere),
        silent_audio=point,
        same_class_audio=point,
        unrelated_audio=point,
        mixture_types={},
    )


def action_recognition():
    accuracy = Estimate(value=0.8, half_width=0.05)
    inputs = {"pure": accuracy, "mixed": accuracy, "c2": accuracy}
    return ActionRecognitionResults(
        classifier="i3d",
        mixtures=8,
        unlabeled=0,
        mixture_types={"transparency": TypeAccuracies(mixtures=8, inputs=inputs)},
    )
