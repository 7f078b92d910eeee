import numpy as np
import pytest

from data_prep.mixing.supervoxels import occlusion_alpha


def noise(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("shape", [(2, 8, 8, 3), (7, 33, 21, 3), (16, 48, 64, 3)])
@pytest.mark.parametrize("content", ["noise", "constant", "gradient"])
def test_occlusion_leaves_something_of_both_videos(shape, content):
    if content == "noise":
        frames = noise(shape)
    else:
        ramp = np.linspace(0, 255, shape[2]) if content == "gradient" else np.full(shape[2], 90)
        frames = np.broadcast_to(ramp[None, None, :, None], shape).astype(np.uint8)
    for seed in range(5):
        alpha = occlusion_alpha(frames, 10, np.random.default_rng(seed))
        assert alpha.dtype == bool
        assert alpha.shape == shape[:3]
        assert 0.08 <= alpha.mean() <= 0.92  # bounds hold at half size; odd edges shift them


def test_occlusion_is_decided_by_its_random_numbers():
    frames = noise((8, 32, 32, 3))
    masks = [occlusion_alpha(frames, 10, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(masks[0], masks[1])
    assert (masks[0] != masks[2]).any()


def test_occluder_follows_the_edges_of_the_content():
    """A bright block moves; the mask cuts the block of almost no frame."""
    frames = np.full((16, 64, 64, 3), 20, np.uint8)
    for t in range(16):
        frames[t, 16:48, 2 * t : 2 * t + 32] = (240, 200, 40)
    block = frames[..., 0] > 128
    for seed in range(6):
        alpha = occlusion_alpha(frames, 10, np.random.default_rng(seed))
        edges = alpha[:, :, 1:] != alpha[:, :, :-1]
        on_block_edge = np.zeros_like(edges)
        for shift in range(-2, 3):  # half size in each direction is two pixels
            on_block_edge |= np.roll(block[:, :, 1:] != block[:, :, :-1], shift, axis=2)
        if edges.sum() == 0:
            continue
        chance = on_block_edge.mean()
        assert on_block_edge[edges].mean() > 3 * chance
