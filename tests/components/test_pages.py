"""The pages: by their text, and in a real browser."""

import html
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from browser import browse
from matplotlib.figure import Figure

from components.analyses.action_recognition.recognition_analysis import ActionRecognitionAnalysis
from components.analyses.action_recognition.recognition_results import (
    ActionRecognitionResults,
    TypeAccuracies,
)
from components.analyses.control_shift.shift_analysis import ControlShiftAnalysis
from components.analyses.control_shift.shift_results import ControlShiftResults
from components.estimates import Estimate
from components.evaluation.slice_metrics import EvaluationResults, SliceMetrics
from components.html import figures
from components.html.data_uris import image_uri, in_grid, video_uri
from components.html.long_list import LongList
from components.html.pages import (
    Artifact,
    DataFacts,
    Entry,
    GalleryPage,
    ReportPage,
    Split,
    Verdict,
    Video,
    rejected_files,
    render,
)
from components.html.section import Section
from components.notes import describe
from components.report.comparison import chief_plots, compare, headline, shown_measures, slices
from components.tables import Row, Table
from data_prep.config import ClipConfig
from models.measures import Measure
from models.systems import get_system

CLIP = ClipConfig(frames=8, fps=8, height=48, width=48, short_side=48, sample_rate=8_000)
HEADS = ("reason", "files", "example")
NASTY = "/videos/<script>alert(\"1\")</script> & 'co'/" + "a_very_long_name_" * 12 + ".mp4"


def measured(loss, accuracy):
    values = {"loss": loss, "identity_loss": 0.4, "relative_loss": loss / 0.4}
    values |= {"control_accuracy": accuracy, "psnr": 17.0, "ssim": 0.6}
    estimates = {name: Estimate(value=value, half_width=0.02) for name, value in values.items()}
    return SliceMetrics(examples=20, estimates=estimates)


def point(accuracy, mixtures=20, **more):
    estimate = {"value": accuracy, "half_width": 0.1} if mixtures else None
    return {"mixtures": mixtures, "control_accuracy": estimate, **more}


CURVE = {
    "mixtures": 20,
    "shifts": [
        point(0.0, mixtures=0, seconds=-1.0),
        point(0.87, seconds=0.0),
        point(0.61, seconds=0.25),
    ],
    "silent_audio": point(0.52),
    "same_class_audio": point(0.77),
    "unrelated_audio": point(0.49),
}
ONE_CLASS = {**CURVE, "shifts": [point(0.66, seconds=0.0)], "same_class_audio": point(0.51)}
SHIFTED = ControlShiftResults.model_validate(
    {
        **CURVE,
        "mixture_types": {"occlusion": CURVE},
        "classes": {"two classes": CURVE, "one class": ONE_CLASS},
    }
)
RESULTS = EvaluationResults(
    slices={
        "": {"": measured(0.25, 0.7)},
        "mixture_type": {"transparency": measured(0.2, 0.8), "occlusion": measured(0.3, 0.6)},
        "v1_label": {f"label <{i}>": measured(0.2, 0.5) for i in range(30)},
    }
)
BASELINE = EvaluationResults(slices={"mixture_type": {"transparency": measured(0.22, 0.7)}})


def make_entry(title):
    ramp = np.linspace(0, 255, 48)
    frames = np.stack([np.add.outer(np.roll(ramp, 5 * i), ramp) / 2 for i in range(8)])
    frames = frames[..., None].repeat(3, axis=-1).astype(np.uint8)
    audio = np.sin(np.arange(CLIP.samples) / 3).astype(np.float32)
    silent, audible = video_uri(frames, CLIP), video_uri(frames, CLIP, audio)
    gray, color = image_uri(frames[0, ..., 0]), image_uri(frames[0])
    return Entry(
        title=title,
        about=NASTY,
        facts=["loss 0.231, 0.62 of Identity's 0.372"],
        mixture=Video(audible, "the mixture", has_audio=True),
        outputs=[
            Video(silent, "output 1", "O", 1, captions=("l(V2, O1) = 0.120", "score 0.245")),
            Video(
                audible, "output 2", "O", 2, has_audio=True, captions=("score 0.1",), chosen=True
            ),
        ],
        targets=[
            Video(audible, "ground truth V1", "V", 1, has_audio=True, captions=(NASTY,)),
            Video(silent, "ground truth V2", "V", 2),
        ],
        compositions=[[(gray, color)] * 3 for _ in range(2)],
        masks=image_uri(in_grid(frames[..., 0].repeat(3, axis=0), 8)),
    )


