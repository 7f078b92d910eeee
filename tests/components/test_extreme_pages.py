"""Pages of runs with next to no data, with broken figures, and with far too much."""

import csv
import html
import re

import numpy as np
import pytest
from browser import browse
from extreme_runs import (
    HOSTILE,
    REASONS,
    curves,
    data_of,
    evaluation,
    extreme_run,
    facts_of,
    scalars,
    settings_of,
    split_info,
)

from components.evaluation.slice_metrics import EvaluationResults
from components.html.pages import render, write_page
from components.html.visible_text import visible
from components.report.data import kind_of
from components.report.run_page import report_page
from data_prep.sources.manifest import read_rejected
from models.config import AugmentConfig, TrainConfig


def words(text):
    """Return what a reader sees of a page, and what a screen reader says."""
    said = " ".join(re.findall(r'(?:aria-label|alt|title)="([^"]*)"', text))
    shown = re.sub(r"<(style|script)>.*?</\1>", " ", text, flags=re.DOTALL)
    return html.unescape(f"{re.sub(r'<[^>]+>', ' ', shown)} {said}")


def tables(text):
    return [html.unescape(name) for name in re.findall(r"<caption>(.*?)</caption>", text)]


@pytest.mark.parametrize("seed", range(16))
def test_every_shape_of_run_has_its_page(seed, tmp_path):
    facts, settings = extreme_run(tmp_path, seed)
    page = report_page(facts, settings)
    text = render(page)
    seen = words(text)
    assert not re.search(r"\b(nan|inf|-inf|NaN|None|infinity)\b", seen)
    assert "<script>alert" not in text
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\ud800-\udfff]", text)
    text.encode()
    captions = tables(text)
    for table in page.comparison:
        if table.measures:
            assert table.caption.capitalize() in captions
    for name, found in facts.results.by_mixture_type().items():
        for estimate in found.estimates.values():
            assert np.isfinite(estimate.value), name
    assert {"Files", "Splits"} <= set(captions)
    for section in page.analyses:
        assert all(note in seen for note in section.notes)
    for item in page.data.rejected.rows:
        assert visible(item[0]) in seen
    assert len(re.findall(r' id="', text)) == len(set(re.findall(r' id="([^"]*)"', text)))


def test_what_is_missing_is_said(tmp_path):
    rng = np.random.default_rng(0)
    silent = split_info({"occlusion": 2}, with_audio=0)
    data = data_of(tmp_path, silent, silent, shares={"occlusion": 0.5, "transparency": 0.5})
    rows = scalars("c3_internal", rng, 2)
    rows[0, 0] = np.inf
    results = evaluation("c3_internal", {"mixture_type": {"occlusion": rows}})
    page = report_page(facts_of(data, results), settings_of("c3_internal"))
    seen = words(render(page))
    for sentence in (
        "Target clips of the train and eval mixtures are silent, all below -60 dBFS",
        "The eval split has no transparencies, although their share is 0.5.",
        "No video has a class.",
        "No value on occlusion mixtures, because at least one mixture has none that is finite:",
        "No mixture can be ranked",
        "Every file was usable.",
    ):
        assert sentence in " ".join(seen.split())


def test_without_mixture_types_the_metrics_over_all_mixtures_are_shown(tmp_path):
    split = split_info({"occlusion": 3, "reflection": 1}, with_audio=4)
    data = data_of(tmp_path, split, split, shares={"occlusion": 0.5, "reflection": 0.5})
    rows = scalars("c2", np.random.default_rng(0), 4)
    page = report_page(facts_of(data, evaluation("c2", {"": {"": rows}})), settings_of("c2"))
    assert "All" in tables(render(page))
    assert page.missing_metrics == [
        "The evaluation has no metrics of these mixtures: occlusion, reflection."
    ]


@pytest.mark.parametrize(
    ("train", "text"),
    [
        (TrainConfig(steps=7), "7 steps, clips of"),
        (TrainConfig(steps=7, re_pair=True), "7 steps with re-paired clips, clips of"),
        (TrainConfig(augment=AugmentConfig(gain=6)), "steps with augmented clips, clips of"),
        (
            TrainConfig(re_pair=True, augment=AugmentConfig(flip=True)),
            "steps with re-paired and augmented clips, clips of",
        ),
    ],
)
def test_the_page_says_how_clips_were_changed_in_training(tmp_path, train, text):
    split = split_info({"occlusion": 1}, with_audio=1)
    data = data_of(tmp_path, split, split, shares={"occlusion": 1})
    rows = scalars("c2", np.random.default_rng(0), 1)
    settings = settings_of("c2").model_copy(update={"train": train})
    page = report_page(facts_of(data, evaluation("c2", {"": {"": rows}})), settings)
    assert text in words(render(page))


def test_a_single_example_has_no_interval(tmp_path):
    split = split_info({"occlusion": 1}, with_audio=1)
    data = data_of(tmp_path, split, split, shares={"occlusion": 1})
    rows = scalars("c2", np.random.default_rng(0), 1)
    slices = {"": {"": rows}, "mixture_type": {"occlusion": rows}}
    page = report_page(facts_of(data, evaluation("c2", slices)), settings_of("c2"))
    [row] = re.findall(r"this model</th>(.*?)</tr>", render(page), flags=re.DOTALL)
    assert "±" not in row


