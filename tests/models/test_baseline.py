import numpy as np
import pytest

from data_prep import kinetics, manifest
from data_prep.config import ClipConfig, DataConfig
from data_prep.errors import UserError
from data_prep.sample import write_sample
from models.baseline import identity_losses

CONFIG = DataConfig(clip=ClipConfig(frames=8, fps=8, height=64, width=64, short_side=72))


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kinetics") / "sample"
    write_sample(folder, clips=8, classes=2, seed=1)
    found, _ = manifest.build(kinetics.find_videos(folder / "videos"))
    return found


def test_occlusion_is_never_below_the_transparency_of_the_same_pair(videos):
    losses = identity_losses(videos, CONFIG, 12)
    assert losses.transparency.shape == losses.occlusion.shape == (12,)
    assert np.all(losses.occlusion >= losses.transparency - 1e-6)
    assert np.all((losses.transparency > 0.1) & (losses.transparency < 0.8))


def test_pairs_are_the_seeds(videos):
    one, same, other = (
        identity_losses(videos, CONFIG.model_copy(update={"seed": seed}), 4) for seed in (0, 0, 2)
    )
    np.testing.assert_array_equal(one.occlusion, same.occlusion)
    assert not np.array_equal(one.occlusion, other.occlusion)


def test_fewer_than_two_videos_are_told(videos):
    with pytest.raises(UserError, match="at least 2 usable videos: received 1"):
        identity_losses(videos[:1], CONFIG, 4)
