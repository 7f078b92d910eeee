import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_up_runs import (
    action_recognition,
    by_classes,
    control_shift,
    metrics,
    separation,
    summary,
)

from components.analyses.action_recognition.recognition_results import ActionRecognitionResults
from components.analyses.registry import ANALYSES
from components.estimates import Estimate, over_seeds
from components.html import panels as panels_module
from components.html.panels import Panel, save_panels
from components.tables import markdown
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from models.measures import RELATIVE_LOSS
from models.presets import PRESETS
from models.systems import SYSTEMS
from models.tools.cost import forward_flops
from pipeline.config import load_config
from pipeline.places import Places
from pipeline.study import averages
from pipeline.study import study as study_module
from pipeline.study import variants as variants_module
from pipeline.study.paper_tables import table_1, table_2
from pipeline.study.runs import Size, StudyRun, size_of
from pipeline.study.study import StudyResults, write_study


def run(system, seed, by_type, analyses=None):
    return StudyRun(system=system, seed=seed, summary=summary(system, by_type, analyses))


@pytest.fixture
def runs():
    """Runs of four systems with two seeds."""
    found = []
    for seed in range(2):
        for system, loss in (("identity", 0.4), ("c2", 0.3 + 0.02 * seed)):
            by_type = {"transparency": separation(loss), "occlusion": separation(loss + 0.1)}
            found.append(run(system, seed, by_type))
        by_type = {"transparency": separation(0.31, 0.9)}
        found.append(run("c3_internal", seed, by_type, {"control_shift": control_shift()}))
        classified = {"transparency": metrics(accuracy=0.5)}
        found.append(run("i3d", seed, classified, {"action_recognition": action_recognition()}))
    return found


SIZE = Size(weights=1_230_000, flops=4_560_000_000)


def lines_of(table):
    return {line.split(" | ")[0]: line for line in markdown(table).splitlines()}


def test_table_1_averages_the_seeds_and_quotes_the_papers(runs):
    systems = averages.separators(runs)
    assert systems == ["identity", "c2", "c3_internal"]
    column = averages.column(runs, systems, averages.MEASURES["loss"], "transparency")
    assert column["c2"].seeds == (0.3, 0.32)
    lines = lines_of(table_1(runs, systems, dict.fromkeys(systems, 1_230_000)))
    assert "| 0.310 ±" in lines["| C2"]
    assert "| 0.120 |" in lines["| C2"]
    assert lines["| C2"].endswith("| 1.23 | 27.1 |")
    assert "| - |" in lines["| C3, internal prediction"], "it had no occlusions"
    assert lines["| system"].count("| published |") == 2


def test_table_2_holds_the_systems_with_control_and_those_it_is_published_for(runs):
    systems = averages.controlled(runs)
    assert systems == ["c2", "c3_internal"]
    table = table_2(runs, systems)
    lines = lines_of(table)
    assert "90.0 % ±" in lines["| C3, internal prediction"]
    assert "| 77.7 % |" in lines["| C3, internal prediction"]
    assert lines["| C2"].endswith("| - | - |"), "it predicts no scores"
    names = [measure.name for measure in table.measures]
    assert len(names) == len(set(names))


