"""What a report is made of: curves, picks, tables, and examples taken apart."""

import json

import numpy as np
import pytest
import tensorflow as tf

from components.html import separated_examples as report_gallery
from components.html.data_uris import in_grid
from components.html.separated_examples import example_of, pick, take_apart
from components.report import findings
from components.report.curves import read_curves
from components.report.data import read_data
from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.records.record import decode
from models.export.exported_model import ExportedModel


def write_curve(logs, steps, values):
    writer = tf.summary.create_file_writer(str(logs))
    with writer.as_default():
        for step, value in zip(steps, values, strict=True):
            tf.summary.scalar("train/loss", value, step=step)
            tf.summary.image("held_out/separation", np.zeros((1, 4, 4, 3), np.uint8), step=step)
    writer.close()


def test_curves_are_read_back_and_a_resumed_training_replaces_what_it_repeats(tmp_path):
    write_curve(tmp_path, [10, 20, 30], [0.5, 0.4, 9.0])
    first = next(tmp_path.iterdir())
    first.rename(tmp_path / "events.out.tfevents.0000000001.host")
    write_curve(tmp_path, [30, 40], [0.3, 0.25])
    curves = read_curves(str(tmp_path))
    assert list(curves) == ["train/loss"]
    steps, values = zip(*curves["train/loss"], strict=True)
    assert steps == (10, 20, 30, 40)
    assert values == pytest.approx((0.5, 0.4, 0.3, 0.25))


def test_no_logs_are_no_curves(tmp_path):
    assert read_curves(str(tmp_path / "missing")) == {}


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ([0.9, 0.2, 0.5, 0.7, 0.3], [("best", 1), ("median", 2), ("worst", 0)]),
        ([0.9, 0.2, 0.5, 0.7], [("best", 1), ("median", 2), ("worst", 0)]),
        ([1.0, 1.0, 1.0], [("best", 0), ("median", 1), ("worst", 2)]),
        ([0.6, 0.4], [("best", 1), ("worst", 0)]),
        ([0.6], [("best", 0)]),
        ([], []),
    ],
)
def test_best_median_and_worst(ratios, expected):
    assert pick(np.array(ratios)) == expected


def measured(loss, identity, accuracy, examples=10):
    values = {"loss": loss, "identity_loss": identity, "relative_loss": loss / identity}
    values["control_accuracy"] = accuracy
    intervals = {f"{name}_interval": 0.01 for name in values}
    return {**values, **intervals, "examples": float(examples)}


METRICS = {
    "": {"": measured(0.2, 0.4, 0.7, 20)},
    "mixture_type": {
        "transparency": measured(0.2, 0.4, 0.7),
        "occlusion": measured(0.3, 0.4, 0.6),
    },
    "v1_height": {"96": measured(0.2, 0.4, 0.7), "1080": measured(0.2, 0.4, 0.7)},
}


def test_model_stands_beside_identity_the_last_model_and_the_published_figures():
    baseline = {"mixture_type": {"transparency": measured(0.25, 0.4, 0.5)}}
    rows = findings.compare("c3_internal", METRICS, baseline)
    assert list(rows) == ["transparency", "occlusion"]
    labels = {name: [row.label for row in found] for name, found in rows.items()}
    ours = ["this model", "Identity"]
    assert labels["transparency"] == [
        *(*ours, "last blessed model", "Identity, published", "published")
    ]
    assert labels["occlusion"] == [*ours, "Identity, published"]
    values = {row.label: row.values for row in rows["transparency"]}
    assert values["this model"]["loss"] == findings.Value(0.2, 0.01)
    assert values["Identity"]["loss"].number == 0.4
    assert values["published"]["control_accuracy"] == findings.Value(0.777)
    assert values["published"]["relative_loss"].number == pytest.approx(0.119 / 0.364)


def test_systems_without_control_show_no_control_accuracy():
    names = [measure.name for measure in findings.measures("c2", METRICS)]
    assert names == ["loss", "relative_loss"]
    hearing = findings.measures("c3_deterministic", METRICS)
    assert "control_accuracy" in [measure.name for measure in hearing]


def test_identity_and_the_classifier_have_rows_of_their_own():
    rows = findings.compare("identity", METRICS, {})
    assert [row.label for row in rows["transparency"]] == ["this model", "published"]
    classified = {"accuracy": 0.5, "mixed_accuracy": 0.4, "cross_entropy": 1.0, "examples": 5.0}
    classified |= {f"{name}_interval": 0.1 for name in list(classified)}
    metrics = {"": {"": classified}, "mixture_type": {"occlusion": classified}}
    [row, published] = findings.compare("i3d", metrics, {})["occlusion"]
    assert published.values["mixed_accuracy"] == findings.Value(0.213)
    shown = findings.measures("i3d", metrics)
    assert findings.headline({"occlusion": [row]}, shown)[0] == (
        *("50 %", "accuracy, single videos, occlusion"),
    )


