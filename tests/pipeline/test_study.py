import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data_prep.errors import UserError
from pipeline.study import averages as results
from pipeline.study import tables as page
from pipeline.study.drawings import draw_control_shift, draw_rows
from pipeline.study.estimate import Estimate, over_seeds
from pipeline.study.runs import Run, check_systems, without_classes


def test_one_seed_has_the_examples_interval():
    assert over_seeds({"a": [(0.3, 0.02)]}) == {"a": Estimate(0.3, 0.02, (0.3,))}


def test_seeds_widen_the_interval_by_students_t():
    values = [0.30, 0.32, 0.37]
    found = over_seeds({"a": [(value, 0.0) for value in values]})["a"]
    # 4.302653 is the 97.5 % point of Student's t with 2 degrees of freedom.
    half = 4.302653 * np.std(values, ddof=1) / np.sqrt(3)
    assert found.interval == pytest.approx(half)
    assert found.mean == pytest.approx(0.33)
    both = over_seeds({"a": [(v, h) for v, h in zip(values, (0.02, 0.03, 0.04), strict=True)]})
    assert both["a"].interval == pytest.approx(np.hypot(0.03, half))


def test_intervals_of_few_noisy_seeds_hold_the_truth():
    rng = np.random.default_rng(0)
    hits = total = 0
    for _ in range(300):
        truth = rng.uniform(size=5)
        cells = {i: [(rng.normal(truth[i], 0.1), 0.0) for _ in range(2)] for i in range(5)}
        found = over_seeds({**cells, "one seed": [(0.5, 0.01)]})
        assert found.pop("one seed").interval == pytest.approx(0.01)
        hits += sum(abs(cell.mean - truth[i]) <= cell.interval for i, cell in found.items())
        total += 5
    assert 0.93 <= hits / total <= 0.97


def metrics(loss, control):
    values = {"loss": loss, "relative_loss": loss / 0.4, "psnr": 15.0, "ssim": 0.5}
    values |= {"control_accuracy": control, "score_error": 0.0}
    return {**values, **{f"{name}_interval": 0.01 for name in values}}


@pytest.fixture
def runs():
    """Runs of three systems with two seeds, made up."""
    found = []
    for seed in range(2):
        for system, loss in (("identity", 0.4), ("c2", 0.3 + 0.02 * seed)):
            kinds = {"transparency": metrics(loss, 0.5), "occlusion": metrics(loss + 0.1, 0.5)}
            found.append(Run(system, seed, {"metrics": kinds}))
        point = {"control_accuracy": 0.9, "control_accuracy_interval": 0.02, "mixtures": 8}
        curve = [{"seconds": s, **point, "control_accuracy": 0.9 - abs(s)} for s in (-0.5, 0, 0.5)]
        curve.append({"seconds": 9, "mixtures": 0, **dict.fromkeys(metrics(0, 0))})
        shift = {"shifts": curve, "silence": point, "stranger": point}
        kinds = {"transparency": metrics(0.31, 0.9)}
        found.append(Run("c3_internal", seed, {"metrics": kinds, "control_shift": shift}))
        seen = {"accuracy": 0.8, "accuracy_interval": 0.05}
        inputs = {"pure": seen, "mixed": seen, "c2": seen}
        action = {"mixture_types": {"transparency": {"inputs": inputs}}}
        found.append(Run("i3d", seed, {"metrics": {}, "action_accuracy": action}))
    return found


def test_tables_average_the_seeds_and_quote_the_papers(runs):
    separation = results.separation(runs)
    assert separation["transparency"]["loss"]["c2"].seeds == (0.3, 0.32)
    parameters = dict.fromkeys(("identity", "c2", "c3_internal"), 1_230_000)
    table = page.table_1(separation, parameters, {"c2": 27.1})
    lines = {line.split(" | ")[0]: line for line in table.splitlines()}
    assert "| 0.310 ±" in lines["| C2"]
    assert "| 0.120 |" in lines["| C2"]
    assert lines["| C2"].endswith("| 1.23 M | 27.1 M |")
    assert "| - |" in lines["| C3, internal prediction"], "it was given no occlusions"
    controlled = page.table_2(separation, ["c2", "c3_internal"])
    assert "90.0% ±" in controlled
    assert "77.7%" in controlled
    assert "Identity" not in controlled
    action = page.table_3(results.action(runs))
    assert [line.split(" | ")[0] for line in action.splitlines()[2:]] == [
        "| I3D, pure video", "| I3D, mixed video", "| C2 + I3D",
    ]  # fmt: skip
    assert "| 40.1% |" in action
    shift = page.table_shift(results.control_shift(runs))
    assert "| V1's, shifted by +0.5 s | 40.0% ±" in shift
    assert "+9 s" not in shift, "no window allows it"
    assert "| silence | 90.0% ±" in shift


