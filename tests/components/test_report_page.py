"""The report's page: by its text, and in a real browser where there is one."""

import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

from components.html import figures as plots
from components.html.data_uris import in_grid, picture_uri, video_uri
from components.html.pages import (
    Artifact,
    Entry,
    GalleryPage,
    ReportPage,
    Shown,
    Split,
    Verdict,
    render_gallery,
    render_report,
)
from components.report import analysis_sections as analyses
from components.report import findings
from data_prep.config import ClipConfig

CLIP = ClipConfig(frames=8, fps=8, height=48, width=48, short_side=48, sample_rate=8_000)
NASTY = "/videos/<script>alert(\"1\")</script> & 'co'/" + "a_very_long_name_" * 12 + ".mp4"

# Put at the end of a page, it tells the page around it what the browser made of it.
PROBE = """
<script>
const videos = [...document.querySelectorAll("video")];
Promise.all(videos.map((video) => new Promise((done) => {
  if (video.readyState >= 2 || video.error) done();
  video.addEventListener("loadeddata", done);
  video.addEventListener("error", done);
}))).then(() => {
  const page = document.documentElement;
  const seen = {
    inner: innerWidth, content: page.scrollWidth,
    videos: videos.map((video) => [video.videoWidth, video.videoHeight, Boolean(video.error)]),
    pictures: [...document.images].map((image) => image.naturalWidth),
  };
  parent.postMessage(seen, "*");
});
</script>
"""
# A window is never narrower than 500 pixels; a frame may be.
FRAME = """
<pre id="probe"></pre>
<script>
onmessage = (message) => {
  document.getElementById("probe").textContent = JSON.stringify(message.data);
};
</script>
<iframe src="page.html" style="width: %dpx; height: 2000px; border: 0"></iframe>
"""


def measured(loss, accuracy):
    values = {"loss": loss, "identity_loss": 0.4, "relative_loss": loss / 0.4}
    values |= {"control_accuracy": accuracy, "psnr": 17.0, "ssim": 0.6}
    return {**values, **{f"{name}_interval": 0.02 for name in values}, "examples": 20.0}


def heard(accuracy, mixtures=20):
    known = mixtures > 0
    return {
        "mixtures": mixtures,
        "control_accuracy": accuracy if known else None,
        "control_accuracy_interval": 0.1 if known else None,
    }


SHIFTED = {
    "mixture_types": {
        "occlusion": {
            "shifts": [
                {"seconds": -1.0, **heard(0.0, mixtures=0)},
                {"seconds": 0.0, **heard(0.87)},
                {"seconds": 0.25, **heard(0.61)},
            ],
            "silence": heard(0.52),
            "stranger": heard(0.49),
        }
    }
}


def make_entry(title):
    ramp = np.linspace(0, 255, 48)
    frames = np.stack([np.add.outer(np.roll(ramp, 5 * i), ramp) / 2 for i in range(8)])
    frames = frames[..., None].repeat(3, axis=-1).astype(np.uint8)
    sound = np.sin(np.arange(CLIP.samples) / 3).astype(np.float32)
    silent, sounding = video_uri(frames, CLIP), video_uri(frames, CLIP, sound)
    grey, colour = picture_uri(frames[0, ..., 0]), picture_uri(frames[0])
    return Entry(
        title=title,
        about=NASTY,
        facts=["loss 0.231, 0.62 of Identity's 0.372"],
        mixture=Shown("", 0, sounding, "the mixture", sounds=True),
        outputs=[
            Shown("O", 1, silent, "output 1", lines=("l(V2, O1) = 0.120", "score 0.245")),
            Shown("O", 2, sounding, "output 2", sounds=True, lines=("score 0.1",), chosen=True),
        ],
        truths=[
            Shown("V", 1, sounding, "truth V1", sounds=True, lines=(NASTY,)),
            Shown("V", 2, silent, "truth V2"),
        ],
        compositions=[[(grey, colour)] * 3 for _ in range(2)],
        masks=picture_uri(in_grid(frames[..., 0].repeat(3, axis=0), 8)),
    )


def make_page(**changes) -> ReportPage:
    metrics = {
        "": {"": measured(0.25, 0.7)},
        "mixture_type": {"transparency": measured(0.2, 0.8), "occlusion": measured(0.3, 0.6)},
        "v1_label": {f"label <{i}>": measured(0.2, 0.5) for i in range(30)},
    }
    baseline = {"mixture_type": {"transparency": measured(0.22, 0.7)}}
    measures = findings.measures("c3_internal", metrics)
    comparison = findings.compare("c3_internal", metrics, baseline)
    curves = {"train/loss": [(20, 0.4), (40, 0.3)], "held_out/loss": [(40, 0.35)]}
    values = {
        "title": "c3-internal-tiny-8x48x48",
        "system": "C3, internal prediction",
        "about": "preset tiny",
        "verdict": Verdict(True, [], "/serving/separator/17"),
        "headline": findings.headline(comparison, measures),
        "measures": measures,
        "comparison": comparison,
        "plots": plots.comparisons(comparison, measures),
        "slices": findings.slices(metrics),
        "curves": plots.training(curves, measures),
        "analysis": analyses.control_shift(SHIFTED),
        "splits": [
            Split("train", [("mixtures", 40)]),
            Split("eval", [("mixtures", 16)], [("eval-1", NASTY, "cannot be decoded")]),
        ],
        "rejected": [(NASTY, "is text, not a media file")],
        "gallery": {"transparency": [make_entry("best"), make_entry("worst")]},
        "looked_at": 512,
        "artifacts": [Artifact("examples", 7, "Examples", "gs://bucket/" + "deep/" * 40)],
        "settings": [("model", '{"system": "c3_internal"}')],
        "versions": [("code: models", "0123456789abcdef")],
    }
    return ReportPage(**{**values, **changes})


