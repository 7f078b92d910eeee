import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from models.quality import psnr, ssim


def videos(seed, shape=(2, 3, 16, 13, 3), noise=0.2):
    rng = np.random.default_rng(seed)
    target = rng.uniform(-1, 1, shape).astype(np.float32)
    video = np.clip(target + noise * rng.normal(size=shape), -1, 1).astype(np.float32)
    return target, video


def per_frame(measure, target, video):
    """Measure frames with colors in 0..255, as scikit-image expects them."""
    colors = [(values.astype(np.float64) + 1) * 127.5 for values in (target, video)]
    return [
        np.mean([measure(t, v, data_range=255) for t, v in zip(*pair, strict=True)])
        for pair in zip(*colors, strict=True)
    ]


@pytest.mark.parametrize("noise", [0.02, 0.5])
def test_psnr_is_scikit_images(noise):
    target, video = videos(0, noise=noise)
    expected = per_frame(peak_signal_noise_ratio, target, video)
    np.testing.assert_allclose(psnr(target, video), expected, rtol=1e-5)


@pytest.mark.parametrize("shape", [(2, 3, 16, 13, 3), (1, 2, 11, 11, 3), (1, 1, 48, 20, 3)])
def test_ssim_is_scikit_images(shape):
    target, video = videos(1, shape)

    def reference(t, v, data_range):
        return structural_similarity(
            t, v, data_range=data_range, channel_axis=-1,
            gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        )  # fmt: skip

    np.testing.assert_allclose(ssim(target, video), per_frame(reference, target, video), atol=1e-5)


def test_flat_grays_are_similar_by_their_lightness_alone():
    flat = np.ones((1, 1, 16, 16, 3), np.float32)
    one, other = (gray / 127.5 - 1 for gray in (130.0, 124.0))
    c1 = (0.01 * 255) ** 2
    expected = (2 * 130 * 124 + c1) / (130**2 + 124**2 + c1)
    np.testing.assert_allclose(ssim(one * flat, other * flat), expected, atol=1e-5)


def test_equal_videos_are_perfect_and_finite():
    target, _ = videos(2)
    np.testing.assert_allclose(ssim(target, target), 1, atol=1e-5)
    np.testing.assert_allclose(psnr(target, target), 10 * np.log10(4 / 1e-10), rtol=1e-5)
