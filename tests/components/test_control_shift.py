"""Control by shifted audio: cues, choices, and the curve."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from fsspec.implementations.memory import MemoryFileSystem

from components.analyses.control_shift.component import ControlShift, Request, analyze
from components.analyses.control_shift.control_audio import (
    ControlAudio,
    draw_donors,
    draw_donors_of_class,
    window_starts,
)
from components.analyses.control_shift.held_out import HeldOutMixture, read_held_out, with_audio
from components.analyses.control_shift.shift_results import (
    SAME_CLASS_AUDIO,
    SILENT_AUDIO,
    UNRELATED_AUDIO,
    ControlShiftSettings,
    CuePoint,
    ShiftedPoint,
    average,
    summarize,
)
from components.estimates import SeedEstimate
from components.mixture_gen.spans import find_manifest
from data_prep.errors import StorageError, UserError
from data_prep.media.clip import read_audio
from data_prep.records.record import decode
from data_prep.records.tensors import feature_spec
from data_prep.storage import retries

SHIFTS = (0.5, -0.25, 0.0, 1.75)


def by_loudness(records):
    """`evaluate` of a model whose control accuracy is the mean loudness of its cue."""
    spec = {"v1_sound": feature_spec()["v1_sound"]}
    cues = tf.io.parse_example(tf.constant(records), spec)["v1_sound"].numpy()
    loudness = [np.abs(np.frombuffer(cue, "<i2").astype(float)).mean() for cue in cues]
    return {"control_accuracy": np.array(loudness)}


def request(clip, **settings):
    return Request(settings=ControlShiftSettings(**settings), clip=clip)


def expected_loudness(held_out, clip, shift):
    """Mean loudness of each mixture's shifted window, of those that stay in their video."""
    found = []
    for record in held_out.serialized:
        values = decode(record, clip)
        [video] = [video for video in held_out.videos if video.id == values["v1_id"]]
        start = round(values["v1_start"], 3) + shift
        if 0 <= start <= video.duration - clip.seconds:
            audio = read_audio(
                video.path, start=start, samples=clip.samples, sample_rate=clip.sample_rate
            )
            found.append(np.abs(audio.astype(float)).mean())
    return found


def run(run_component, model_artifact, held_out, clip, folder, **settings):
    inputs = {"examples": held_out.examples, "model": model_artifact(folder)}
    return run_component(
        ControlShift,
        inputs,
        manifests=str(held_out.manifests),
        settings=request(clip, **settings).model_dump_json(),
    )


def test_each_point_uses_the_audio_that_it_names(held_out, clip, half_width):
    asked = request(clip, shifts=SHIFTS)
    found = analyze(held_out.files, by_loudness, held_out.videos, asked)
    assert [point.seconds for point in found.shifts] == sorted(SHIFTS)
    for point in found.shifts:
        expected = expected_loudness(held_out, clip, point.seconds)
        assert point.mixtures == len(expected)
        if expected:
            assert point.control_accuracy.value == pytest.approx(np.mean(expected), rel=1e-5)
    counts = [point.mixtures for point in found.shifts]
    assert counts[1] == 6, "the window itself stays in the video"
    assert counts[3] == 0, "no window of half a second is left 1.75 s later"
    assert found.shifts[3].control_accuracy is None
    assert found.silent_audio.mixtures == 6
    assert found.silent_audio.control_accuracy.value == 0.0
    assert found.silent_audio.control_accuracy.half_width == half_width([0] * 6)
    assert found.unrelated_audio.mixtures == 6
    assert found.unrelated_audio.control_accuracy.value > 0
    assert (found.mixtures, found.unreadable) == (6, 0)
    by_type = found.mixture_types
    assert list(by_type) == ["transparency", "occlusion"]
    assert all(curve.mixtures == 3 for curve in by_type.values())
    for curves in (by_type, found.classes):
        for k, point in enumerate(found.shifts):
            assert point.mixtures == sum(curve.shifts[k].mixtures for curve in curves.values())