def test_values_that_are_not_finite_are_left_out_of_curves(tmp_path):
    split = split_info({"occlusion": 1}, with_audio=1)
    data = data_of(tmp_path, split, split)
    rows = scalars("c2", np.random.default_rng(0), 4)
    curve = [(1, 0.5), (2, np.nan), (3, np.inf), (4, 0.4)]
    facts = facts_of(
        data,
        evaluation("c2", {"": {"": rows}}),
        curves={"train/loss": curve, "held_out/psnr": [(1, np.nan)]},
    )
    page = report_page(facts, settings_of("c2"))
    assert len(page.curves) == 1
    assert "training (2 of 4 not finite) 0.4" in page.curves[0]


@pytest.fixture(scope="module")
def huge(tmp_path_factory):
    """A run with 5,000 rejected files, 700 classes, 50,000 class pairs and 20,000 steps."""
    folder = tmp_path_factory.mktemp("huge")
    rng = np.random.default_rng(0)
    labels = [f"class {i} {'y' * (i % 90)}" for i in range(700)]
    labels[5] = "x" * 300
    rejected = [
        (f"/videos/{HOSTILE[i % len(HOSTILE)]}_{i:06d}.mp4", REASONS[i % len(REASONS)])
        for i in range(5_000)
    ]
    dropped = [("/videos/x.mp4", "video cannot be decoded: it ends early")] * 3_000
    train = split_info({"occlusion": 90_000}, with_audio=9, labels=labels, dropped=dropped)
    held_out = split_info({"occlusion": 50_000}, with_audio=9, labels=labels)
    data = data_of(folder, train, held_out, rejected, shares={"occlusion": 1})
    rows = scalars("c3_internal", rng, 9)
    few = evaluation("c3_internal", {"": {"": rows}, "one": {"one": rows[:1]}}).slices
    many, one = few[""][""], few["one"]["one"]
    pairs = {f"{labels[i % 700]}+{labels[i % 613]}": one for i in range(50_000)}
    slices = {
        "": {"": many},
        "mixture_type": {"occlusion": many},
        "v1_label": dict.fromkeys(labels, one),
        "class_pair": {**pairs, f"{labels[5]}+{labels[5]}": many},
    }
    results = EvaluationResults(slices=slices)
    facts = facts_of(data, results, curves=curves(rng, "c3_internal", 20_000))
    page = report_page(facts, settings_of("c3_internal"))
    write_page(page, str(folder), "report.html")
    return folder, page


def test_long_lists_are_counted_and_cut(huge):
    folder, page = huge
    text = (folder / "report.html").read_text(encoding="utf-8")
    seen = " ".join(words(text).split())
    assert len(text) < 1_000_000
    pairs = len(page.slices[0].rows)
    for sentence in (
        "5,000 unused files",
        "20 of 5,000; the whole list: rejected.csv",
        "3,000 dropped mixtures",
        "20 of 3,000; the whole list: dropped.csv",
        "20 of 700, those with the most mixtures; the whole list: slices.csv",
        f"20 of {pairs:,}, those with the most mixtures; the whole list: slices.csv",
    ):
        assert sentence in seen
    assert "3.23 %" in seen, "of the planned training mixtures were dropped"
    assert page.slices[0].rows[0].examples == 9


def test_whole_lists_lie_beside_the_page(huge):
    folder, page = huge
    rejected = read_rejected(str(folder / "rejected.csv"))
    assert [(item.path, item.reason) for item in rejected] == list(page.data.rejected.rows)
    with (folder / "slices.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(table.rows) for table in page.slices)
    first = page.slices[0].rows[0]
    assert (rows[0]["value"], rows[0]["mixtures"]) == (first.label, "9")
    assert float(rows[0]["loss"]) == first.estimates["loss"].value
    with (folder / "dropped.csv").open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 3_000


def test_rejected_files_are_counted_by_reason(huge):
    _, page = huge
    counts = {reason: files for reason, files, _ in page.data.reasons.rows}
    assert counts == {
        "audio cannot be decoded": 1_000,
        "same file as …": 1_000,
        "too short": 1_000,
        "is an HTML page": 500,
        "is a Git LFS pointer": 500,
        "empty file": 500,
        ".txt: not a video file name": 500,
    }
    assert dict(page.data.files)["rejected"] == 5_000


@pytest.mark.parametrize("width", [400, 1400])
def test_browser_shows_long_lists_and_names_whole(width, huge, tmp_path, require_command):
    folder, _ = huge
    text = (folder / "report.html").read_text(encoding="utf-8")
    seen = browse(require_command("chromium"), text, tmp_path, width=width)
    assert seen["content"] <= seen["inner"] == width
    # A cell wraps; only whole tables may be scrolled.
    assert seen["cells"] <= 1_000


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("its name is not UTF-8", "its name is not UTF-8"),
        ("2x16000 pixels: must be at least 16", "… pixels: must be at least …"),
        ("same file as gs://bucket/a, b.mp4", "same file as …"),
        ("cannot be read: /mnt/x: timed out", "cannot be read"),
        ("'a b' is a folder", "… is a folder"),
        ("is a Git LFS pointer; run git lfs pull", "is a Git LFS pointer"),
        ("video is damaged: 3 of 64 frames, the first at 1.2 s", "video is damaged"),
        ("is damaged or cut off: 3 of 90 frames are missing", "is damaged or cut off"),
        (
            "not in the annotations, which have 1 to 11 s of abc",
            "not in the annotations, which have …",
        ),
        ("has a video track, but no frame", "has a video track, but no frame"),
        ("name does not say which of the 3 clips of abc", "name does not say which of the …"),
        (".txt: not a video file name", ".txt: not a video file name"),
        ("empty file", "empty file"),
    ],
)
def test_kinds_of_reasons_leave_out_what_differs_between_files(reason, kind):
    assert kind_of(reason) == kind
