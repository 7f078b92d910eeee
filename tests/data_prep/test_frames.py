import numpy as np
import pytest

from data_prep.config import ClipConfig
from data_prep.media.frames import evenly_spaced, middle_start


def test_as_much_is_left_before_the_middle_window_as_after_it():
    clip = ClipConfig(frames=50, fps=25)
    assert middle_start(10.0, clip) == pytest.approx(4.0)
    assert middle_start(1.0, clip) == 0


def test_evenly_spaced_indices_reach_both_ends():
    for length in range(1, 40):
        for count in range(1, 45):
            indices = evenly_spaced(count, length)
            assert len(indices) == min(count, length)
            assert indices[0] == 0
            steps = np.diff(indices)
            if len(steps):
                assert indices[-1] == length - 1
                assert steps.min() >= 1
                assert steps.max() - steps.min() <= 1