def test_control_is_told_apart_by_classes_with_the_published_figure_beside_two(write, tmp_path):
    found = []
    for seed in range(2):
        one = run("c3_internal", seed, dict.fromkeys(MIXTURE_TYPES, separation(0.3, 0.7)))
        classes = {
            "transparency": by_classes(0.9, 0.5 + 0.1 * seed),
            "occlusion": {"one class": separation(0.3, 0.6)},
        }
        found.append(one.model_copy(update={"summary": with_classes(one.summary, classes)}))
    table = table_2(found, ["c3_internal"])
    cells = table.rows[0].estimates
    assert {
        measure.title: cells[measure.name].value
        for measure in table.measures
        if "accuracy" in measure.name and measure.title != "published"
    } == {
        "control accuracy, transparency, two classes": pytest.approx(0.9),
        "control accuracy, transparency, one class": pytest.approx(0.55),
        "control accuracy, occlusion, one class": pytest.approx(0.6),
        "control accuracy, reflection": pytest.approx(0.7),
    }
    titles = [measure.title for measure in table.measures]
    place = titles.index("control accuracy, transparency, two classes")
    assert titles[place + 1 : place + 3] == ["published", titles[place + 2]]
    assert cells[table.measures[place + 1].name].value == 0.777
    assert titles.count("published") == 2, "of the loss and of the accuracy on transparencies"
    text = write(found)
    assert "| control accuracy, transparency, two classes | published |" in text
    drawn = (tmp_path / "control.svg").read_text()
    assert [drawn.count(name) for name in ("two classes -->", "one class -->")] == [1, 2]
    results = StudyResults.read(str(tmp_path / "results.json"))
    accuracy = results.classes["one class"]["transparency"]["control_accuracy"]["c3_internal"]
    assert accuracy.seeds == (0.5, 0.6)
    assert results.classes["two classes"].keys() == {"transparency"}


def with_classes(found, classes):
    return found.model_copy(update={"classes": classes})


def run_of_variants(*names):
    by_type = {"transparency": separation(0.3, 0.8), "occlusion": separation(0.4, 0.7)}
    return [run(name, seed, by_type) for name in names for seed in range(2)]


def test_variants_stand_below_what_they_vary_and_out_of_the_published_tables(write):
    runs = run_of_variants("centrifuge_wide", "centrifuge_pc", "c2", "centrifuge", "i3d")
    text = write(runs)
    first, second = text.split("## Variants")
    title = SYSTEMS["centrifuge_wide"].title
    assert title not in first
    lines = [line for line in second.split("##")[0].splitlines() if line.startswith("| C")]
    rows = [line.split(" | ") for line in lines]
    assert [row[0][2:] for row in rows] == ["Centrifuge", title, "CentrifugePC"]
    assert all(row[1].startswith("0.300 ±") and row[2].startswith("0.400 ±") for row in rows)
    assert all(row[3:] == ["1.23", "4.56 |"] for row in rows), "no control accuracy"


def test_variants_with_control_have_their_accuracy_beside_those_without(write):
    text = write(run_of_variants("c3_internal", "c3_internal_fused", "c2", "c2_competing_masks"))
    lines = text.split("## Variants")[1].split("##")[0].splitlines()
    rows = {line.split(" | ")[0][2:]: line.split(" | ")[3:5] for line in lines if "|" in line}
    for name in ("c2", "c2_competing_masks"):
        assert rows[SYSTEMS[name].title] == ["-", "-"]
    for name in ("c3_internal", "c3_internal_fused"):
        transparency, occlusion = rows[SYSTEMS[name].title]
        assert transparency.startswith("80.0 % ±")
        assert occlusion.startswith("70.0 % ±")


def test_a_variant_alone_has_its_section(write):
    text = write(run_of_variants("c2_competing_masks"))
    assert "No system here separates layers." in text
    assert SYSTEMS["c2_competing_masks"].title in text.split("## Variants")[1]


def test_sizes_are_those_of_the_configured_network():
    config = load_config("tables", ["model.outputs=3", "model.layers=3"])
    network = SYSTEMS["c2"].build(config.data.clip, PRESETS["tiny"], outputs=3, layers=3)
    assert size_of("c2", config) == (network.count_params(), forward_flops(network))


def random_runs(rng):
    """Runs of any systems, with any number of seeds, on any subset of the mixture types."""
    types = [name for name in MIXTURE_TYPES if rng.integers(2)]
    found = []
    for system in SYSTEMS:
        for seed in range(rng.integers(0, 3)):
            # A slice may be missing from one run.
            kinds = [kind for kind in types if rng.uniform() < 0.8]
            values = separation(rng.uniform(0.1, 3), rng.uniform())
            if rng.integers(2):
                values = without_intervals(values)
            analyses = {"control_shift": control_shift()} if rng.integers(2) else {}
            if rng.integers(2):
                analyses["action_recognition"] = unlabeled()
            one = run(system, seed, dict.fromkeys(kinds, values), analyses)
            classes = {kind: by_classes(0.9, 0.6) for kind in kinds if rng.integers(2)}
            found.append(one.model_copy(update={"summary": with_classes(one.summary, classes)}))
    return found


