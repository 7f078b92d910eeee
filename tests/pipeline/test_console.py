import pytest
from made_up_runs import action_recognition, control_shift, metrics, separation, summary

from data_prep.errors import UserError
from pipeline.console import metrics_table, show
from pipeline.places import Places
from pipeline.run_summary import RunSummary


def shown(found, tmp_path, capsys):
    show(found, Places(tmp_path), seconds=12)
    return capsys.readouterr().out


def test_separators_metrics_stand_beside_identitys():
    table = metrics_table(summary("c3_internal", {"transparency": separation(0.3, 0.9)}))
    assert [measure.name for measure in table.measures] == [
        "loss",
        "relative_loss",
        "identity_loss",
        "control_accuracy",
    ]
    [row] = table.rows
    assert (row.label, row.examples) == ("transparency", 8)


def test_classifiers_metrics_are_its_own():
    found = metrics(accuracy=0.5, mixed_accuracy=0.4, cross_entropy=1.0)
    table = metrics_table(summary("i3d", {"occlusion": found}))
    assert [measure.name for measure in table.measures] == ["accuracy", "mixed_accuracy"]


def test_run_is_shown_in_tables_and_places(tmp_path, capsys):
    by_type = {"transparency": separation(0.3, 0.9), "occlusion": separation(0.35, 0.8)}
    analyses = {"control_shift": control_shift()}
    text = shown(summary("c3_internal", by_type, analyses), tmp_path, capsys)
    for words in (
        "C3, internal prediction on held-out mixtures",
        "0.300 ±0.010",
        "90 % ±1 %",
        "Control by shifted audio",
        "silent audio",
        "Blessed: the model reaches every threshold.",
        "report       /report.html",
        "pushed model /serving/1",
        "12 s in total",
    ):
        assert words in text
    assert "+9 s" not in text, "no window allows it"


def test_missed_thresholds_are_printed(tmp_path, capsys):
    found = summary(
        "i3d",
        {"transparency": metrics(accuracy=0.5, mixed_accuracy=0.4, cross_entropy=1.0)},
        {"action_recognition": action_recognition()},
        blessed=False,
        reasons=("occlusion: accuracy must be at least 0.9, got 0.500",),
        pushed=None,
        cached=("Trainer",),
    )
    text = shown(found, tmp_path, capsys)
    assert "Not blessed, so nothing was pushed:" in text
    assert "  occlusion: accuracy must be at least 0.9, got 0.500" in text
    assert "Served from the cache: Trainer" in text
    assert "C2 + I3D" in text
    assert "pushed model -" in text


def test_summary_is_read_as_it_was_written(tmp_path):
    written = summary(
        "c3_internal",
        {"transparency": separation(0.3)},
        {"control_shift": control_shift(), "action_recognition": action_recognition()},
    )
    path = str(tmp_path / "summary.json")
    written.write(path)
    assert RunSummary.read(path) == written


def test_summary_of_another_shape_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "summary.json"
    path.write_text('{"system": "c2", "loss": 1}')
    with pytest.raises(UserError, match=r"summary\.json: .*loss: unknown key"):
        RunSummary.read(str(path))


def test_brackets_in_names_and_paths_are_printed(tmp_path, capsys):
    found = summary("c3_internal", {"a_[red]type": separation(0.3, 0.9)})
    artifacts = found.artifacts.model_copy(update={"report": "/run [v1]/report.html"})
    text = shown(found.model_copy(update={"artifacts": artifacts}), tmp_path, capsys)
    assert "a [red]type" in text
    assert "/run [v1]/report.html" in text
