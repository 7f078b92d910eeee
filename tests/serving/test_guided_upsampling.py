"""Guided upsampling divides the details of a large mixture among small outputs."""

import numpy as np
import pytest
from PIL import Image

from data_prep.mixing.compose import compose
from serving.separation.frame_grid import FrameGrid
from serving.separation.guided_upsampling import apply_maps, fit_maps
from serving.separation.large_outputs import MapsInTime
from serving.separation.layer_tracking import SeparatedFrame

FACTOR = 4


def picture(seed, height=128, width=160):
    """Draw sharp-edged discs and bars of many colors, float32 `[H, W, 3]` in [0, 255]."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    image = np.broadcast_to(rng.uniform(40, 215, 3), (height, width, 3)).astype(np.float32)
    for _ in range(8):
        y, x, radius = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(10, 40)
        disc = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
        image[disc] = rng.uniform(0, 255, 3)
    stripes = np.sin(columns * rng.uniform(0.1, 0.25) + rows * rng.uniform(-0.2, 0.2)) > 0
    image[stripes] *= 0.7
    return image


def shrink(image):
    height, width, _ = image.shape
    return image.reshape(height // FACTOR, FACTOR, width // FACTOR, FACTOR, 3).mean((1, 3))


def bilinear(image):
    height, width, _ = image.shape
    size = (width * FACTOR, height * FACTOR)
    return np.asarray(Image.fromarray(image.round().astype(np.uint8)).resize(size, 2))


def psnr(image, truth):
    return 10 * np.log10(255**2 / np.mean((image.astype(float) - truth) ** 2))


@pytest.mark.parametrize("seed", range(4))
def test_a_transparency_gains_two_decibels_over_plain_upsampling(seed):
    layers = [picture(2 * seed), picture(2 * seed + 1)]
    mixture = compose(*layers, 0.5).round().astype(np.uint8)
    small = np.stack([shrink(layer).round() for layer in layers])
    maps = fit_maps(shrink(mixture), small)
    for layer, few, one in zip(layers, small, maps, strict=True):
        assert psnr(apply_maps(one, mixture), layer) > psnr(bilinear(few), layer) + 2


def test_what_is_visible_alone_is_as_sharp_as_the_mixture():
    front, back = picture(0), picture(1)
    mixture = front.copy()
    mixture[:, 80:] = back[:, 80:]
    small = np.stack([shrink(front)])
    large = apply_maps(fit_maps(shrink(mixture), small)[0], mixture.round().astype(np.uint8))
    np.testing.assert_allclose(large[:, :68], front[:, :68], atol=1.5)


def test_outputs_that_recompose_the_small_mixture_recompose_the_large_one():
    layers = [picture(4), picture(5)]
    mixture = compose(*layers, 0.5).round().astype(np.uint8)
    small = np.stack([shrink(layer) for layer in layers])
    large = [apply_maps(one, mixture) for one in fit_maps(small.mean(0), small)]
    inner = np.minimum(*large) > 0
    inner &= np.maximum(*large) < 255  # clipped values lose the sum
    error = compose(*(one.astype(float) for one in large), 0.5) - mixture
    assert np.abs(error[inner]).max() < 2


@pytest.mark.parametrize("value", [0, 100, 255])
def test_flat_outputs_stay_flat(value):
    mixture = np.full((60, 90, 3), 128, np.uint8)
    small = np.full((1, 7, 9, 3), value, np.float32)
    (maps,) = fit_maps(np.full((7, 9, 3), 128, np.uint8), small)
    large = apply_maps(maps, mixture)
    assert (large.shape, large.dtype) == ((60, 90, 3), np.uint8)
    assert (large == value).all()


class TestFrameGrid:
    @pytest.mark.parametrize(
        ("count", "fps", "model_fps"),
        [(150, 30, 25), (300, 30_000 / 1001, 25), (50, 12, 25), (1, 30, 8), (2, 60, 8), (7, 8, 8)],
    )
    def test_model_frames_are_those_shown_at_their_times(self, count, fps, model_fps):
        grid = FrameGrid(count, fps, model_fps)
        times = np.arange(len(grid.sources)) / model_fps
        np.testing.assert_array_equal(grid.sources, np.floor(times * fps + 1e-6))
        assert grid.sources[-1] < count <= (len(grid.sources)) * fps / model_fps + 1
        for frame in range(count):
            index, share = grid.position(frame)
            following = grid.sources[min(index + 1, len(grid.sources) - 1)]
            assert grid.sources[index] <= frame
            if share:
                assert grid.sources[index] < frame < following
                interpolated = (1 - share) * grid.sources[index] + share * following
                assert interpolated == pytest.approx(frame)
        on_model = [grid.position(int(frame)) for frame in np.unique(grid.sources)]
        assert all(share == 0 for _, share in on_model)


class TestMapsInTime:
    def test_maps_are_interpolated_within_a_shot_and_not_across_a_cut(self):
        mixtures = [np.full((4, 4, 3), level, np.uint8) for level in (100, 100, 200)]
        outputs = [np.full((1, 4, 4, 3), level, np.float32) for level in (0, 40, 250)]
        separated = map(SeparatedFrame, mixtures, outputs)
        maps = MapsInTime(separated, 0, FrameGrid(9, 40, 10), cuts={2})
        seen = []
        for index, level in enumerate((100, 100, 100, 100, 100, 100, 200, 200, 200)):
            frame = np.full((16, 16, 3), level, np.uint8)
            (one,) = maps.at(index, frame)
            seen.append(int(apply_maps(one, frame)[8, 8, 0]))
        assert seen == [0, 10, 20, 30, 40, 40, 250, 250, 250]