class Links(HTMLParser):
    """Everything that a page's elements load or link to."""

    def __init__(self, text):
        super().__init__()
        self.found, self.ids = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        self.found += [told[name] for name in ("src", "href", "xlink:href") if name in told]
        self.ids += [told["id"]] if "id" in told else []


@pytest.fixture(scope="module")
def report():
    return render_report(make_page())


@pytest.fixture(scope="module")
def gallery():
    entry = make_entry(NASTY)
    unmixed = Entry(NASTY, "from 1.00 s", [], entry.mixture, entry.outputs, [])
    return render_gallery(
        GalleryPage("model", "Clips.", [unmixed], {"occlusion": [entry]}, [(NASTY, "is text")])
    )


def test_parts_stand_in_their_order(report):
    headings = re.findall(r"<h[12][^>]*>(.*?)</h[12]>", report)
    assert headings == [
        *("Blessed", "Metrics", "Slices", "Training", "Control by shifted sound", "Data"),
        *("Gallery", "Lineage"),
    ]
    assert "/serving/separator/17" in report
    assert "0.119" in report
    assert "last blessed model" in report


def test_reasons_are_told_when_nothing_was_pushed():
    reasons = ["occlusion: loss over Identity's must be at most 0.5; it is 0.75"]
    text = render_report(make_page(verdict=Verdict(False, reasons, "")))
    assert "Not blessed" in text
    assert html.unescape(text).count(reasons[0]) == 1
    assert "pushed to" not in text


def test_classifier_has_neither_gallery_nor_words_about_outputs():
    text = render_report(make_page(gallery={}, curves=[], slices={}, analysis=None))
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert headings == ["Metrics", "Data", "Lineage"]
    assert "<video" not in text


def test_control_sounds_that_were_heard_have_a_row_each(report):
    rows = re.findall(
        r'<th scope="row">(V1&#39;s[^<]*|silence|a stranger[^<]*)</th>\s*<td>(\d+ %)', report
    )
    assert [(html.unescape(sound), value) for sound, value in rows] == [
        ("V1's, shifted by +0 s", "87 %"),
        ("V1's, shifted by +0.25 s", "61 %"),
        ("silence", "52 %"),
        ("a stranger's", "49 %"),
    ]
    assert "control accuracy, occlusion: +0 s 87 %; +0.25 s 61 %" in report


def test_actions_stand_beside_the_published_figures():
    answered = {"accuracy": 0.5, "accuracy_interval": 0.1}
    inputs = {"pure": answered, "mixed": answered, "c2": answered, "own": answered}
    found = analyses.action_recognition(
        {"mixture_types": {"transparency": {"mixtures": 9, "inputs": inputs}}}
    )
    rows = found.tables["transparency"]
    assert [row.label for row in rows] == [
        *("I3D, pure video", "I3D, pure video, published"),
        *("I3D, mixed video", "I3D, mixed video, published"),
        *("C2 + I3D", "C2 + I3D, published", "own + I3D"),
    ]
    assert [row.values["accuracy"].number for row in rows[:4]] == [0.5, 0.595, 0.5, 0.221]
    assert (rows[0].examples, rows[1].examples) == (9, 0)
    text = render_report(make_page(gallery={}, analysis=found))
    assert "Actions in mixtures" in text


def test_nothing_is_loaded_from_elsewhere(report, gallery):
    for text in (report, gallery):
        links = Links(text)
        assert links.found
        assert all(link.startswith(("data:", "#")) for link in links.found)
        assert "@import" not in text
        assert not re.search(r"url\((?!#)", text)
        assert len(links.ids) == len(set(links.ids))
        assert {link[1:] for link in links.found if link.startswith("#")} <= set(links.ids)


def test_names_are_escaped(report, gallery):
    for text in (report, gallery):
        assert NASTY not in text
        assert "<script>alert" not in text
        assert html.escape(NASTY.split("/")[2])[:8] in text


def browse(text, folder, *, width):
    # Open, everything takes its room.
    opened = text.replace("<details>", "<details open>")
    probed = opened.replace("</body>", PROBE + "</body>")
    (folder / "page.html").write_text(probed, encoding="utf-8")
    (folder / "frame.html").write_text(FRAME % width, encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += [f"--user-data-dir={folder}/profile", "--virtual-time-budget=20000"]
    command += [f"--window-size={width + 100},2100", (folder / "frame.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    [seen] = re.findall(r'<pre id="probe">(.*?)</pre>', done.stdout)
    return json.loads(html.unescape(seen))


# Skipped where there is no browser: it is no Python package, and the pages' text is tested above.
@pytest.mark.skipif(not shutil.which("chromium"), reason="no browser: apt install chromium")
@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("name", ["report", "gallery"])
def test_browser_shows_it_whole(name, width, request, tmp_path):
    seen = browse(request.getfixturevalue(name), tmp_path, width=width)
    assert seen["inner"] == width
    assert seen["content"] <= width
    assert seen["videos"]
    assert all(video == [96, 96, False] for video in seen["videos"])
    assert all(seen["pictures"])
