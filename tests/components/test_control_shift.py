import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.analyses.control_shift.component import ControlShift, analyse
from components.analyses.control_shift.control_audio import Sounds, draw_strangers, window_starts
from components.analyses.control_shift.curve import summarise
from components.analyses.control_shift.records import HeldOut, read_held_out, with_sound
from components.analyses.control_shift.settings import ShiftConfig
from components.analyses.control_shift.spans import find_manifest
from data_prep.errors import UserError
from data_prep.media.reading import read_sound
from data_prep.records.record import decode, feature_spec

SHIFTS = (0.5, -0.25, 0.0, 1.75)


def hears_loudness(records):
    """`evaluate` of a model whose control accuracy is the mean loudness that it hears."""
    spec = {"v1_sound": feature_spec()["v1_sound"]}
    sounds = tf.io.parse_example(tf.constant(records), spec)["v1_sound"].numpy()
    loudness = [np.abs(np.frombuffer(sound, "<i2").astype(float)).mean() for sound in sounds]
    return {"control_accuracy": np.array(loudness)}


def expected_loudness(held_out, clip, shift):
    """Mean loudness of each mixture's shifted window, of those that stay in their video."""
    found = []
    for record in held_out.serialized:
        values = decode(record, clip)
        [video] = [video for video in held_out.videos if video.id == values["v1_id"]]
        start = round(values["v1_start"], 3) + shift
        if 0 <= start <= video.duration - clip.seconds:
            sound = read_sound(
                video.path, start=start, samples=clip.samples, sample_rate=clip.sample_rate
            )
            found.append(np.abs(sound.astype(float)).mean())
    return found


def run(run_component, model_artifact, held_out, clip, folder, **settings):
    inputs = {"examples": held_out.examples, "model": model_artifact(folder)}
    return run_component(
        ControlShift,
        inputs,
        manifests=str(held_out.manifests),
        settings=json.dumps(settings),
        clip=clip.model_dump_json(),
    )


def test_each_point_is_heard_where_it_says(held_out, clip, half_width):
    config = ShiftConfig(shifts=SHIFTS)
    found = analyse(held_out.files, hears_loudness, held_out.videos, config, clip)
    assert [point["seconds"] for point in found["shifts"]] == sorted(SHIFTS)
    for point in found["shifts"]:
        expected = expected_loudness(held_out, clip, point["seconds"])
        assert point["mixtures"] == len(expected)
        if expected:
            assert point["control_accuracy"] == pytest.approx(np.mean(expected), rel=1e-5)
    counts = [point["mixtures"] for point in found["shifts"]]
    assert counts[1] == 6, "the window itself stays in the video"
    assert counts[3] == 0, "no window of half a second is left 1.75 s later"
    assert found["shifts"][3]["control_accuracy"] is None
    assert found["silence"] == {
        "mixtures": 6,
        "control_accuracy": 0.0,
        "control_accuracy_interval": half_width([0] * 6),
    }
    assert found["stranger"]["mixtures"] == 6
    assert found["stranger"]["control_accuracy"] > 0
    assert (found["mixtures"], found["unreadable"]) == (6, 0)
    by_type = found["mixture_types"]
    assert list(by_type) == ["transparency", "occlusion"]
    assert all(curve["mixtures"] == 3 for curve in by_type.values())
    for k, point in enumerate(found["shifts"]):
        assert point["mixtures"] == sum(c["shifts"][k]["mixtures"] for c in by_type.values())


def test_at_0_it_is_the_evaluators_control_accuracy(
    run_component, model_artifact, held_out, clip, export_model, half_width
):
    folder, _ = export_model("c3_internal")
    found = run(run_component, model_artifact, held_out, clip, folder, shifts=[0, -0.25])
    evaluate = tf.saved_model.load(str(folder)).signatures["evaluate"]
    expected = evaluate(examples=tf.constant(held_out.serialized))["control_accuracy"].numpy()
    at_0 = found["shifts"][1]
    assert at_0 == {
        "seconds": 0.0,
        "mixtures": 6,
        "control_accuracy": expected.mean(),
        "control_accuracy_interval": half_width(expected),
    }


def test_sound_at_0_is_the_records_to_the_sample(held_out, clip):
    mixtures = read_held_out(held_out.files, 6)
    sounds = Sounds(mixtures, held_out.videos, ShiftConfig(shifts=(0.0,)), clip)
    for mixture in mixtures.values():
        np.testing.assert_array_equal(sounds.of(mixture)[0.0], mixture.v1_sound)
        assert np.abs(mixture.v1_sound).max() > 100


def test_record_gets_another_sound_and_keeps_the_rest(held_out, clip):
    record = held_out.serialized[0]
    sound = np.arange(clip.samples, dtype=np.int16) - 7
    before, after = decode(record, clip), decode(with_sound(record, sound), clip)
    np.testing.assert_array_equal(after.pop("sound1"), sound / np.float32(2**15))
    del before["sound1"]
    for key, value in before.items():
        np.testing.assert_array_equal(after[key], value, err_msg=key)


def test_first_mixtures_by_name_are_taken_whatever_the_files(held_out, clip):
    names = list(read_held_out(held_out.files, 4))
    assert names == [f"eval-{k:08d}" for k in range(4)]
    found = analyse(
        held_out.files, hears_loudness, held_out.videos, ShiftConfig(shifts=(), mixtures=4), clip
    )
    assert found["mixtures"] == found["silence"]["mixtures"] == 4
    assert found["shifts"] == []