def make_page(**changes) -> ReportPage:
    system = get_system("c3_internal")
    measures = shown_measures(system, RESULTS)
    comparison = compare(system, measures, RESULTS, BASELINE)
    curves = {"train/loss": [(20, 0.4), (40, 0.3)], "held_out/loss": [(40, 0.35)]}
    values = {
        "title": "controlled-separator-8x48x48",
        "system": system.title,
        "about": "preset tiny",
        "metrics_note": describe(measures),
        "missing_metrics": [],
        "verdict": Verdict(True, [], "/serving/controlled-separator/17"),
        "headline": headline(comparison, measures),
        "comparison": comparison,
        "plots": chief_plots(comparison, measures),
        "slices": slices(RESULTS, measures),
        "curves": figures.training(curves, measures),
        "analyses": [ControlShiftAnalysis().section(SHIFTED)],
        "data": DataFacts(
            files=[("found", 60)],
            splits=[Split("train", [("mixtures", 40)]), Split("eval", [("mixtures", 16)])],
            notes=[],
            reasons=LongList("reasons", "rejected.csv", HEADS, [("is text", 1, NASTY)]),
            rejected=rejected_files([(NASTY, "is text, not a media file")]),
            dropped=LongList("dropped mixtures", "dropped.csv", ("file", "reason"), [(NASTY, "x")]),
        ),
        "gallery": {"transparency": [make_entry("best"), make_entry("worst")]},
        "gallery_limit": 512,
        "artifacts": [Artifact("examples", 7, "Examples", "gs://bucket/" + "deep/" * 40)],
        "settings": [("model", '{"system": "c3_internal"}')],
        "versions": [("code: models", "0123456789abcdef")],
    }
    return ReportPage(**{**values, **changes})


class Links(HTMLParser):
    """Everything that the elements of a page load or link to."""

    def __init__(self, text):
        super().__init__()
        self.found, self.loaded, self.ids = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        found = [values[name] for name in ("src", "href", "xlink:href") if name in values]
        self.found += found
        self.loaded += found if tag != "a" else []
        self.ids += [values["id"]] if "id" in values else []


@pytest.fixture(scope="module")
def report():
    return render(make_page())


@pytest.fixture(scope="module")
def gallery():
    entry = make_entry(NASTY)
    unmixed = Entry(NASTY, "from 1.00 s", [], entry.mixture, entry.outputs, [])
    return render(
        GalleryPage("model", "Clips.", [unmixed], {"occlusion": [entry]}, [(NASTY, "is text")])
    )


def test_sections_are_in_order(report):
    headings = re.findall(r"<h[12][^>]*>(.*?)</h[12]>", report)
    assert headings == [
        "Blessed",
        "Metrics",
        "Slices",
        "Training",
        "Control by shifted audio",
        "Data",
        "Gallery",
        "Lineage",
    ]
    assert "/serving/controlled-separator/17" in report
    assert "0.119" in report
    assert "last blessed model" in report


def test_groups_of_videos_are_named(report):
    groups = re.findall(r'<div class="group"><p>(.*?)</p>', report)
    assert groups[:3] == ["Input", "Outputs", "Ground truth"]


def test_notes_explain_what_is_shown(report):
    assert "<i>l</i>" in report
    assert "audio of <i>V</i><sub>1</sub> is closer to <i>V</i><sub>1</sub>" in report


def test_reasons_are_listed_when_nothing_was_pushed():
    reasons = ["occlusion: loss relative to Identity's must be at most 0.5, got 0.750"]
    text = render(make_page(verdict=Verdict(False, reasons, "")))
    assert "Not blessed" in text
    assert html.unescape(text).count(reasons[0]) == 1
    assert "pushed to" not in text


def test_models_without_outputs_have_no_gallery():
    text = render(make_page(gallery={}, curves=[], slices=[], analyses=[]))
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert headings == ["Metrics", "Data", "Lineage"]
    assert "<video" not in text


def test_cues_that_were_used_have_a_row_each(report):
    rows = re.findall(
        r'<th scope="row">(V1&#39;s audio[^<]*|silent audio|unrelated audio[^<]*)</th>'
        r"\s*<td>(\d+ %)",
        report,
    )
    curve = [
        ("V1's audio, shifted by +0 s", "87 %"),
        ("V1's audio, shifted by +0.25 s", "61 %"),
        ("silent audio", "52 %"),
        ("unrelated audio of V1's class", "77 %"),
        ("unrelated audio", "49 %"),
    ]
    one_class = [
        ("V1's audio, shifted by +0 s", "66 %"),
        ("silent audio", "52 %"),
        ("unrelated audio of V1's class", "51 %"),
        ("unrelated audio", "49 %"),
    ]
    # Of occlusions, of mixtures of two classes, and of those of one.
    assert [(html.unescape(cue), value) for cue, value in rows] == [*curve, *curve, *one_class]
    for curve in (
        "occlusion: +0 s 87 %; +0.25 s 61 %",
        "two classes: +0 s",
        "one class: +0 s 66 %",
    ):
        assert f"control accuracy, {curve}" in report


