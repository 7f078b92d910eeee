"""What a report reads: curves, counts of the data, and the gallery of held-out mixtures."""

import numpy as np
import pytest
import tensorflow as tf

from components.html.data_uris import in_grid
from components.report.curves import read_curves
from components.report.data import read_data
from components.report.gallery import held_out_gallery, pick
from components.separated_examples import example_of, separate_example
from data_prep.config import DataConfig
from data_prep.records.info import DatasetInfo, DroppedMixture, SplitInfo
from data_prep.records.record import decode
from models.export.exported_model import ExportedModel


def write_curve(logs, steps, values):
    writer = tf.summary.create_file_writer(str(logs))
    with writer.as_default():
        for step, value in zip(steps, values, strict=True):
            tf.summary.scalar("train/loss", value, step=step)
            tf.summary.image("held_out/separation", np.zeros((1, 4, 4, 3), np.uint8), step=step)
    writer.close()


def test_curves_are_read_back_and_a_resumed_run_replaces_what_it_repeats(tmp_path):
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
    assert pick(ratios) == expected


def test_grid_keeps_every_image():
    images = np.arange(1, 6, dtype=np.uint8)[:, None, None] * np.ones((5, 2, 3), np.uint8)
    grid = in_grid(images, columns=3, gap=1)
    assert grid.shape == (5, 11, 2)
    assert [grid[0, 0, 0], grid[0, 4, 0], grid[0, 8, 0], grid[3, 4, 0]] == [1, 2, 3, 5]
    assert grid[2, :, 1].max() == 0
    assert grid[3, 8, 1] == 0


@pytest.fixture(scope="module")
def c3(export_model):
    folder, _ = export_model("c3_internal")
    return ExportedModel(str(folder))


def gallery_of(model, held_out_set, clip):
    return held_out_gallery(model, held_out_set.files, clip, limit=100)


def test_gallery_shows_the_best_and_worst_of_each_type(c3, held_out, clip):
    entries = gallery_of(c3, held_out, clip)
    records = [
        r for file in held_out.files for r in tf.data.TFRecordDataset(file).as_numpy_iterator()
    ]
    scalars = c3.evaluate(np.array(records, object))
    ratios = scalars["loss"] / scalars["identity_loss"]
    about = [decode(record, clip) for record in records]
    for name in ("transparency", "occlusion"):
        own = [i for i, values in enumerate(about) if values["mixture_type"] == name]
        order = sorted(own, key=lambda i: ratios[i])
        expected = [about[order[i]]["mixture_id"] for i in (0, 1, 2)]
        assert [entry.title for entry in entries[name]] == ["best", "median", "worst"]
        assert [entry.about.split()[-1] for entry in entries[name]] == expected


def test_entry_says_what_the_evaluation_says(c3, held_out, clip):
    record = held_out.serialized[0]
    entry = separate_example(c3, clip, example_of(decode(record, clip), "first"))
    scalars = c3.evaluate(np.array([record], object))
    said = float(entry.facts[0].split()[1].rstrip(","))
    # What is shown is rounded to whole colors.
    assert said == pytest.approx(scalars["loss"][0], abs=4e-3)
    [chosen] = [shown for shown in entry.outputs if shown.chosen]
    assert chosen.has_audio
    assert ("right" in entry.facts[1]) == bool(scalars["control_accuracy"][0])
    assert len(entry.targets) == len(entry.outputs) == 2
    assert [caption.split()[0] for shown in entry.outputs for caption in shown.captions].count(
        "score"
    ) == 2
    assert [len(composition) for composition in entry.compositions] == [7, 7]
    assert entry.masks.startswith("data:image/png;base64,")


def test_without_audio_the_choice_is_arbitrary(c3, held_out, clip):
    values = {**decode(held_out.serialized[0], clip), "v1_has_sound": 0}
    entry = separate_example(c3, clip, example_of(values, "silent"))
    assert entry.facts[-1] == "no audio: the choice is arbitrary"
    assert not any(shown.has_audio for shown in entry.outputs)


def test_equal_clips_leave_nothing_to_separate(c3, held_out, clip):
    values = decode(held_out.serialized[0], clip)
    entry = separate_example(c3, clip, example_of({**values, "v2": values["v1"]}, "equal"))
    assert entry.facts[0].endswith("Identity's 0.000")


def test_identity_has_no_layers(export_model, held_out, clip):
    folder, _ = export_model("identity")
    entry = gallery_of(ExportedModel(str(folder)), held_out, clip)["transparency"][0]
    assert (entry.compositions, entry.masks) == ([], None)
    assert not any(output.chosen for output in entry.outputs)


def test_data_are_counted_and_rejected_files_named(tmp_path):
    split = SplitInfo(
        mixtures=3,
        mixture_types={"occlusion": 3},
        with_audio=2,
        videos=4,
        sources=2,
        labels=["", "a"],
        dropped=[DroppedMixture(mixture_id="eval-1", path="x.mp4", reason="broken")],
    )
    reflected = split.model_copy(update={"mixture_types": {"reflection": 1, "occlusion": 2}})
    info = DatasetInfo(
        splits={"train": split, "eval": reflected}, settings=DataConfig(seed=7), features={}
    )
    info.write(str(tmp_path / "info.json"))
    (tmp_path / "rejected.csv").write_text("path,reason\ny.txt,not a video\n")
    data = read_data(str(tmp_path))
    assert data.settings.seed == 7
    train, held_out = (dict(split.counts) for split in data.facts.splits)
    assert (train["occlusions"], train["reflections"], train["classes"]) == (3, 0, 1)
    assert (held_out["occlusions"], held_out["reflections"]) == (2, 1)
    assert train["transparencies"] == 0
    assert (train["planned mixtures"], train["dropped mixtures"]) == (4, 1)
    assert (train["with audio"], train["without audio"]) == (2, 1)
    assert data.facts.dropped.rows[0] == ("train", "eval-1", "x.mp4", "broken")
    assert data.facts.rejected.rows == [("y.txt", "not a video")]