def test_missing_video_is_left_out_and_counted(held_out, clip):
    mixtures = read_held_out(held_out.files, 6)
    gone = mixtures["eval-00000000"].v1_id
    lost = sum(mixture.v1_id == gone for mixture in mixtures.values())
    assert 0 < lost < 6
    for videos in (
        [video for video in held_out.videos if video.id != gone],
        [
            replace(video, path=video.path + ".gone") if video.id == gone else video
            for video in held_out.videos
        ],
    ):
        config = ShiftConfig(shifts=(0.0,))
        found = analyse(held_out.files, hears_loudness, videos, config, clip)
        assert found["unreadable"] == lost
        assert found["shifts"][0]["mixtures"] == 6 - lost
        assert found["silence"]["mixtures"] == found["stranger"]["mixtures"] == 6


def test_no_video_left_is_an_error(held_out, clip):
    gone = [replace(video, path="/nowhere/" + video.id) for video in held_out.videos]
    with pytest.raises(UserError, match="must lie where the manifest says: /nowhere/video"):
        analyse(held_out.files, hears_loudness, gone, ShiftConfig(shifts=(0.0,)), clip)


@pytest.mark.parametrize(
    ("start", "kept"),
    [
        (0.0, [0.0, 0.5, 1.5]),
        (0.3, [-0.3, 0.0, 0.5]),
        (1.5, [-0.5, -0.3, 0.0]),
    ],
)
def test_windows_stay_in_the_video(clip, start, kept):
    starts = window_starts(start, (-0.5, -0.3, 0.0, 0.5, 1.5), 2.0, clip)
    assert starts == {shift: pytest.approx(start + shift) for shift in kept}


def test_window_as_long_as_its_video_can_be_heard_at_0(clip):
    # A container may tell a duration that is rounded down.
    assert window_starts(0.0, (0.0,), clip.seconds - 0.0005, clip) == {0.0: 0.0}


def mixture(name, v1, v2, *, has_sound=True):
    (v1_source, v1_label), (v2_source, v2_label) = v1, v2
    return HeldOut(
        mixture_id=name,
        mixture_type="occlusion",
        v1_id=v1_source,
        v1_source=v1_source,
        v1_label=v1_label,
        v1_start=0.0,
        v1_has_sound=has_sound,
        v1_sound=np.zeros(1, np.int16),
        v2_source=v2_source,
        v2_label=v2_label,
    )


def by_name(*mixtures):
    return {mixture.mixture_id: mixture for mixture in mixtures}


def test_stranger_is_of_neither_class_nor_source():
    mixtures = by_name(
        mixture("a", ("s1", "dog"), ("s2", "cat")),
        mixture("b", ("s3", "cat"), ("s1", "dog")),
        mixture("c", ("s4", "cow"), ("s1", "dog")),
        mixture("d", ("s5", "owl"), ("s1", "dog"), has_sound=False),
        mixture("e", ("s6", ""), ("s1", "dog")),
    )
    drawn = draw_strangers(mixtures, 0)
    assert drawn["a"] == drawn["b"] == "c"
    assert drawn["c"] == "b"
    assert drawn["d"] in ("b", "c")
    assert drawn == draw_strangers(mixtures, 0)
    assert {draw_strangers(mixtures, seed)["d"] for seed in range(20)} == {"b", "c"}


def test_stranger_of_another_source_will_do_and_none_is_left_out():
    same_class = by_name(
        mixture("a", ("s1", ""), ("s2", "")),
        mixture("b", ("s2", ""), ("s3", "")),
        mixture("c", ("s3", ""), ("s1", "")),
    )
    assert draw_strangers(same_class, 0) == {"a": "c", "b": "a", "c": "b"}
    assert draw_strangers(by_name(mixture("a", ("s1", "x"), ("s2", "y"))), 0) == {}


def test_curve_by_hand(half_width):
    choices = {
        0.0: {"a": 1.0, "b": 1.0, "c": 0.0},
        1.0: {"b": 0.0},
        "silence": {"a": 0.0, "b": 1.0, "c": 0.0},
        "stranger": {},
    }
    types = {"a": "occlusion", "b": "occlusion", "c": "transparency"}
    found = summarise(choices, (0.0, 1.0), types)
    assert [point["mixtures"] for point in found["shifts"]] == [3, 1]
    assert found["shifts"][0]["control_accuracy"] == pytest.approx(2 / 3)
    assert found["shifts"][1]["control_accuracy_interval"] == half_width([0.0])
    nothing = {"mixtures": 0, "control_accuracy": None, "control_accuracy_interval": None}
    assert found["stranger"] == nothing
    transparency = found["mixture_types"]["transparency"]
    assert transparency["mixtures"] == 1
    assert transparency["shifts"][1] == {"seconds": 1.0, **nothing}
    assert found["mixture_types"]["occlusion"]["silence"]["control_accuracy"] == 0.5


def test_manifest_is_the_spans_or_the_newest(tmp_path):
    for span in (2, 9, 10):
        path = tmp_path / f"span-{span}" / "manifest.csv"
        path.parent.mkdir()
        path.touch()
    assert find_manifest(str(tmp_path), 9) == str(tmp_path / "span-9" / "manifest.csv")
    assert Path(find_manifest(str(tmp_path), 0)).parent.name == "span-10"
    with pytest.raises(UserError, match=r"span-3/manifest\.csv: received spans 2, 9, 10"):
        find_manifest(str(tmp_path), 3)
    with pytest.raises(UserError, match=r"span-N/manifest\.csv: received spans none"):
        find_manifest(str(tmp_path / "nothing"), 0)
