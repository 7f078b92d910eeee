"""Layers stay the same from window to window, whatever the order of a model's outputs."""

import itertools

import numpy as np
import pytest

from serving.separation.layer_tracking import SeparatedWindow, cross_fade, track_layers
from serving.separation.shots import find_shots
from serving.separation.windows import VideoWindow, cut_windows, plan_windows

LENGTH = 8


def moving(count, seed, height=12, width=16):
    """Return frames of a smooth pattern that moves, uint8 `[T, h, w, 3]`."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    phase, speed = rng.uniform(0, 6, 3), rng.uniform(0.05, 0.2, 3)
    waves = rng.uniform(0.2, 0.6, (2, 3))
    inner = rows[..., None] * waves[0] + columns[..., None] * waves[1] + phase
    times = np.arange(count)[:, None, None, None]
    return (128 + 100 * np.sin(inner + speed * times)).round().astype(np.uint8)


def separate(layers, windows, rng, chosen=None):
    """Yield perfect separations of windows, each with its outputs in another order."""
    mixture = layers.mean(0).astype(np.uint8)
    for window, cut in zip(windows, cut_windows(mixture, windows, LENGTH), strict=True):
        order = rng.permutation(len(layers))
        outputs = np.zeros((len(layers), LENGTH, *layers.shape[2:]), np.uint8)
        outputs[:, : window.stop - window.start] = layers[order, window.start : window.stop]
        choice = None if chosen is None else int(np.flatnonzero(order == chosen)[0])
        yield SeparatedWindow(window, cut, outputs, choice, False)


@pytest.mark.parametrize("count", [1, 5, 8, 9, 13, 40, 101])
@pytest.mark.parametrize("overlap", [1, 4, 7])
def test_every_frame_is_in_a_window_and_neighbors_share_enough(count, overlap):
    windows = plan_windows([range(count)], LENGTH, overlap)
    assert (windows[0].start, windows[-1].stop) == (0, count)
    for before, after in itertools.pairwise(windows):
        assert before.stop - after.start >= overlap
        assert after.start > before.start
    assert all(w.stop - w.start == min(count, LENGTH) for w in windows)


def test_no_window_extends_over_a_cut():
    shots = [range(20), range(20, 23), range(23, 60)]
    windows = plan_windows(shots, LENGTH, 4)
    covered = [set(range(w.start, w.stop)) for w in windows]
    assert set().union(*covered) == set(range(60))
    assert all(any(c <= set(shot) for shot in shots) for c in covered)


def test_windows_are_cut_from_a_stream_and_short_ones_repeat_their_last_frame():
    frames = moving(60, 0)
    windows = plan_windows([range(20), range(20, 23), range(23, 60)], LENGTH, 4)
    for window, cut in zip(windows, cut_windows(iter(frames), windows, LENGTH), strict=True):
        own = frames[window.start : window.stop]
        np.testing.assert_array_equal(cut[: len(own)], own)
        assert cut.shape == (LENGTH, *frames.shape[1:])
        assert (cut[len(own) :] == own[-1]).all()
    late = list(cut_windows(iter(frames[windows[3].start :]), windows[3:], LENGTH))
    np.testing.assert_array_equal(late[0], frames[windows[3].start :][:LENGTH])


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("count", [3, 8, 11, 100])
def test_layers_are_restored_from_windows_in_any_order(layers, count):
    videos = np.stack([moving(count, seed) for seed in range(layers)])
    windows = plan_windows([range(count)], LENGTH, 4)
    separated = list(separate(videos, windows, np.random.default_rng(count)))
    frames = list(cross_fade(track_layers(separated)))
    joined = np.stack([frame.outputs for frame in frames], axis=1)
    assert joined.shape == videos.shape
    costs = [[np.abs(a - b).max() for b in videos.astype(float)] for a in joined]
    first = separated[0].outputs[:, 0]
    order = [int(np.argmin([np.abs(o - v[0].astype(int)).sum() for v in videos])) for o in first]
    assert [int(np.argmin(row)) for row in costs] == order  # that of the first window
    assert max(row[i] for row, i in zip(costs, order, strict=True)) < 1e-3
    mixture = np.stack([frame.mixture for frame in frames])
    np.testing.assert_array_equal(mixture, videos.mean(0).astype(np.uint8))


def test_windows_fade_into_each_other():
    windows = [VideoWindow(0, 8), VideoWindow(4, 12)]
    black, white = (np.full((1, 8, 2, 2, 3), value, np.uint8) for value in (0, 255))
    separated = [
        SeparatedWindow(window, outputs[0], outputs, None, False)
        for window, outputs in zip(windows, (black, white), strict=True)
    ]
    levels = [float(frame.outputs.mean()) for frame in cross_fade(separated)]
    assert levels[:4] == [0] * 4
    assert levels[8:] == [255] * 4
    assert np.all(np.diff(levels[3:9]) > 0)
    np.testing.assert_allclose(levels[4:8], 255 * np.array([1, 2, 3, 4]) / 5, rtol=1e-6)


def test_the_choice_keeps_its_place_across_a_cut():
    videos = np.concatenate(
        [np.stack([moving(20, 2 * shot), moving(20, 2 * shot + 1)]) for shot in range(5)], axis=1
    )
    shots = [range(start, start + 20) for start in range(0, 100, 20)]
    windows = plan_windows(shots, LENGTH, 4)
    tracked = list(track_layers(separate(videos, windows, np.random.default_rng(3), chosen=1)))
    assert len({window.chosen for window in tracked}) == 1


def test_tracking_goes_on_from_a_window():
    videos = np.stack([moving(50, seed) for seed in range(2)])
    windows = plan_windows([range(50)], LENGTH, 4)
    whole = list(track_layers(separate(videos, windows, np.random.default_rng(1))))
    again = list(separate(videos, windows, np.random.default_rng(2)))
    for window, resumed in zip(whole[4:], track_layers(again[4:], whole[3]), strict=True):
        np.testing.assert_array_equal(window.outputs, resumed.outputs)


class TestShots:
    def test_cuts_are_found_in_mixtures_and_motion_is_none(self):
        lengths = (30, 7, 25, 40)
        shots = [moving(length, seed) for seed, length in enumerate(lengths)]
        other = moving(sum(lengths), 9)
        mixture = ((np.concatenate(shots).astype(int) + other) // 2).astype(np.uint8)
        bounds = np.cumsum((0, *lengths))
        assert [(shot.start, shot.stop) for shot in find_shots(mixture)] == [
            (start, stop) for start, stop in itertools.pairwise(bounds)
        ]

    def test_a_flash_is_no_cut(self):
        frames = moving(40, 0)
        frames[20] = 255
        assert find_shots(frames) == [range(40)]

    def test_a_fade_is_no_cut(self):
        levels = np.linspace(1, 0, 20)[:, None, None, None]
        frames = levels * moving(20, 0) + (1 - levels) * moving(20, 1)
        assert find_shots(frames.astype(np.uint8)) == [range(20)]

    @pytest.mark.parametrize("count", [0, 1, 2])
    def test_very_short_videos(self, count):
        assert find_shots(moving(count, 0)) == ([range(count)] if count else [])
