import numpy as np

from data_prep.mixing.lab import SCALE, stretched_lab

CUBE = np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3, indexing="ij"), -1).astype(np.uint8)


def test_colors_are_those_of_cielab():
    from skimage.color import rgb2lab

    error = stretched_lab(CUBE) / SCALE - rgb2lab(CUBE)
    assert np.abs(error).max() < 0.25  # a difference of 1 is hardly visible


def test_levels_are_stretched_to_the_whole_range():
    narrow = (CUBE // 5 + 40).astype(np.uint8)  # 40 to 91
    assert (narrow.min(), narrow.max()) == (40, 91)
    np.testing.assert_array_equal(stretched_lab(narrow), stretched_lab((narrow - 40) * 5))
    constant = stretched_lab(np.full((2, 4, 4, 3), 90, np.uint8))
    assert np.ptp(constant, axis=(0, 1, 2)).max() == 0


def test_grays_have_no_color_at_all():
    grays = np.arange(256, dtype=np.uint8)[None, None, :, None].repeat(3, axis=-1)
    lightness, a, b = np.moveaxis(stretched_lab(grays), -1, 0)
    assert np.abs([a, b]).max() <= 0.25 * SCALE
    assert (np.diff(lightness) > 0).all()
    assert abs(lightness[0, 0, -1] - 100 * SCALE) < 0.01 * SCALE
