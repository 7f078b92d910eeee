"""The papers' three tables and the control shift, out of a study's runs."""

from collections.abc import Mapping, Sequence

from components.analyses.action_recognition import INPUTS
from components.analyses.control_shift import OTHER_SOUNDS
from data_prep.mixing.pairing import MIXTURE_TYPES
from models.systems import CLASSIFIER, SYSTEMS
from pipeline.study.estimate import Estimate, Key, over_seeds
from pipeline.study.runs import JUDGED, Run

SEPARATION = ("loss", "relative_loss", "psnr", "ssim", "control_accuracy")

Column = dict[str, Estimate]
"""Row -> its figure."""


def separation(runs: Sequence[Run]) -> dict[str, dict[str, Column]]:
    """Average what the Evaluator measured of the separators; Tables 1 and 2.

    Returns:
        mixture type -> metric of `SEPARATION` -> system -> its figure; and `score_error`, of the
        systems that score their outputs.
    """
    own = {name: found for name, found in _by_system(runs).items() if name != CLASSIFIER}
    table = {}
    for mixture_type in MIXTURE_TYPES:
        cells = {
            system: [run.summary["metrics"].get(mixture_type) for run in found]
            for system, found in own.items()
        }
        scored = {name: cells[name] for name in cells if SYSTEMS[name].control == "internal"}
        table[mixture_type] = {
            **{metric: _average(cells, metric) for metric in SEPARATION},
            "score_error": _average(scored, "score_error"),
        }
    return table


def action(runs: Sequence[Run]) -> dict[str, Column]:
    """Average the action accuracies; Table 3.

    Returns:
        mixture type -> what the classifier saw (`pure`, `mixed`, or the separator whose outputs it
        saw) -> its accuracy.
    """
    found = [run.summary["action_accuracy"] for run in _by_system(runs).get(CLASSIFIER, [])]
    table = {}
    for mixture_type in MIXTURE_TYPES:
        inputs = [one["mixture_types"].get(mixture_type, {}).get("inputs", {}) for one in found]
        cells = {seen: [one.get(seen) for one in inputs] for seen in (*INPUTS, *JUDGED)}
        table[mixture_type] = _average(cells, "accuracy")
    return table


def control_shift(runs: Sequence[Run]) -> dict[str, dict[float | str, Estimate]]:
    """Average the control accuracies by the control sound's shift.

    Returns:
        system -> seconds, `stranger` or `silence` -> control accuracy; of systems that were asked.
    """
    table = {}
    for system, own in _by_system(runs).items():
        found = [run.summary["control_shift"] for run in own if "control_shift" in run.summary]
        if found:
            curve = zip(*(one["shifts"] for one in found), strict=True)
            cells = {points[0]["seconds"]: points for points in curve}
            cells |= {sound: [one[sound] for one in found] for sound in OTHER_SOUNDS}
            table[system] = _average(cells, "control_accuracy")
    return table


def _by_system(runs: Sequence[Run]) -> dict[str, list[Run]]:
    return {
        system: [run for run in runs if run.system == system]
        for system in dict.fromkeys(run.system for run in runs)
    }


def _average(cells: Mapping[Key, Sequence[dict | None]], metric: str) -> dict[Key, Estimate]:
    """Average a metric in every cell, but in those where it was over no example."""
    return over_seeds(
        {
            key: [(seed[metric], seed[f"{metric}_interval"]) for seed in seeds]
            for key, seeds in cells.items()
            if seeds and all(seed and seed[metric] is not None for seed in seeds)
        }
    )


def to_json(value):
    """Turn figures, however deep in dictionaries, into what JSON can hold."""
    if isinstance(value, Estimate):
        return vars(value)
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    return value
