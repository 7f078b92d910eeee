import pytest

from data_prep.sample.write import write_sample


@pytest.fixture(scope="session")
def sample_videos(tmp_path_factory):
    """A folder of a few rendered videos in Kinetics' layout."""
    folder = tmp_path_factory.mktemp("kinetics") / "sample"
    write_sample(str(folder), clips=12, classes=2, seed=3)
    return folder / "videos"