def without_intervals(found):
    """The metrics of a single example."""
    estimates = {name: Estimate(value=own.value) for name, own in found.estimates.items()}
    return found.model_copy(update={"examples": 1, "estimates": estimates})


def unlabeled():
    return ActionRecognitionResults(classifier="i3d", mixtures=0, unlabeled=8, mixture_types={})


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Gives a function that writes the study of some runs, and returns its page's text."""
    monkeypatch.setattr(study_module.local, "require_manifest", lambda places: str(manifest))
    monkeypatch.setattr(study_module, "count_weights", lambda system, config: 1_230_000)
    monkeypatch.setattr(variants_module, "size_of", lambda system, config: SIZE)
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("path\n")

    def written(runs, settings=()):
        page = write_study(runs, load_config("tables", settings), Places(tmp_path))
        StudyResults.read(str(tmp_path / "results.json"))
        return page.read_text()

    return written


@pytest.mark.parametrize("seed", range(12))
def test_every_shape_of_study_has_its_page(seed, write, tmp_path):
    found = random_runs(np.random.default_rng(seed))
    text = write(found)
    assert not re.search(r"\b(nan|inf|None)\b", text.split("## Settings")[0])
    for section in ("## Table 1", "## Table 2", "## Settings"):
        assert section in text
    for figure in re.findall(r"^!\[.*\]\((.*)\)$", text, flags=re.MULTILINE):
        assert (tmp_path / figure).exists()
    separators = averages.separators(found)
    for name in separators:
        assert f"| {SYSTEMS[name].title} |" in text
    variants = any(SYSTEMS[one.system].is_variant for one in found)
    assert ("## Variants" in text) == variants
    for kind in averages.mixture_types(found):
        if separators:
            assert f"| loss, {kind} |" in text


@pytest.mark.parametrize(
    ("share", "there", "absent"),
    [(0, "transparency", "occlusions"), (1, "occlusion", "transparencies")],
)
def test_tables_show_the_mixture_types_there_are_and_say_which_are_not(
    share, there, absent, write, tmp_path
):
    shares = f"data.shares={{transparency: {1 - share}, occlusion: {share}}}"
    text = write(
        [run(name, 0, {there: separation(0.3)}) for name in ("c2", "c3_internal")], [shares]
    )
    first, second = text.split("## Table 2")
    for table in (first, second):
        assert f"loss, {there} | published" in table
        assert f"There are no held-out {absent} here" in table
    assert f"control accuracy, {there}" in second
    for name in ("separation.svg", "control.svg"):
        assert f"({name})" in text
        assert (tmp_path / name).exists()


def test_studies_without_a_separator_say_so(write):
    text = write([run("i3d", 0, {"occlusion": metrics(accuracy=0.5)})])
    assert "No system here separates layers." in text
    assert "No system here takes an audio cue." in text


def test_analyses_without_figures_say_so(write):
    analyses = {"action_recognition": unlabeled()}
    text = write([run("i3d", 0, {"occlusion": metrics(accuracy=0.5)}, analyses)])
    assert "## Action recognition in mixtures\n\nThe results have no figures." in text