def test_slices_leave_out_the_mixture_type_and_sort_numbers_by_size():
    slices = findings.slices(METRICS)
    assert {name: [row.label for row in rows] for name, rows in slices.items()} == {
        "v1_height": ["96", "1080"]
    }


def test_grid_keeps_every_picture():
    pictures = np.arange(1, 6, dtype=np.uint8)[:, None, None] * np.ones((5, 2, 3), np.uint8)
    grid = in_grid(pictures, columns=3, gap=1)
    assert grid.shape == (5, 11, 2)
    assert [grid[0, 0, 0], grid[0, 4, 0], grid[0, 8, 0], grid[3, 4, 0]] == [1, 2, 3, 5]
    assert grid[2, :, 1].max() == 0
    assert grid[3, 8, 1] == 0


@pytest.fixture(scope="module")
def c3(export_model):
    folder, _ = export_model("c3_internal")
    return ExportedModel(str(folder))


def test_exported_model_tells_its_clip_and_what_it_takes(c3, clip, tmp_path):
    assert c3.clip == clip
    assert (c3.separates, c3.hears, c3.deterministic) == (True, True, False)
    with pytest.raises(UserError, match="must be the folder of one version"):
        ExportedModel(str(tmp_path))


def test_gallery_shows_the_best_and_worst_of_each_type(c3, held_out, clip):
    entries = shown(c3, held_out, clip)
    files = [held_out.files[0], held_out.files[1]]
    records = [r for file in files for r in tf.data.TFRecordDataset(file).as_numpy_iterator()]
    scalars = c3.evaluate(np.array(records, object))
    ratios = scalars["loss"] / scalars["identity_loss"]
    about = [decode(record, clip) for record in records]
    for name in ("transparency", "occlusion"):
        own = [i for i, values in enumerate(about) if values["mixture_type"] == name]
        order = sorted(own, key=lambda i: ratios[i])
        expected = [about[order[i]]["mixture_id"] for i in (0, 1, 2)]
        assert [entry.title for entry in entries[name]] == ["best", "median", "worst"]
        assert [entry.about.split()[-1] for entry in entries[name]] == expected


def shown(model, held_out_set, clip):
    return report_gallery.held_out(model, held_out_set.files, clip, limit=100)


def test_entry_says_what_the_evaluation_says(c3, held_out, clip):
    record = held_out.serialized[0]
    entry = take_apart(c3, clip, example_of(decode(record, clip), "first"))
    scalars = c3.evaluate(np.array([record], object))
    said = float(entry.facts[0].split()[1].rstrip(","))
    # What is shown is rounded to whole colours.
    assert said == pytest.approx(scalars["loss"][0], abs=4e-3)
    [chosen] = [shown for shown in entry.outputs if shown.chosen]
    assert chosen.sounds
    assert ("right" in entry.facts[1]) == bool(scalars["control_accuracy"][0])
    assert len(entry.truths) == len(entry.outputs) == 2
    assert [len(composition) for composition in entry.compositions] == [2, 2]
    assert entry.masks.startswith("data:image/png;base64,")


def test_equal_clips_leave_nothing_to_separate(c3, held_out, clip):
    values = decode(held_out.serialized[0], clip)
    entry = take_apart(c3, clip, example_of({**values, "v2": values["v1"]}, "equal"))
    assert entry.facts[0].endswith("Identity's 0.000")


def test_identity_has_nothing_inside(export_model, held_out, clip):
    folder, _ = export_model("identity")
    entries = shown(ExportedModel(str(folder)), held_out, clip)
    entry = entries["transparency"][0]
    assert (entry.compositions, entry.masks) == ([], None)
    assert not any(output.chosen for output in entry.outputs)


def test_data_are_counted_and_rejected_files_named(tmp_path):
    split = {
        "mixtures": 3,
        "mixture_types": {"occlusion": 3},
        "with_sound": 2,
        "videos": 4,
        "sources": 2,
        "labels": ["", "a"],
        "dropped": [{"mixture_id": "eval-1", "path": "x.mp4", "reason": "broken"}],
    }
    settings = DataConfig(seed=7).model_dump()
    info = {"splits": {"train": split, "eval": split}, "settings": settings}
    (tmp_path / "info.json").write_text(json.dumps(info))
    (tmp_path / "rejected.csv").write_text("path,reason\ny.txt,not a video\n")
    data = read_data(str(tmp_path))
    assert data.config.seed == 7
    counts = dict(data.splits[1].counts)
    assert (counts["transparencies"], counts["occlusions"], counts["classes"]) == (0, 3, 1)
    assert data.splits[0].dropped == [("eval-1", "x.mp4", "broken")]
    assert data.rejected == [("y.txt", "not a video")]