def test_pictures_are_written_and_are_the_same_again(runs, tmp_path):
    ours = {"transparency": {"c2": Estimate(0.6, 0.1, (0.6,))}}
    for name in ("one.svg", "two.svg"):
        draw_rows(ours, lambda row, kind: 0.5, {"c2": "C2"}, tmp_path / name, label="x")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    draw_control_shift(results.control_shift(runs), tmp_path / "shift.svg")
    assert (tmp_path / "shift.svg").read_text().count("<svg") == 1


def test_systems_come_in_the_tables_order_and_unknown_ones_are_told():
    assert check_systems("i3d, c2,identity") == ["identity", "c2", "i3d"]
    assert len(check_systems("all")) == 8
    with pytest.raises(UserError, match=r"unknown system 'c4': choose one of identity, .*, i3d"):
        check_systems("c2,c4")


def test_videos_without_two_classes_leave_the_classifier_out():
    assert without_classes(["c2", "i3d"], {"", "x"}) == ["c2"]
    assert without_classes(["c2", "i3d"], {"x", "y"}) == ["c2", "i3d"]
    with pytest.raises(UserError, match="i3d needs videos of two classes or more: received 1"):
        without_classes(["i3d"], {"", "x"})


SETTINGS = (
    *("train.steps=2", "train.checkpoint_every=1", "train.picture_every=2"),
    *("data.train_mixtures=8", "data.eval_mixtures=4", "analysis.control_shifts=[]"),
)


@pytest.fixture(scope="module")
def study(sample_videos, tmp_path_factory):
    """The output of a study that was killed once its mixtures were made, and finished then."""
    output = tmp_path_factory.mktemp("study") / "out"
    command = [sys.executable, "-m", "pipeline", "tables", "--videos", str(sample_videos)]
    command += ["--systems", "identity,c2,i3d", "--output", str(output)]
    command += [word for setting in SETTINGS for word in ("--set", setting)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        lines = iter(process.stderr.readline, "")
        assert any("StatisticsGen ..." in line for line in lines)
        process.send_signal(signal.SIGKILL)
    assert not (output / "results.json").exists()
    return output, subprocess.run(command, check=True, capture_output=True, text=True)


def test_killed_study_goes_on_where_it_was(study):
    output, _ = study
    run = json.loads((output / "runs" / "identity-0.json").read_text())
    assert "MixtureGen" in run["summary"]["cached"]
    assert len(list((output / "artifacts").glob("*/MixtureGen/examples/*"))) == 1, "made once"
    found = json.loads((output / "results.json").read_text())
    for kinds in found["separation"].values():
        assert kinds["relative_loss"]["identity"]["mean"] == pytest.approx(1)
        assert kinds["loss"].keys() == {"identity", "c2"}
    for inputs in found["action"].values():
        assert inputs.keys() == {"pure", "mixed", "c2"}


def test_page_holds_the_tables_and_its_pictures(study):
    output, done = study
    text = (output / "results.md").read_text()
    assert done.stdout.strip() == f"results in {output / 'results.md'}"
    for words in ("## Table 1", "| Identity |", "0.364", "## Table 3", "| C2 + I3D |", "train:"):
        assert words in text
    pictures = [line for line in text.splitlines() if line.startswith("![")]
    assert len(pictures) == 3
    for line in pictures:
        picture = Path(output, line.split("(")[1].rstrip(")"))
        assert picture.read_text().startswith("<?xml")