def test_axes_hold_every_estimate(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(panels_module, "save_figure", lambda figure, path: drawn.append(figure))
    panels = [Panel("occlusion", {"C2": Estimate(value=1.9, half_width=0.2)}, {"C2": 0.5})]
    save_panels(tmp_path / "x.svg", panels, rows=["C2"], measure=RELATIVE_LOSS)
    assert drawn[0].axes[0].get_xlim()[1] > 2.1


def test_analyses_have_sections_of_their_own(runs):
    results = averages.results_by_system(runs, "action_recognition")
    assert {name: len(found) for name, found in results.items()} == {"i3d": 2}
    [table] = ANALYSES["action_recognition"].study_section(results).tables
    lines = lines_of(table)
    assert list(lines)[2:] == ["| I3D, pure video", "| I3D, mixed video", "| C2 + I3D"]
    assert "| 40.1 % |" in lines["| C2 + I3D"]
    results = averages.results_by_system(runs, "control_shift")
    [table] = ANALYSES["control_shift"].study_section(results).tables
    text = markdown(table)
    assert "shifted by +0.5 s | 40.0 % ±" in text
    assert "+9 s" not in text, "no window allows it"


def test_figures_are_written_and_are_the_same_again(runs, tmp_path):
    panels = [Panel("transparency", {"C2": Estimate(value=0.6, half_width=0.1)}, {"C2": 0.5})]
    for name in ("one.svg", "two.svg"):
        save_panels(tmp_path / name, panels, rows=["C2"], measure=RELATIVE_LOSS)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    results = averages.results_by_system(runs, "control_shift")
    ANALYSES["control_shift"].study_section(results).draw(tmp_path / "shift.svg")
    assert (tmp_path / "shift.svg").read_text().count("<svg") == 1


def test_intervals_of_few_noisy_seeds_hold_the_truth():
    """Also beside a system that varies much more."""
    rng = np.random.default_rng(0)
    noise = {"steady": 0.01, "erratic": 0.3}
    hits = dict.fromkeys(noise, 0)
    for _ in range(1000):
        cells = {
            name: [Estimate(value=rng.normal(0.5, scale), half_width=0.0) for _ in range(2)]
            for name, scale in noise.items()
        }
        found = over_seeds({**cells, "one seed": [Estimate(value=0.5, half_width=0.01)]})
        assert found.pop("one seed").half_width == pytest.approx(0.01)
        for name, estimate in found.items():
            hits[name] += abs(estimate.value - 0.5) <= estimate.half_width
    assert all(0.93 <= count / 1000 <= 0.97 for count in hits.values()), hits


SETTINGS = (
    "train.steps=2",
    "train.checkpoint_every=1",
    "train.image_every=2",
    "data.train_mixtures=8",
    "data.eval_mixtures=4",
)


@pytest.fixture(scope="module")
def study(sample_videos, tmp_path_factory):
    """The output of a study that was killed once its mixtures were made, and then finished."""
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


@pytest.mark.slow
def test_killed_study_resumes(study):
    output, _ = study
    assert len(list((output / "artifacts").glob("*/MixtureGen/examples/*"))) == 1, "made once"
    assert StudyRun.read(str(output / "runs" / "identity-0.json")).summary.seconds
    found = StudyResults.read(str(output / "results.json"))
    for columns in found.metrics.values():
        assert columns["relative_loss"]["identity"].value == pytest.approx(1)
        assert columns["loss"].keys() == {"identity", "c2"}
    for columns in found.classes["two classes"].values():
        assert columns["loss"].keys() == {"identity", "c2"}
    [table] = found.analyses["Table 3: action recognition"]
    assert table.rows.keys() == {"I3D, pure video", "I3D, mixed video", "C2 + I3D"}
    cells = table.rows["C2 + I3D"]
    assert cells["transparency"].seeds == (cells["transparency"].value,)
    assert cells["published, transparency"].value == 0.401


@pytest.mark.slow
def test_page_holds_the_tables_and_its_figures(study):
    output, done = study
    text = (output / "results.md").read_text()
    assert done.stdout.strip() == f"results in {output / 'results.md'}"
    for words in ("## Table 1", "| Identity |", "0.364", "## Table 3", "| C2 + I3D |", "train:"):
        assert words in text
    figures = re.findall(r"^!\[.*\]\((.*)\)$", text, flags=re.MULTILINE)
    assert len(figures) == 3
    for figure in figures:
        assert Path(output, figure).read_text().startswith("<?xml")
    assert json.loads((output / "results.json").read_text())["about"]["seeds"] == [0]
