"""What is printed about a separation, from its state."""

from data_prep.config import ClipConfig
from serving.separation.run_state import RunSettings, RunState, WindowResult
from serving.separation.summary import describe

CLIP = ClipConfig(frames=8, fps=10, height=16, width=16, short_side=16, sample_rate=8000)
NAMES = ("output_1.mp4", "output_2.mp4")


def described(shots, windows):
    """Describe a separation whose windows are (chosen, whether the cue is silent)."""
    settings = RunSettings(
        **{"video": "v.mp4", "video_bytes": 1, "height": 48, "width": 80, "fps": 10, "frames": 1},
        **{"cue": "v.mp4", "cue_bytes": 1, "model": "separator c3", "version": 1, "clip": CLIP},
        **{"overlap": 4, "output_format": "mp4"},
    )
    results = tuple(
        WindowResult(chosen=chosen, difference=0.2, is_silent=silent) for chosen, silent in windows
    )
    return describe(RunState(settings=settings, shots=shots, windows=results), NAMES)


def test_a_choice_counts_for_the_time_that_it_lasts():
    # Windows begin at the frames 0, 4 and 8 of the first shot, and one is the second shot.
    lines = described([(0, 16), (16, 20)], [(0, False), (0, False), (0, False), (1, False)])
    assert lines[0] == "  output_1.mp4      chosen in 80% of the video"
    assert lines[1] == "  output_2.mp4      chosen in 20% of the video"


def test_a_choice_without_an_audible_cue_does_not_count():
    lines = described([(0, 16), (16, 24)], [(0, True), (1, True), (1, True), (0, False)])
    assert lines[0] == "  output_1.mp4      chosen in 100% of the video"
    assert "The cue is silent in 67% of the video, which does not count." in lines


def test_a_silent_cue_chooses_nothing():
    lines = described([(0, 8)], [(1, True)])
    assert lines[:2] == ["  output_1.mp4", "  output_2.mp4"]
    assert "The cue is silent, so the choice is not meaningful." in lines


def test_without_control_nothing_is_chosen_and_no_cue_is_missed():
    assert described([(0, 8)], [(None, True)])[:3] == [
        "  output_1.mp4",
        "  output_2.mp4",
        "1 frame of 80x48, 1 window in 1 shot",
    ]


def test_a_slow_video_has_fewer_windows_than_planned():
    lines = described([(0, 16), (16, 24)], [(0, False)])
    assert lines[0] == "  output_1.mp4      chosen in 100% of the video"
