"""The papers' three tables and the control shift, out of a study's runs."""

from collections.abc import Sequence

from data_prep.pairing import MIXTURE_TYPES
from models.systems import CLASSIFIER
from pipeline.study.estimate import Estimate, over_seeds
from pipeline.study.runs import JUDGED, Run

SEPARATION = ("loss", "relative_loss", "psnr", "ssim", "control_accuracy", "score_error")


def separation(runs: Sequence[Run]) -> dict[str, dict[str, dict[str, Estimate]]]:
    """Average what the Evaluator measured of the separators.

    Returns:
        system -> mixture type -> metric of `SEPARATION` -> its figure; Tables 1 and 2.
    """
    return {
        system: {
            mixture_type: {
                metric: _metric([run.summary["metrics"][mixture_type] for run in own], metric)
                for metric in SEPARATION
            }
            for mixture_type in MIXTURE_TYPES
            if all(mixture_type in run.summary["metrics"] for run in own)
        }
        for system, own in _by_system(runs).items()
        if system != CLASSIFIER
    }


def action(runs: Sequence[Run]) -> dict[str, dict[str, Estimate]]:
    """Average the action accuracies.

    Returns:
        what the classifier saw (`pure`, `mixed`, or the separator whose outputs it saw) -> mixture
        type -> its accuracy; Table 3. Empty without the classifier.
    """
    found = [run.summary["action_accuracy"] for run in _by_system(runs).get(CLASSIFIER, [])]
    table = {}
    for seen in ("pure", "mixed", *JUDGED):
        for mixture_type in MIXTURE_TYPES:
            kinds = [one["mixture_types"].get(mixture_type, {"inputs": {}}) for one in found]
            cells = [kind["inputs"].get(seen) for kind in kinds]
            if cells and all(cells):
                table.setdefault(seen, {})[mixture_type] = _metric(cells, "accuracy")
    return table


def control_shift(runs: Sequence[Run]) -> dict[str, dict]:
    """Average the control accuracies by the control sound's shift.

    Returns:
        system -> `shifts`: seconds -> control accuracy; `silence` and `stranger`: control
        accuracy. Only of systems that were asked, and of shifts that some window allows.
    """
    table = {}
    for system, own in _by_system(runs).items():
        found = [run.summary["control_shift"] for run in own if "control_shift" in run.summary]
        if not found:
            continue
        curve = zip(*(one["shifts"] for one in found), strict=True)
        table[system] = {
            "shifts": {
                points[0]["seconds"]: _metric(points, "control_accuracy")
                for points in curve
                if points[0]["mixtures"]
            },
            "silence": _metric([one["silence"] for one in found], "control_accuracy"),
            "stranger": _metric([one["stranger"] for one in found], "control_accuracy"),
        }
    return table


def _by_system(runs: Sequence[Run]) -> dict[str, list[Run]]:
    return {
        system: [run for run in runs if run.system == system]
        for system in dict.fromkeys(run.system for run in runs)
    }


def _metric(cells: Sequence[dict], name: str) -> Estimate:
    return over_seeds([cell[name] for cell in cells], [cell[f"{name}_interval"] for cell in cells])


def to_json(value):
    """Turn figures, however deep in dictionaries, into what JSON can hold."""
    if isinstance(value, Estimate):
        return vars(value)
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    return value