def test_audio_that_the_manifest_does_not_name_is_silent_at_every_shift(held_out, clip):
    dubbed = [replace(video, audio_stream=None, loudness=None) for video in held_out.videos]
    found = analyze(held_out.files, by_loudness, dubbed, request(clip, shifts=SHIFTS))
    assert sum(point.mixtures for point in found.shifts) > 0
    for point in found.shifts:
        assert point.control_accuracy is None or point.control_accuracy.value == 0.0


def test_curves_by_classes_are_those_of_the_records_labels(held_out, clip):
    """Recomputed in NumPy; `by_loudness` makes the accuracy the mean loudness of the cue."""
    found = analyze(held_out.files, by_loudness, held_out.videos, request(clip, shifts=(0.0,)))
    records = [decode(record, clip) for record in held_out.serialized]
    same = np.array([values["v1_label"] == values["v2_label"] for values in records])
    loudness = np.array([np.abs(values["audio1"] * 2.0**15).mean() for values in records])
    assert list(found.classes) == ["two classes", "one class"]
    for curve, own in zip(found.classes.values(), (~same, same), strict=True):
        [at_0] = curve.shifts
        assert curve.mixtures == at_0.mixtures == curve.silent_audio.mixtures == own.sum() > 0
        assert at_0.control_accuracy.value == pytest.approx(loudness[own].mean(), rel=1e-5)


def test_audio_of_v1s_class_is_another_videos(held_out, clip):
    mixtures = read_held_out(held_out.files, 6)
    audio = ControlAudio(mixtures, held_out.videos, (), clip, seed=0)
    windows = {m.v1_audio.tobytes(): m for m in mixtures.values()}
    asked = 0
    for mixture in mixtures.values():
        cue = audio.of(mixture).get(SAME_CLASS_AUDIO)
        if cue is not None:
            donor = windows[cue.tobytes()]
            assert donor.v1_label == mixture.v1_label
            assert donor.v1_source not in (mixture.v1_source, mixture.v2_source)
            asked += 1
    assert asked > 0
    found = analyze(held_out.files, by_loudness, held_out.videos, request(clip, shifts=()))
    assert found.same_class_audio.mixtures == asked


def test_at_0_it_is_the_evaluators_control_accuracy(
    run_component, model_artifact, held_out, clip, export_model, half_width
):
    folder, _ = export_model("c3_internal")
    found = run(run_component, model_artifact, held_out, clip, folder, shifts=[0, -0.25])
    evaluate = tf.saved_model.load(str(folder)).signatures["evaluate"]
    expected = evaluate(examples=tf.constant(held_out.serialized))["control_accuracy"].numpy()
    at_0 = found.shifts[1]
    assert (at_0.seconds, at_0.mixtures) == (0.0, 6)
    assert at_0.control_accuracy.value == expected.mean()
    assert at_0.control_accuracy.half_width == half_width(expected)


def test_audio_at_0_is_the_records_to_the_sample(held_out, clip):
    mixtures = read_held_out(held_out.files, 6)
    audio = ControlAudio(mixtures, held_out.videos, (0.0,), clip, seed=0)
    for mixture in mixtures.values():
        np.testing.assert_array_equal(audio.of(mixture)[0.0], mixture.v1_audio)
        assert np.abs(mixture.v1_audio).max() > 100


def test_record_gets_another_cue_and_keeps_the_rest(held_out, clip):
    record = held_out.serialized[0]
    audio = np.arange(clip.samples, dtype=np.int16) - 7
    before, after = decode(record, clip), decode(with_audio(record, audio), clip)
    np.testing.assert_array_equal(after.pop("audio1"), audio / np.float32(2**15))
    del before["audio1"]
    for key, value in before.items():
        np.testing.assert_array_equal(after[key], value, err_msg=key)


def test_first_mixtures_by_name_are_taken_whatever_the_files(held_out, clip):
    names = list(read_held_out(held_out.files, 4))
    assert names == [f"eval-{k:08d}" for k in range(4)]
    asked = request(clip, shifts=(), mixtures=4)
    found = analyze(held_out.files, by_loudness, held_out.videos, asked)
    assert found.mixtures == found.silent_audio.mixtures == 4
    assert found.shifts == ()


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
        found = analyze(held_out.files, by_loudness, videos, request(clip, shifts=(0.0,)))
        assert found.unreadable == lost
        assert found.shifts[0].mixtures == 6 - lost
        assert found.silent_audio.mixtures == found.unrelated_audio.mixtures == 6


