from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from damage import damage_last_frame

from data_prep.config import ClipConfig, DataConfig
from data_prep.errors import StorageError, UserError
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.sample.write import write_sample
from data_prep.sources import examination, kinetics
from models.commands import main
from models.tools.identity import identity_losses

CONFIG = DataConfig(clip=ClipConfig(frames=8, fps=8, height=64, width=64, short_side=72))


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("kinetics") / "sample")
    write_sample(folder, clips=8, classes=2, seed=1)
    found, _ = examination.examine_all(kinetics.find_videos(f"{folder}/videos"))
    return found


def test_occlusion_is_never_below_the_transparency_of_the_same_pair(videos):
    losses = identity_losses(videos, CONFIG, 12)
    assert losses.keys() == MIXTURE_TYPES.keys()
    assert all(values.shape == (12,) for values in losses.values())
    assert np.all(losses["occlusion"] >= losses["transparency"] - 1e-6)
    assert np.all((losses["transparency"] > 0.1) & (losses["transparency"] < 0.8))


def test_the_seed_decides_the_pairs(videos):
    one, same, other = (
        identity_losses(videos, CONFIG.model_copy(update={"seed": seed}), 4) for seed in (0, 0, 2)
    )
    for name, values in one.items():
        np.testing.assert_array_equal(values, same[name])
    assert not np.array_equal(one["occlusion"], other["occlusion"])


def test_fewer_than_two_videos_are_too_few(videos):
    with pytest.raises(UserError, match="videos: must be at least 2 usable ones, got 1"):
        identity_losses(videos[:1], CONFIG, 4)


def test_clips_of_one_source_are_no_pair(videos):
    twins = [replace(videos[0], source="a"), *(replace(v, source="b") for v in videos[1:4])]
    # Of the six pairs of four videos, each met twice, three have the one of source a.
    assert identity_losses(twins, CONFIG, 12)["occlusion"].shape == (6,)
    alike = [replace(video, source="a") for video in videos]
    with pytest.raises(UserError, match=r"pairs: must be at least 2 of two sources each .*, got 0"):
        identity_losses(alike, CONFIG, 4)


def test_videos_that_cannot_be_decoded_are_left_out(videos, tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("not a video")
    broken = [replace(video, path=str(text), bytes=text.stat().st_size) for video in videos]
    with pytest.raises(UserError, match="that can be decoded, got 0 of 4"):
        identity_losses(broken, CONFIG, 4)


def test_the_command_decodes_only_the_middle_of_each_video(tmp_path):
    write_sample(str(tmp_path), clips=4, classes=2, seed=1)
    for path in (tmp_path / "videos").rglob("*.mp4"):
        damage_last_frame(path)
    words = ["identity", "--videos", str(tmp_path / "videos"), "--pairs", "2"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert "(2 pairs)" in done.output


def test_videos_that_the_storage_does_not_give_are_an_error(videos):
    gone = [replace(video, path=f"/gone/{video.id}.mp4") for video in videos]
    with pytest.raises(StorageError, match="/gone/"):
        identity_losses(gone, CONFIG, 4)
