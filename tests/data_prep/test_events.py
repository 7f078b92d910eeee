import numpy as np
import pytest

from data_prep.sample.events import DECAY, LONGEST, RANGE, SHORTEST, Events, draw_events
from data_prep.sample.motions import MOTIONS, SWELL, move

TIMES = np.arange(0, 5, 0.01)


def one_event(strength, time=1.0):
    return Events(np.array([time]), np.array([strength]), np.array([0]))


def test_events_are_irregular_and_of_all_strengths():
    drawn = [draw_events(np.random.default_rng(seed), 5.0, 3) for seed in range(100)]
    gaps = np.concatenate([np.diff(events.times) for events in drawn])
    assert SHORTEST <= gaps.min() < SHORTEST + 0.01
    assert LONGEST - 0.01 < gaps.max() <= LONGEST
    decibels = 20 * np.log10(np.concatenate([events.strengths for events in drawn]))
    assert -RANGE <= decibels.min() < -RANGE + 0.2
    assert -0.2 < decibels.max() <= 0
    assert abs(decibels.mean() + RANGE / 2) < 0.5
    for events in drawn:
        assert events.times[0] <= 0
        assert 5 - LONGEST <= events.times[-1] < 5
        assert set(events.leaders) <= {0, 1, 2}


@pytest.mark.parametrize(
    ("shift", "low", "high"), [(0, 0.97, 1), (0.25, 0.2, 0.5), (1, 0.35, 0.53)]
)
def test_only_unshifted_events_fit_a_window_better_than_those_of_another_scene(shift, low, high):
    rng, seconds, fits = np.random.default_rng(1), np.arange(8) / 8, []
    for _ in range(400):
        own, other = draw_events(rng, 5, 3), draw_events(rng, 5, 3)
        start = rng.uniform(1, 2)
        audio = own.level(start + shift + seconds)
        fit = [np.corrcoef(audio, scene.level(start + seconds))[0, 1] for scene in (own, other)]
        fits.append(fit[0] > fit[1])
    assert low <= np.mean(fits) <= high


def test_the_level_jumps_by_the_strength_and_decays():
    level = one_event(0.5).level(TIMES)
    assert level[TIMES < 1 - 1e-6].max() == 0
    late = TIMES >= 1 + 1e-6
    np.testing.assert_allclose(level[late], 0.5 * np.exp(-(TIMES[late] - 1) / DECAY))


def test_those_who_follow_move_less():
    events = Events(np.array([1.0, 2.0]), np.array([0.8, 0.4]), np.array([0, 1]))
    np.testing.assert_allclose(events.felt_by(0).strengths, [0.8, 0.3])
    np.testing.assert_allclose(events.felt_by(1).strengths, [0.6, 0.4])


def test_jumps_are_as_high_as_the_events_are_strong_and_end_before_the_next():
    events = Events(np.array([1.0, 1.3, 3.0]), np.array([0.3, 1.0, 0.5]), np.zeros(3, int))
    height = events.arcs(TIMES, 0.6)
    for start, end, top in [(1, 1.3, 0.3), (1.3, 1.9, 1), (3, 3.6, 0.5)]:
        during = height[(start + 1e-6 < TIMES) & (end - 1e-6 > TIMES)]
        assert during.max() == pytest.approx(top, rel=0.02)
    for calm in (0.5, 1.3, 1.9, 2.5, 3.7):
        assert height[round(calm * 100)] == pytest.approx(0, abs=1e-6)


def speed(track):
    """Return how fast an object moves, grows and turns, `[T - 1]`, per step of time."""
    parts = (track.x, track.y, track.scale, 0.2 * track.angle)
    return np.linalg.norm([np.diff(part) for part in parts], axis=0)


@pytest.mark.parametrize("motion", MOTIONS)
def test_every_motion_starts_at_the_event_and_calms_down(motion):
    moved = speed(move(motion, np.random.default_rng(0), TIMES, one_event(1.0)))
    at = 99  # the step to the time of the event
    assert moved[:at].max() < 0.001
    assert moved[at] > 0.9 * SWELL
    assert moved[at + 1 : at + 10].mean() > 5 * moved[at + 150 :].max()


@pytest.mark.parametrize("motion", MOTIONS)
def test_every_motion_is_as_large_as_the_event_is_strong(motion):
    paths = [
        np.sum(speed(move(motion, np.random.default_rng(0), TIMES, one_event(strength))))
        for strength in (0.18, 0.35, 0.7, 1.0)
    ]
    assert np.all(np.diff(paths) > 0.1)


@pytest.mark.parametrize("motion", MOTIONS)
def test_objects_swell_alike_whatever_their_motion(motion):
    track = move(motion, np.random.default_rng(0), TIMES, one_event(0.6, time=0.995))
    assert track.scale[0] == 1
    assert track.scale[100] - 1 >= 0.6 * SWELL * 0.97