@pytest.fixture
def slow_store(held_out, monkeypatch):
    """Videos in a remote store, and the number of times that it will time out from now on."""
    videos = [replace(v, path=f"memory://shift/{v.id}.mp4") for v in held_out.videos]
    for local, remote in zip(held_out.videos, videos, strict=True):
        MemoryFileSystem().pipe_file(remote.path, Path(local.path).read_bytes())
    timeouts, get_file = [0], MemoryFileSystem.get_file

    def fail_or_get(self, *given, **settings):
        if timeouts[0]:
            timeouts[0] -= 1
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        return get_file(self, *given, **settings)

    monkeypatch.setattr(MemoryFileSystem, "get_file", fail_or_get)
    monkeypatch.setattr(retries, "_sleep", lambda seconds: None)
    yield videos, timeouts
    MemoryFileSystem().rm("/shift", recursive=True)


def test_a_storage_that_times_out_once_costs_no_mixture(held_out, clip, slow_store):
    videos, timeouts = slow_store
    asked = request(clip, shifts=(0.0,))
    expected = analyze(held_out.files, by_loudness, held_out.videos, asked)
    timeouts[0] = 1
    assert analyze(held_out.files, by_loudness, videos, asked) == expected
    assert (timeouts[0], expected.unreadable) == (0, 0)


def test_a_storage_that_keeps_timing_out_ends_the_stage(held_out, clip, slow_store):
    videos, timeouts = slow_store
    timeouts[0] = 1_000
    with pytest.raises(StorageError, match=r"memory://shift/.*: Connection timed out"):
        analyze(held_out.files, by_loudness, videos, request(clip, shifts=(0.0,)))


def test_no_video_left_is_an_error(held_out, clip):
    gone = [replace(video, path="/nowhere/" + video.id) for video in held_out.videos]
    with pytest.raises(UserError, match="must lie where the manifest says, got /nowhere/video"):
        analyze(held_out.files, by_loudness, gone, request(clip, shifts=(0.0,)))


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


def test_window_as_long_as_its_video_has_a_point_at_0(clip):
    # A container may state a duration that is rounded down.
    assert window_starts(0.0, (0.0,), clip.seconds - 0.0005, clip) == {0.0: 0.0}


def mixture(name, v1, v2, *, has_audio=True):
    (v1_source, v1_label), (v2_source, v2_label) = v1, v2
    return HeldOutMixture(
        mixture_id=name,
        mixture_type="occlusion",
        v1_id=v1_source,
        v1_source=v1_source,
        v1_label=v1_label,
        v1_start=0.0,
        v1_has_audio=has_audio,
        v1_audio=np.zeros(1, np.int16),
        v2_source=v2_source,
        v2_label=v2_label,
    )


def by_name(*mixtures):
    return {mixture.mixture_id: mixture for mixture in mixtures}


def test_unrelated_audio_is_of_neither_class_nor_source():
    mixtures = by_name(
        mixture("a", ("s1", "dog"), ("s2", "cat")),
        mixture("b", ("s3", "cat"), ("s1", "dog")),
        mixture("c", ("s4", "cow"), ("s1", "dog")),
        mixture("d", ("s5", "owl"), ("s1", "dog"), has_audio=False),
        mixture("e", ("s6", ""), ("s1", "dog")),
    )
    drawn = draw_donors(mixtures, 0)
    assert drawn["a"] == drawn["b"] == "c"
    assert drawn["c"] == "b"
    assert drawn["d"] in ("b", "c")
    assert drawn == draw_donors(mixtures, 0)
    assert {draw_donors(mixtures, seed)["d"] for seed in range(20)} == {"b", "c"}


def test_unrelated_audio_of_the_same_class_is_the_second_choice():
    same_class = by_name(
        mixture("a", ("s1", ""), ("s2", "")),
        mixture("b", ("s2", ""), ("s3", "")),
        mixture("c", ("s3", ""), ("s1", "")),
    )
    assert draw_donors(same_class, 0) == {"a": "c", "b": "a", "c": "b"}
    assert draw_donors(by_name(mixture("a", ("s1", "x"), ("s2", "y"))), 0) == {}


