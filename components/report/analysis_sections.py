"""What an analysis of the model found, as a section of the page."""

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from components.analyses.action_recognition import INPUTS, MIXED, PURE
from components.analyses.control_shift import OTHER_SOUNDS, SILENCE, STRANGER
from components.html import figures as plots
from components.report.findings import CONTROL_ACCURACY, Measure, Row, Value
from models.published import TITLES, published
from models.systems import CLASSIFIER

_ACCURACY = Measure("accuracy", "accuracy", percent=True)


@dataclass(frozen=True)
class Analysis:
    """A section of the page.

    Attributes:
        title: its heading.
        about: what was measured, and how.
        plots: figures.
        measures: the columns of the tables.
        tables: caption -> rows.
    """

    title: str
    about: str
    plots: list[Markup]
    measures: list[Measure]
    tables: dict[str, list[Row]]


def control_shift(found: Mapping) -> Analysis:
    """Show control accuracy by control sound; `found`: see `control_shift.curve.summarise`."""
    by_type = {name: _heard(curve) for name, curve in found["mixture_types"].items()}
    measure = CONTROL_ACCURACY
    return Analysis(
        title="Control by shifted sound",
        about="How often the right output is chosen when the sound of the wanted video is taken "
        "earlier or later than its picture, and when another video's sound or silence is heard in "
        "its place. A shift is over the mixtures whose video goes on for so long.",
        plots=[
            plots.control_shift(
                f"{measure.title}, {name}", {sound: value for sound, (value, _) in curve.items()}
            )
            for name, curve in by_type.items()
        ],
        measures=[measure],
        tables={
            name: [
                Row(
                    sound_title(sound),
                    {measure.name: value},
                    count,
                    kind="own" if sound == 0 else "baseline",
                )
                for sound, (value, count) in curve.items()
            ]
            for name, curve in by_type.items()
        },
    )


def action_recognition(found: Mapping) -> Analysis:
    """Show action accuracy by input; `found`: see `action_recognition.protocol.summarise`."""
    tables = {name: _asked(name, kind) for name, kind in found["mixture_types"].items()}
    return Analysis(
        title="Actions in mixtures",
        about="How often the classes of both videos of a held-out mixture are named rightly: "
        "seeing each video alone, seeing the mixture, and seeing those outputs of a separator that "
        "the best assignment pairs with the videos.",
        plots=plots.comparisons(tables, [_ACCURACY]),
        measures=[_ACCURACY],
        tables=tables,
    )


def _heard(curve: Mapping) -> dict[float | str, tuple[Value, int]]:
    """Return sound -> control accuracy and over how many mixtures, where it is over any."""
    points = {point["seconds"]: point for point in curve["shifts"]}
    points |= {sound: curve[sound] for sound in OTHER_SOUNDS}
    return {
        sound: (_value(CONTROL_ACCURACY, point), point["mixtures"])
        for sound, point in points.items()
        if point["mixtures"]
    }


def _asked(mixture_type: str, found: Mapping) -> list[Row]:
    rows = []
    for seen, values in found["inputs"].items():
        title = action_title(seen)
        own = {_ACCURACY.name: _value(_ACCURACY, values)}
        kind = "baseline" if seen in INPUTS else "own"
        rows.append(Row(title, own, found["mixtures"], kind))
        theirs = published_action(seen, mixture_type)
        if theirs is not None:
            values = {_ACCURACY.name: Value(theirs)}
            rows.append(Row(f"{title}, published", values, kind="published"))
    return rows


def _value(measure: Measure, point: Mapping) -> Value:
    return Value(point[measure.name], point[f"{measure.name}_interval"])


def sound_title(sound: float | str) -> str:
    """Return the name of a control sound: of seconds of shift, `stranger` or `silence`."""
    if isinstance(sound, str):
        return {STRANGER: "a stranger's", SILENCE: "silence"}[sound]
    return f"V1's, shifted by {sound:+g} s"


def action_title(seen: str) -> str:
    """Return the name, in Table 3, of what the classifier saw."""
    known = {PURE: "I3D, pure video", MIXED: "I3D, mixed video"}
    return known[seen] if seen in known else f"{TITLES.get(seen, seen)} + I3D"


def published_action(seen: str, mixture_type: str) -> float | None:
    """Return the published action accuracy on what the classifier saw, or None."""
    of_i3d = {PURE: "accuracy", MIXED: "mixed_accuracy"}
    if seen in of_i3d:
        return published(CLASSIFIER, of_i3d[seen], mixture_type)
    return published(seen, "action_accuracy", mixture_type)