@pytest.mark.parametrize("values", [[0.3], [0.3, 0.3], [0.9, 0.1], [-0.2, 0.4], [0, 0], [-1, -1]])
def test_an_axis_that_starts_at_zero_shows_its_highest_point_whole(values):
    axes = Figure().add_subplot()
    axes.plot(range(len(values)), values)
    figures.start_at_zero(axes)
    low, high = axes.get_ylim()
    assert low == min(0, *values)
    assert high - max(values) >= 0.04 * (high - low) > 0


def test_actions_stand_beside_the_published_figures():
    accuracy = Estimate(value=0.5, half_width=0.1)
    inputs = dict.fromkeys(("pure", "mixed", "c2", "own"), accuracy)
    results = ActionRecognitionResults(
        classifier="i3d",
        mixtures=9,
        unlabeled=0,
        mixture_types={"transparency": TypeAccuracies(mixtures=9, inputs=inputs)},
    )
    section = ActionRecognitionAnalysis().section(results)
    [table] = section.tables
    assert [row.label for row in table.rows] == [
        "I3D, pure video",
        "I3D, pure video, published",
        "I3D, mixed video",
        "I3D, mixed video, published",
        "C2 + I3D",
        "C2 + I3D, published",
        "own + I3D",
    ]
    values = [row.estimates["action_accuracy"].value for row in table.rows[:4]]
    assert values == [0.5, 0.595, 0.5, 0.221]
    assert (table.rows[0].examples, table.rows[1].examples) == (9, 0)
    text = render(make_page(gallery={}, analyses=[section]))
    assert "Action recognition in mixtures" in text


def test_what_an_analysis_measures_is_named_once():
    measure = Measure("distance", "mean distance")
    table = Table("Distance", [measure], [Row("occlusion", {"distance": Estimate(value=0.5)})])
    section = Section("Distance", "", figures.comparisons([table], [measure]), [table])
    text = render(make_page(gallery={}, analyses=[section]))
    [own] = re.findall(r'<section id="analysis-1">.*?</section>', text, flags=re.DOTALL)
    assert re.findall(r">([^<>]*[Dd]istance[^<>]*)<", own) == [
        "Distance",  # the heading
        "mean distance",  # the figure
        "mean distance",  # the column
    ]


@pytest.mark.parametrize("label", ["costs $5 and $6", r"$\nonsense$"])
def test_dollars_in_a_label_are_no_formula(label):
    measure = Measure("distance", "distance")
    table = Table("Distance", [measure], [Row(label, {"distance": Estimate(value=0.5)})])
    [figure] = figures.comparisons([table], [measure])
    assert f">{label}</text>" in figure


def test_several_analyses_have_sections_and_links_of_their_own(report):
    section = ControlShiftAnalysis().section(SHIFTED)
    other = ControlShiftAnalysis().section(SHIFTED.model_copy(update={"mixture_types": {}}))
    text = render(make_page(analyses=[section, other]))
    links = Links(text)
    assert {"analysis-1", "analysis-2"} <= set(links.ids)
    assert {"#analysis-1", "#analysis-2"} <= set(links.found)


def test_nothing_is_loaded_from_elsewhere(report, gallery):
    for text in (report, gallery):
        links = Links(text)
        assert links.found
        assert all(link.startswith(("data:", "#")) for link in links.loaded)
        lists = {link for link in links.found if not link.startswith(("data:", "#"))}
        assert lists <= {"slices.csv"}, "it lies beside the page"
        assert "@import" not in text
        assert not re.search(r"url\((?!#)", text)
        assert len(links.ids) == len(set(links.ids))
        assert {link[1:] for link in links.found if link.startswith("#")} <= set(links.ids)


def test_names_are_escaped(report, gallery):
    for text in (report, gallery):
        assert NASTY not in text
        assert "<script>alert" not in text
        assert html.escape(NASTY.split("/")[2])[:8] in text


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("name", ["report", "gallery"])
def test_browser_shows_it_whole(name, width, request, tmp_path, require_command):
    chromium = require_command("chromium")
    seen = browse(chromium, request.getfixturevalue(name), tmp_path, width=width)
    assert seen["inner"] == width
    assert seen["content"] <= width
    assert seen["videos"]
    assert all(video == [96, 96, False] for video in seen["videos"])
    assert all(seen["images"])