def test_audio_of_v1s_class_is_never_of_another_class():
    mixtures = by_name(
        mixture("a", ("s1", "dog"), ("s2", "cat")),
        mixture("b", ("s3", "dog"), ("s1", "dog")),
        mixture("c", ("s2", "dog"), ("s4", "owl")),
        mixture("d", ("s5", "dog"), ("s1", "owl"), has_audio=False),
        mixture("e", ("s6", ""), ("s1", "dog")),
        mixture("f", ("s7", ""), ("s1", "dog")),
        mixture("g", ("s8", "owl"), ("s1", "dog")),
    )
    possible = {"a": {"b"}, "b": {"c"}, "c": {"a", "b"}, "d": {"b", "c"}}
    drawn = [draw_donors_of_class(mixtures, seed) for seed in range(20)]
    assert {name: {one[name] for one in drawn} for name in drawn[0]} == possible
    assert drawn[0] == draw_donors_of_class(mixtures, 0)


def test_curve_by_hand(half_width):
    choices = {
        0.0: {"a": 1.0, "b": 1.0, "c": 0.0},
        1.0: {"b": 0.0},
        SILENT_AUDIO: {"a": 0.0, "b": 1.0, "c": 0.0},
        UNRELATED_AUDIO: {},
    }
    types = {"a": "occlusion", "b": "occlusion", "c": "transparency"}
    classes = {"a": "one class", "b": "", "c": "two classes"}
    found = summarize(choices, (0.0, 1.0), types, classes)
    assert [point.mixtures for point in found.shifts] == [3, 1]
    assert found.shifts[0].control_accuracy.value == pytest.approx(2 / 3)
    assert found.shifts[1].control_accuracy.half_width == half_width([0.0])
    nothing = CuePoint(mixtures=0, control_accuracy=None)
    assert found.unrelated_audio == nothing
    transparency = found.mixture_types["transparency"]
    assert transparency.mixtures == 1
    assert transparency.shifts[1] == ShiftedPoint(seconds=1.0, mixtures=0, control_accuracy=None)
    assert found.mixture_types["occlusion"].silent_audio.control_accuracy.value == 0.5
    assert list(found.classes) == list(found.parts) == ["two classes", "one class"]
    two, one = found.classes.values()
    assert (two.mixtures, one.mixtures) == (1, 1)
    assert two.shifts[0].control_accuracy.half_width == half_width([0.0])
    assert one.shifts[0].control_accuracy.value == 1.0
    assert one.shifts[1] == ShiftedPoint(seconds=1.0, mixtures=0, control_accuracy=None)
    unknown = summarize(choices, (0.0, 1.0), types, dict.fromkeys(types, ""))
    assert unknown.parts == {"": unknown}


def test_seeds_are_averaged_by_cue():
    types = {"a": "occlusion", "b": "occlusion"}
    curves = [
        summarize({0.0: {"a": right, "b": 1.0}, SILENT_AUDIO: {"a": 1.0}}, (0.0,), types, {})
        for right in (0.0, 1.0)
    ]
    found = average(curves)
    assert list(found) == ["V1's audio, shifted by +0 s", SILENT_AUDIO]
    assert found["V1's audio, shifted by +0 s"].value == 0.75
    assert isinstance(found[SILENT_AUDIO], SeedEstimate)
    own = curves[0].silent_audio.control_accuracy
    assert average(curves[:1])[SILENT_AUDIO].half_width == own.half_width


def test_manifest_is_the_spans_or_the_newest(tmp_path):
    for span in (2, 9, 10):
        path = tmp_path / f"span-{span}" / "manifest.csv"
        path.parent.mkdir()
        path.touch()
    assert find_manifest(str(tmp_path), 9) == str(tmp_path / "span-9" / "manifest.csv")
    assert Path(find_manifest(str(tmp_path), 0)).parent.name == "span-10"
    with pytest.raises(UserError, match=r"span-3/manifest\.csv, got spans 2, 9, 10"):
        find_manifest(str(tmp_path), 3)
    with pytest.raises(UserError, match=r"span-N/manifest\.csv, got spans none"):
        find_manifest(str(tmp_path / "nothing"), 0)
