from itertools import pairwise

import numpy as np
import pytest

from data_prep.sample.scenes import MAX_CLASSES, render, scene_classes


@pytest.mark.parametrize("count", range(2, MAX_CLASSES + 1))
def test_classes_differ(count):
    classes = scene_classes(count)
    assert len({scene.label for scene in classes}) == count
    assert len({scene.look.hue for scene in classes}) == count
    octaves = np.diff(sorted(np.log2(scene.voice.pitch) for scene in classes))
    np.testing.assert_allclose(octaves, 4 / count)


def mean_hue(frames):
    """Return the circular mean of hue, weighted by chroma, in [0, 1)."""
    red, green, blue = np.moveaxis(frames[::20] / 255.0, -1, 0)
    vector = red + green * np.exp(2j * np.pi / 3) + blue * np.exp(4j * np.pi / 3)
    return np.angle(vector.sum()) / (2 * np.pi) % 1


def test_colors_stay_within_their_class():
    classes = scene_classes(8)
    for index, scene in enumerate(classes):
        for seed in range(2):
            hue = mean_hue(render(scene, (seed, index)).frames)
            distances = [abs((hue - other.look.hue + 0.5) % 1 - 0.5) for other in classes]
            assert np.argmin(distances) == index


def test_the_tone_has_the_pitch_of_the_class():
    for index, scene in enumerate(scene_classes(4)):
        audio = render(scene, (0, index)).audio.astype(float)
        spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
        peak = spectrum.argmax() * 22_050 / len(audio)
        assert abs(np.log2(peak / scene.voice.pitch)) < 0.5


def test_the_tone_is_struck_when_the_disc_bounces():
    """The disc is brighter than everything else; its lowest moments are the loudest."""
    rendered = render(scene_classes(8)[0], (0, 0))
    bright = (rendered.frames.min(-1) > 150).astype(float)
    rows = np.arange(bright.shape[1])
    height = (bright.sum(2) @ rows) / bright.sum((1, 2))
    times = (np.arange(len(height) + 1) / rendered.fps * rendered.sample_rate).astype(int)
    loudness = np.array([np.abs(rendered.audio[a:b]).mean() for a, b in pairwise(times)])
    onsets = np.flatnonzero(np.diff(loudness) > 0.5 * np.diff(loudness).max()) + 1
    assert len(onsets) >= 6
    lowest = [height[max(0, k - 2) : k + 3].max() for k in onsets]
    assert min(lowest) > np.quantile(height, 0.75)
