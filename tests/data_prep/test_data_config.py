import pytest

from data_prep.config import ClipConfig, DataConfig, clip_of_model
from data_prep.errors import UserError
from data_prep.settings import load


def test_every_wrong_key_is_named():
    with pytest.raises(UserError) as caught:
        load(DataConfig, {"seed": -1, "colour": "red"}, "settings")
    assert str(caught.value) == (
        "settings: seed: Input should be greater than or equal to 0, got -1; colour: unknown key"
    )


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"transparency": 0.5, "mirror": 0.5}, "must be among transparency, .*, got mirror"),
        ({"transparency": 0.5}, "shares must sum to 1, got 0.5"),
        ({"transparency": 1.5, "occlusion": -0.5}, "transparency must be from 0 to 1, got 1.5"),
        ({}, "shares must sum to 1, got 0"),
    ],
)
def test_wrong_shares(shares, message):
    with pytest.raises(UserError, match=f"^data: shares: {message}"):
        load(DataConfig, {"shares": shares}, "data")


def test_shares_are_in_the_order_of_the_registry_and_may_be_a_rounded_sum():
    shares = {"reflection": 0.333333, "occlusion": 0.333333, "transparency": 0.333334}
    assert list(DataConfig(shares=shares).shares) == ["transparency", "occlusion", "reflection"]
    assert DataConfig(shares={"occlusion": 1}).shares == {"occlusion": 1.0}
    assert DataConfig().shares == {"transparency": 0.5, "occlusion": 0.5}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"short_side": 100}, "short_side must be at least height and width"),
        ({"frames": 600}, "frames times height must be at most 65500"),
    ],
)
def test_clips_that_no_record_can_have(values, message):
    with pytest.raises(UserError, match=message):
        load(DataConfig, {"clip": values}, "data")


def test_a_margin_makes_the_recorded_frames_larger():
    clip = ClipConfig(height=96, width=112)
    assert DataConfig(clip=clip).recorded_clip == clip
    recorded = DataConfig(clip=clip, margin=16).recorded_clip
    assert recorded == clip.model_copy(update={"height": 112, "width": 128})


@pytest.mark.parametrize(
    ("clip", "margin", "message"),
    [
        ({}, 17, "margin: must be at most 16, so that the frames fit into short_side=128, got 17"),
        ({"short_side": 112}, 1, "margin: must be at most 0, .*, got 1"),
        ({"frames": 580}, 16, "margin: frames times height must be at most 65500"),
        ({}, -1, "margin: Input should be greater than or equal to 0, got -1"),
        ({}, 1.5, "margin: Input should be a valid integer"),
        ({"frames": 0}, 4, "clip.frames: Input should be greater than or equal to 2, got 0$"),
    ],
)
def test_margins_that_no_record_can_have(clip, margin, message):
    with pytest.raises(UserError, match=message):
        load(DataConfig, {"clip": clip, "margin": margin}, "data")


def test_a_clip_outside_a_record_may_have_more_rows_than_a_jpeg():
    assert load(ClipConfig, {"frames": 600}, "clip").frames == 600


def test_the_clip_of_a_model_has_the_rate_that_was_meant():
    described = {"fps": 29.97, "sample_rate": 16_000, "short_side": 64}
    clip = clip_of_model([None, 8, 48, 64, 3], described, "model")
    assert clip == ClipConfig(
        frames=8, fps=29.97, height=48, width=64, short_side=64, sample_rate=16_000
    )
    with pytest.raises(UserError, match="model: frames"):
        clip_of_model([None, None, 48, 64, 3], described, "model")


@pytest.mark.parametrize(
    ("count", "size"), [(1, 8), (8, 8), (300, 10), (1_000, 32), (8_192, 256), (460_000, 256)]
)
def test_small_data_sets_have_smaller_files_for_several_workers(count, size):
    config = DataConfig(train_mixtures=count, eval_mixtures=5)
    assert config.shard_size_of("train") == size
    assert config.shard_size_of("eval") == 8
    assert config.model_copy(update={"records_per_shard": 7}).shard_size_of("train") == 7
