import numpy as np
import pytest

from serving.side_by_side import CaptionedVideo, enlarge, in_columns, in_rows


def flat(value, frames=4, height=32, width=48):
    return np.full((frames, height, width, 3), value, np.uint8)


@pytest.mark.parametrize(
    ("height", "width", "factor"), [(112, 112, 2), (64, 96, 4), (32, 32, 7), (224, 300, 1)]
)
def test_the_shorter_side_reaches_224_by_the_smallest_whole_factor(height, width, factor):
    frames = flat(9, 2, height, width)
    enlarged = enlarge(frames)
    assert enlarged.shape == (2, factor * height, factor * width, 3)
    assert (enlarged == 9).all()


def test_enlarging_keeps_the_content():
    rng = np.random.default_rng(0)
    coarse = np.kron(rng.integers(60, 200, (1, 4, 4, 3)), np.ones((1, 8, 8, 1))).astype(np.uint8)
    enlarged = enlarge(coarse, least=64)
    means = enlarged.reshape(1, 32, 2, 32, 2, 3).mean((2, 4))
    assert np.abs(means - coarse).mean() < 4


def test_columns_show_every_frame_of_every_panel():
    panels = [CaptionedVideo("a", flat(10)), CaptionedVideo("b", flat(20), chosen=True)]
    sheet = in_columns(panels)
    assert sheet.dtype == np.uint8
    assert len(sheet) == 4
    left, right = np.split(sheet, 2, axis=2)
    for side, value in ((left, 10), (right, 20)):
        assert ((side == value).all(axis=-1).sum(axis=(1, 2)) == 32 * 48).all()


def test_rows_show_evenly_spaced_frames_from_first_to_last():
    frames = np.concatenate([flat(value, 1) for value in range(100, 110)])
    sheet = in_rows([CaptionedVideo("a", frames), CaptionedVideo("b", frames)], count=4)
    shown = [value for value in range(100, 110) if (sheet == value).all(axis=-1).any()]
    assert shown == [100, 103, 106, 109]
    for value in shown:
        assert (sheet == value).all(axis=-1).sum() == 2 * 32 * 48


def test_only_the_chosen_panel_has_a_colored_border():
    def colored(chosen):
        sheet = in_rows([CaptionedVideo("a", flat(255), chosen)], count=1)[24:].astype(int)
        return (np.ptp(sheet, axis=-1) > 0).any(axis=0).sum()

    assert colored(False) == 0
    assert colored(True) == 48 + 2 * 6


def test_a_caption_is_drawn_above_the_frames():
    plain = in_rows([CaptionedVideo("", flat(255))])
    captioned = in_rows([CaptionedVideo("output 1", flat(255))])
    assert (plain == 255).all()
    assert (captioned[:24] < 128).any()
    assert (captioned[24:] == 255).all()
