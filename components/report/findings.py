"""What the Evaluator found, as rows of tables that a person reads."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.evaluation.evaluation_results import Metrics, by_mixture_type
from models.published import published
from models.systems import SYSTEMS


@dataclass(frozen=True)
class Measure:
    """A metric as a table shows it.

    Attributes:
        name: the metric's.
        title: the column's.
        digits: after the point.
        percent: whether it is a share.
    """

    name: str
    title: str
    digits: int = 3
    percent: bool = False

    def format(self, value: float) -> str:
        """Say a value in the table's form."""
        return f"{100 * value:.0f} %" if self.percent else f"{value:.{self.digits}f}"


@dataclass(frozen=True)
class Value:
    """A number with the half-width of its 95 % interval, where it has one."""

    number: float
    half: float | None = None


@dataclass(frozen=True)
class Row:
    """A line of a table.

    Attributes:
        label: what was measured.
        values: metric -> value; a metric that was not measured is missing.
        examples: on how many examples; 0 where that is not known.
        kind: `own`, `baseline` or `published`.
    """

    label: str
    values: Mapping[str, Value]
    examples: int = 0
    kind: str = "own"


LOSS = Measure("loss", "loss")
RELATIVE_LOSS = Measure("relative_loss", "of Identity's loss", 2)
CONTROL_ACCURACY = Measure("control_accuracy", "control accuracy", percent=True)
SCORE_ERROR = Measure("score_error", "error of the scores")
_QUALITY = (Measure("psnr", "PSNR, dB", 1), Measure("ssim", "SSIM", 2))
_CLASSIFICATION = (
    Measure("accuracy", "accuracy, single videos", percent=True),
    Measure("mixed_accuracy", "accuracy, mixtures", percent=True),
    Measure("cross_entropy", "cross-entropy", 2),
)


def measures(system: str, metrics: Metrics) -> list[Measure]:
    """Return the measures that say something about a system, of those that there are."""
    if system not in SYSTEMS:
        wanted = _CLASSIFICATION
    else:
        control = (CONTROL_ACCURACY,) if SYSTEMS[system].hears else ()
        scores = (SCORE_ERROR,) if SYSTEMS[system].control == "internal" else ()
        wanted = (LOSS, RELATIVE_LOSS, *control, *scores, *_QUALITY)
    found = metrics.get("", {}).get("", {})
    return [measure for measure in wanted if measure.name in found]


def compare(system: str, metrics: Metrics, baseline: Metrics) -> dict[str, list[Row]]:
    """Set a model beside what it is compared with.

    Args:
        system: the model's.
        metrics: its metrics.
        baseline: those of the last blessed model; empty where there was none.

    Returns:
        mixture type -> this model, Identity, the last blessed model, the published figures of
        Identity and of this system.
    """
    rows = {}
    earlier = by_mixture_type(baseline)
    for name, own in by_mixture_type(metrics).items():
        rows[name] = [Row("this model", _values(own), int(own["examples"]))]
        if "identity_loss" in own and system != "identity":
            identity = {"loss": _value(own, "identity_loss"), "relative_loss": Value(1.0)}
            rows[name].append(Row("Identity", identity, int(own["examples"]), "baseline"))
        if name in earlier:
            values, count = _values(earlier[name]), int(earlier[name]["examples"])
            rows[name].append(Row("last blessed model", values, count, "baseline"))
        rows[name] += [
            Row(label, figures, kind="published")
            for known, label in {"identity": "Identity, published", system: "published"}.items()
            if (system in SYSTEMS or known == system) and (figures := _published(known, name))
        ]
    return rows


def _published(system: str, mixture_type: str) -> dict[str, Value]:
    names = [measure.name for measure in (LOSS, RELATIVE_LOSS, CONTROL_ACCURACY, *_CLASSIFICATION)]
    figures = {name: published(system, name, mixture_type) for name in names}
    return {name: Value(figure) for name, figure in figures.items() if figure is not None}


def slices(metrics: Metrics) -> dict[str, list[Row]]:
    """Return a row for each value of each feature, but for the mixture type."""
    return {
        feature: [
            Row(value or "none", _values(found), int(found["examples"]))
            for value, found in sorted(metrics[feature].items(), key=lambda item: _order(item[0]))
        ]
        for feature in sorted(metrics)
        if feature not in ("", "mixture_type")
    }


def _order(text: str) -> tuple:
    """Sort whole numbers by size, before all other texts."""
    return (0, int(text), "") if text.isdecimal() else (1, 0, text)


def headline(rows: Mapping[str, Sequence[Row]], shown: Sequence[Measure]) -> list[tuple[str, str]]:
    """Say the chief figures of the model at hand: (figure, what it is)."""
    chief = [m for m in shown if m.name in ("relative_loss", "control_accuracy", "accuracy")]
    chief += [m for m in shown if m.name == "mixed_accuracy"]
    return [
        (measure.format(own.values[measure.name].number), f"{measure.title}, {name}")
        for measure in chief
        for name, (own, *_) in rows.items()
    ]


def _values(metrics: Mapping[str, float]) -> dict[str, Value]:
    return {
        name: _value(metrics, name)
        for name, number in metrics.items()
        if f"{name}_interval" in metrics and not math.isnan(number)
    }


def _value(metrics: Mapping[str, float], name: str) -> Value:
    # One example says nothing about how much another would differ.
    half = metrics[f"{name}_interval"] if metrics["examples"] > 1 else None
    return Value(metrics[name], half)
