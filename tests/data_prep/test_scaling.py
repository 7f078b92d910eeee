import numpy as np
import pytest
from av import VideoFrame

from data_prep.config import ClipConfig
from data_prep.media import scaling
from data_prep.media.decoding import UnusableError
from data_prep.media.scaling import ScaledSection, Scaler, section, shown_size


@pytest.mark.parametrize("seed", range(40))
def test_a_section_holds_what_is_asked_for(seed):
    random = np.random.default_rng(seed)
    size, scaled = random.integers(2, 2_000, 2)
    count = random.integers(1, scaled + 1)
    first = random.integers(0, scaled - count + 1)
    found = section(size, scaled, first, count, step=2)
    assert 0 <= found.start <= found.start + found.size <= size
    assert 0 <= found.offset <= found.offset + count <= found.scaled
    assert found.start % 2 == 0
    begin = found.start * scaled / size
    assert found.offset + begin == pytest.approx(first, abs=0.02)
    assert found.scaled == pytest.approx(found.size * scaled / size, abs=0.04)


def picture(height, width):
    """Smooth noise with edges."""
    random = np.random.default_rng(0)
    small = random.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3)).astype(np.uint8)
    frame = VideoFrame.from_ndarray(small.repeat(8, 0).repeat(8, 1)[:height, :width].copy())
    return frame.reformat(format="yuv420p")


@pytest.mark.parametrize(("height", "width"), [(144, 176), (96, 170), (360, 202), (64, 500)])
@pytest.mark.parametrize("crop", [(0.0, 0.0), (0.5, 0.5), (0.3, 0.9), (1.0, 1.0)])
def test_cropping_first_gives_the_pixels_of_scaling_first(monkeypatch, height, width, crop):
    clip = ClipConfig(frames=2, height=48, width=40, short_side=64)
    cropped = Scaler(clip, crop, 1.0).scale(picture(height, width)).astype(int)
    monkeypatch.setattr(
        scaling,
        "section",
        lambda size, scaled, first, count, step: ScaledSection(0, size, scaled, first, scaled),
    )
    whole = Scaler(clip, crop, 1.0).scale(picture(height, width))
    assert cropped.shape == (48, 40, 3)
    assert np.abs(cropped - whole).mean() < 0.5
    assert np.abs(cropped - whole).max() <= 12


def test_pixels_may_be_so_thin_that_no_whole_one_is_left():
    assert shown_size(picture(48, 64), 1e-3) == (48, 1)
    clip = ClipConfig(frames=2, height=48, width=40, short_side=64)
    assert Scaler(clip, (0.5, 0.5), 1e-3).scale(picture(48, 64)).shape == (48, 40, 3)


def test_pixels_may_not_be_so_wide_that_the_frame_is_absurd():
    with pytest.raises(UnusableError, match="at most 65536 pixels a side, got 6400000x48"):
        shown_size(picture(48, 64), 1e5)
