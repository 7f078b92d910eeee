"""A model beside what it is compared with: rows, columns, slices, headline."""

import pytest

from components.estimates import Estimate
from components.evaluation.slice_metrics import EvaluationResults, SliceMetrics
from components.report.comparison import compare, headline, shown_measures, slices
from models.systems import get_system


def metrics(examples=10, **values):
    estimates = {n: Estimate(value=value, half_width=0.01) for n, value in values.items()}
    return SliceMetrics(examples=examples, estimates=estimates)


def measured(loss, identity, accuracy, examples=10):
    return metrics(
        examples,
        loss=loss,
        identity_loss=identity,
        relative_loss=loss / identity,
        control_accuracy=accuracy,
    )


RESULTS = EvaluationResults(
    slices={
        "": {"": measured(0.2, 0.4, 0.7, 20)},
        "mixture_type": {
            "transparency": measured(0.2, 0.4, 0.7),
            "occlusion": measured(0.3, 0.4, 0.6),
        },
        "v1_height": {"96": measured(0.2, 0.4, 0.7), "1080": measured(0.2, 0.4, 0.7)},
    }
)
NOTHING = EvaluationResults(slices={})


def compared(system, results, baseline=NOTHING):
    system = get_system(system)
    return compare(system, shown_measures(system, results), results, baseline)


def test_model_stands_beside_identity_the_last_model_and_the_published_figures():
    baseline = EvaluationResults(
        slices={"mixture_type": {"transparency": measured(0.25, 0.4, 0.5)}}
    )
    tables = {table.caption: table for table in compared("c3_internal", RESULTS, baseline)}
    assert list(tables) == ["transparency", "occlusion"]
    assert [row.label for row in tables["transparency"].rows] == [
        "this model",
        "Identity",
        "last blessed model",
        "Identity, published",
        "published",
    ]
    occlusion = [row.label for row in tables["occlusion"].rows]
    assert occlusion == ["this model", "Identity", "Identity, published"]
    values = {row.label: row.estimates for row in tables["transparency"].rows}
    assert values["this model"]["loss"] == Estimate(value=0.2, half_width=0.01)
    assert values["Identity"]["loss"].value == 0.4
    assert values["published"]["control_accuracy"] == Estimate(value=0.777)
    assert values["published"]["relative_loss"].value == pytest.approx(0.119 / 0.364)
    assert values["Identity, published"]["loss"].value == 0.364


def test_systems_without_control_show_no_control_accuracy():
    names = [measure.name for measure in shown_measures(get_system("c2"), RESULTS)]
    assert names == ["loss", "relative_loss"]
    controlled = shown_measures(get_system("c3_deterministic"), RESULTS)
    assert "control_accuracy" in [measure.name for measure in controlled]


def test_identity_is_not_compared_with_itself():
    same = EvaluationResults(slices={"mixture_type": {"transparency": measured(0.4, 0.4, 0.5)}})
    [table] = compared("identity", same)
    assert [row.label for row in table.rows] == ["this model", "published"]


def test_the_classifier_has_measures_of_its_own():
    own = metrics(5, accuracy=0.5, mixed_accuracy=0.4, cross_entropy=1.0)
    results = EvaluationResults(slices={"": {"": own}, "mixture_type": {"occlusion": own}})
    [table] = compared("i3d", results)
    assert [row.label for row in table.rows] == ["this model", "published"]
    assert table.rows[1].estimates["mixed_accuracy"] == Estimate(value=0.213)
    assert headline([table], table.measures)[0] == ("50 %", "accuracy, single videos, occlusion")


def test_headline_has_the_chief_measures_of_every_type():
    tables = compared("c3_internal", RESULTS)
    assert headline(tables, tables[0].measures) == [
        ("0.500", "loss relative to Identity's, transparency"),
        ("0.750", "loss relative to Identity's, occlusion"),
        ("70 %", "control accuracy, transparency"),
        ("60 %", "control accuracy, occlusion"),
    ]


def test_slices_leave_out_the_mixture_type_and_sort_numbers_by_size():
    [table] = slices(RESULTS, shown_measures(get_system("c2"), RESULTS))
    assert (table.caption, table.head) == ("By v1 height", "v1 height")
    assert [row.label for row in table.rows] == ["96", "1080"]


def test_the_clip_in_front_is_named_and_explained():
    every = {"0": 0.9, "1": 0.8, "2": 0.2}
    found = {value: measured(0.2, 0.4, accuracy) for value, accuracy in every.items()}
    results = EvaluationResults(slices={"front": found})
    [table] = slices(results, shown_measures(get_system("c2"), results))
    assert [row.label for row in table.rows] == ["neither", "target clip", "other clip"]
    assert table.note.startswith("Which clip is in front of the other: ")
