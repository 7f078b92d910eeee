from itertools import pairwise

import numpy as np
import pytest

from data_prep.sample.events import SHORTEST
from data_prep.sample.sample_config import MAX_CLASSES
from data_prep.sample.scenes import render, scene_classes

RATE = 22_050


@pytest.mark.parametrize("count", range(2, MAX_CLASSES + 1))
def test_classes_differ(count):
    classes = scene_classes(count)
    assert len({scene.label for scene in classes}) == count
    assert len({scene.look.hue for scene in classes}) == count
    assert len({scene.label for scene in scene_classes(count, "scene")}) == count
    octaves = np.diff(sorted(np.log2(scene.voice.pitch) for scene in classes))
    np.testing.assert_allclose(octaves, 4 / count)


@pytest.fixture(scope="module")
def scenes():
    """Two scenes of each of eight classes, in order."""
    return [render(scene, (seed, 1)) for scene in scene_classes(8) for seed in range(2)]


def mean_hue(frames):
    """Return the circular mean of hue, weighted by chroma, in [0, 1)."""
    red, green, blue = np.moveaxis(frames[::20] / 255.0, -1, 0)
    vector = red + green * np.exp(2j * np.pi / 3) + blue * np.exp(4j * np.pi / 3)
    return np.angle(vector.sum()) / (2 * np.pi) % 1


def test_colors_stay_within_their_class(scenes):
    hues = np.arange(8) / 8
    for number, scene in enumerate(scenes):
        distances = np.abs((mean_hue(scene.frames) - hues + 0.5) % 1 - 0.5)
        assert np.argmin(distances) == number // 2


def test_colors_of_scenes_are_all_hues_whatever_the_class():
    for scene in scene_classes(3, "scene"):
        assert scene.look.hue is None
        hues = [mean_hue(render(scene, (seed,)).frames) for seed in range(12)]
        assert {round(3 * hue) % 3 for hue in hues} == {0, 1, 2}


def test_scenes_have_the_promised_size_and_length(scenes):
    for scene in scenes:
        count, height, width, channels = scene.frames.shape
        assert channels == 3
        assert 96 <= height <= 112
        assert 128 <= width <= 150
        assert 25 <= scene.fps <= 30
        assert 5 <= count / scene.fps < 5.65
        assert len(scene.audio) == round(count / scene.fps * scene.sample_rate)


def test_a_scene_follows_from_its_class_and_seed(scenes):
    again = render(scene_classes(8)[0], (0, 1))
    np.testing.assert_array_equal(again.frames, scenes[0].frames)
    np.testing.assert_array_equal(again.audio, scenes[0].audio)


def test_scenes_of_a_class_differ_at_a_glance(scenes):
    """The mean picture of one is far from that of the other."""
    for one, other in zip(scenes[::2], scenes[1::2], strict=True):
        first, second = (scene.frames[:, :96, :128].mean(0) for scene in (one, other))
        assert np.abs(first - second).mean() > 12


def test_pictures_are_smooth():
    """Most of the contrast is left when blocks of 3x3 pixels, a 48x48 clip's, are averaged."""
    for scene in scene_classes(6):
        frame = render(scene, (5,)).frames[60, :96, :126].astype(float)
        blocks = frame.reshape(32, 3, 42, 3, 3).mean((1, 3))
        assert blocks.std() > 0.94 * frame.std()


def test_the_tone_has_the_pitch_of_the_class():
    for index, scene in enumerate(scene_classes(4)):
        audio = render(scene, (0, index)).audio.astype(float)
        spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
        peak = spectrum.argmax() * RATE / len(audio)
        assert abs(np.log2(peak / scene.voice.pitch)) < 0.5


def per_frame(scene):
    """Return the change and the loudness of each frame, the latter from it to the next."""
    change = np.abs(np.diff(scene.frames.astype(np.int16), axis=0, prepend=scene.frames[:1]))
    times = (np.arange(len(scene.frames) + 1) / scene.fps * RATE).astype(int)
    loudness = np.array([np.sqrt((scene.audio[a:b] ** 2.0).mean()) for a, b in pairwise(times)])
    return change.mean((1, 2, 3)), loudness


def strong_onsets(loudness):
    """Return the frames during which the audio's level jumps."""
    jump = np.diff(loudness, prepend=loudness[0])
    return np.flatnonzero((jump > 2_000) & (jump > np.roll(jump, 1)) & (jump >= np.roll(jump, -1)))


def test_what_is_heard_is_seen_within_a_frame(scenes):
    """The first frame after a strong onset differs from the last before it more than others do."""
    found = 0
    for scene in scenes:
        change, loudness = per_frame(scene)
        for onset in strong_onsets(loudness):
            if 4 <= onset < len(change) - 2:
                calm = change[onset - 3 : onset].max()
                assert change[onset : onset + 3].max() > 1.5 * calm
                found += 1
    assert found > 2 * len(scenes)


def test_loud_events_move_more(scenes):
    """Over all scenes of a class, level and change of the picture rise and fall together."""
    correlations = []
    for scene in scenes:
        change, loudness = per_frame(scene)
        smooth = np.convolve(change, np.ones(4) / 4, "same")
        correlations.append([np.corrcoef(np.roll(loudness, s), smooth)[0, 1] for s in (0, 30)])
    now, shifted = np.mean(correlations, axis=0)
    assert min(c[0] for c in correlations) > 0.3
    assert now > 0.6
    assert abs(shifted) < 0.2


def test_the_hum_is_quiet(scenes):
    for scene in scenes:
        _, loudness = per_frame(scene)
        assert 0 < loudness.min() < 0.15 * loudness.max()
        assert np.abs(scene.audio.astype(int)).max() < 32_000


def test_onsets_are_irregular(scenes):
    """Intervals between loud onsets spread widely and are never shorter than the shortest."""
    gaps = np.concatenate(
        [np.diff(strong_onsets(per_frame(scene)[1])) / scene.fps for scene in scenes]
    )
    assert gaps.min() > SHORTEST - 2 / 25
    assert gaps.std() > 0.15
