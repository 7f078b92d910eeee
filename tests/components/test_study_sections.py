"""The analyses' sections of the study: averages over seeds beside the published figures."""

import pytest

from components.analyses.action_recognition.recognition_analysis import ActionRecognitionAnalysis
from components.analyses.action_recognition.recognition_results import (
    ActionRecognitionResults,
    TypeAccuracies,
)
from components.analyses.control_shift.shift_analysis import ControlShiftAnalysis
from components.analyses.control_shift.shift_results import SILENT_AUDIO, summarize
from components.estimates import Estimate
from components.tables import markdown
from models.systems import get_system


def recognized(accuracy, names=("pure", "c2")):
    inputs = dict.fromkeys(names, Estimate(value=accuracy, half_width=0.05))
    types = {"transparency": TypeAccuracies(mixtures=9, inputs=inputs)}
    return ActionRecognitionResults(classifier="i3d", mixtures=9, unlabeled=0, mixture_types=types)


def curve(right, classes=("", "")):
    choices = {0.0: {"a": right, "b": 1.0}, SILENT_AUDIO: {"a": 1.0, "b": 0.0}}
    types = dict.fromkeys("ab", "occlusion")
    return summarize(choices, (0.0,), types, dict(zip("ab", classes, strict=True)))


def test_actions_are_averaged_over_seeds_beside_the_published_figures():
    found = ActionRecognitionAnalysis().study_section({"i3d": [recognized(0.5), recognized(0.7)]})
    assert found.title == "Table 3: action recognition"
    lines = markdown(found.tables[0]).splitlines()
    assert lines[0] == "| input | transparency | published |"
    assert lines[2].startswith("| I3D, pure video | 60.0 % ±")
    assert lines[2].endswith("| 59.5 % |")
    assert lines[3].startswith("| C2 + I3D | 60.0 % ±")
    assert lines[3].endswith("| 40.1 % |")


def test_inputs_that_a_seed_lacks_are_left_out():
    results = [recognized(0.5), recognized(0.7, names=("pure",))]
    table = ActionRecognitionAnalysis().study_section({"i3d": results}).tables[0]
    assert [row.label for row in table.rows] == ["I3D, pure video"]


def test_curves_have_a_column_per_system():
    results = {"c3_deterministic": [curve(0.0), curve(1.0)], "c3_internal": [curve(1.0)]}
    table = ControlShiftAnalysis().study_section(results).tables[0]
    titles = [get_system(name).title for name in results]
    assert [measure.title for measure in table.measures] == titles
    rows = {row.label: row.estimates for row in table.rows}
    assert list(rows) == ["V1's audio, shifted by +0 s", SILENT_AUDIO]
    assert rows["V1's audio, shifted by +0 s"]["c3_deterministic"].value == 0.75
    assert rows["V1's audio, shifted by +0 s"]["c3_internal"].value == 1.0


def test_curves_of_two_classes_and_of_one_have_a_column_and_a_panel_each(tmp_path):
    classes = ("one class", "two classes")
    results = {
        "c3_deterministic": [curve(0.0, classes), curve(1.0, classes)],
        "c3_internal": [curve(0.0, classes)],
    }
    section = ControlShiftAnalysis().study_section(results)
    [table] = section.tables
    cells = {m.title: table.rows[0].estimates[m.name].value for m in table.measures}
    assert cells == {
        "C3, deterministic control, two classes": 1.0,
        "C3, deterministic control, one class": 0.5,
        "C3, internal prediction, two classes": 1.0,
        "C3, internal prediction, one class": 0.0,
    }
    section.draw(tmp_path / "figure.svg")
    drawn = (tmp_path / "figure.svg").read_text()
    assert all(f"<!-- {title} -->" in drawn for title in cells)


def test_mixtures_of_two_classes_alone_are_the_whole():
    results = {"c3_internal": [curve(1.0, ("two classes", ""))]}
    [table] = ControlShiftAnalysis().study_section(results).tables
    assert [measure.title for measure in table.measures] == ["C3, internal prediction"]


@pytest.mark.parametrize(
    ("analysis", "results"),
    [
        (ActionRecognitionAnalysis(), {"i3d": [recognized(0.5)]}),
        (ControlShiftAnalysis(), {"c3_internal": [curve(1.0)]}),
    ],
)
def test_figures_are_files_that_do_not_change(analysis, results, tmp_path):
    section = analysis.study_section(results)
    for name in ("first.svg", "second.svg"):
        section.draw(tmp_path / name)
    first, second = ((tmp_path / f"{name}.svg").read_bytes() for name in ("first", "second"))
    assert first == second
    assert b"<svg" in first
    assert section.file_name.endswith(".svg")


def test_without_results_there_is_no_section():
    assert ActionRecognitionAnalysis().study_section({}) is None
    assert ControlShiftAnalysis().study_section({}) is None


def test_the_console_has_inputs_by_mixture_type_and_one_curve():
    [actions] = ActionRecognitionAnalysis().tables(recognized(0.5))
    assert [measure.title for measure in actions.measures] == ["transparency"]
    assert [row.label for row in actions.rows] == ["I3D, pure video", "C2 + I3D"]
    [shifts] = ControlShiftAnalysis().tables(curve(1.0))
    assert [(row.label, row.examples) for row in shifts.rows] == [
        ("V1's audio, shifted by +0 s", 2),
        (SILENT_AUDIO, 2),
    ]
    [shifts] = ControlShiftAnalysis().tables(curve(0.0, ("one class", "two classes")))
    titles = [measure.title for measure in shifts.measures]
    assert titles == ["control accuracy", "two classes", "one class"]
    values = [shifts.rows[0].estimates[measure.name].value for measure in shifts.measures]
    assert values == [0.5, 1.0, 0.0]


@pytest.mark.parametrize(
    ("analysis", "systems"),
    [
        (ActionRecognitionAnalysis(), {"i3d"}),
        (ControlShiftAnalysis(), {"c3_deterministic", "c3_internal"}),
    ],
)
def test_analyses_apply_to_systems_by_what_they_can_do(analysis, systems):
    every = ("identity", "c2", "c3_deterministic", "c3_internal", "i3d")
    applies = {n for n in every if analysis.applies_to(get_system(n), analysis.settings())}
    assert applies == systems
