from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.mixing.pairing import VideoPool, draw, usable
from data_prep.mixing.planning import plan
from data_prep.mixing.spreading import spread, spread_within
from data_prep.sources.videos import Videos


@pytest.fixture
def videos(make_row):
    train = [make_row(f"t{i}", split="train", loudness=-20.0 if i % 2 else -80.0) for i in range(7)]
    twins = [make_row("t0", id=f"t0-{i}", split="train") for i in range(3)]
    held_out = [make_row(f"e{i}", split="eval") for i in range(3)]
    return train + twins + held_out


def test_pairs_are_of_one_split_and_two_sources(videos):
    for split in ("train", "eval"):
        for pairing in draw(videos, split, 200, DataConfig()):
            assert pairing.v1.video.split == pairing.v2.video.split == split
            assert pairing.v1.video.source != pairing.v2.video.source


def test_target_clip_has_audio_if_there_is_any(videos, make_row):
    assert all(p.v1.video.is_audible(-60) for p in draw(videos, "train", 100, DataConfig()))
    silent = [make_row(f"s{i}", split="train", loudness=None) for i in range(2)]
    assert len(draw(silent, "train", 5, DataConfig())) == 5


def test_every_video_is_drawn(videos):
    pairings = draw(videos, "train", 400, DataConfig())
    assert {p.v2.video.id for p in pairings} == {v.id for v in videos if v.split == "train"}


def test_windows_and_crops(videos):
    config = DataConfig()
    train = draw(videos, "train", 300, config)
    windows = [window for p in train for window in (p.v1, p.v2)]
    starts = [window.start for window in windows]
    room = 10.0 - config.clip.seconds
    assert 0 <= min(starts) < 0.1 * room
    assert 0.9 * room < max(starts) <= room
    assert {0 <= w.top <= 1 and 0 <= w.left <= 1 for w in windows} == {True}
    assert len({(w.top, w.left) for w in windows}) > 500
    assert {(p.v1.top, p.v1.left) for p in draw(videos, "eval", 50, config)} == {(0.5, 0.5)}


def test_mixture_depends_on_seed_split_and_index_alone(videos):
    config = DataConfig(seed=3)
    many = draw(videos, "train", 50, config)
    assert draw(videos[::-1], "train", 20, config) == many[:20]
    assert draw(videos, "train", 50, DataConfig(seed=4)) != many
    assert [p.mixture_id for p in many[:2]] == ["train-00000000", "train-00000001"]


def test_mixture_types_are_spread(videos):
    config = DataConfig(shares={"transparency": 0.2, "occlusion": 0.5, "reflection": 0.3})
    types = [pairing.mixture_type for pairing in draw(videos, "train", 40, config)]
    assert types == list(islice(spread(config.shares), 40))


def test_the_mixing_differs_from_mixture_to_mixture(videos):
    first, second = draw(videos, "train", 2, DataConfig())
    assert first.mixing_rng().random() == first.mixing_rng().random()
    assert first.mixing_rng().random() != second.mixing_rng().random()


def test_too_short_videos_are_rejected_with_both_lengths(make_row):
    clip = DataConfig().clip
    exact, short = make_row("a", duration=2.56), make_row("b", duration=2.4)
    kept, rejected = usable([exact, short], clip)
    assert kept == [exact]
    assert [(r.path, r.reason) for r in rejected] == [
        ("/videos/b.mp4", "too short: 2.40 s, a clip needs 2.56 s")
    ]


def test_one_source_is_too_few(make_row):
    videos = [make_row("a", id=str(i), split="eval") for i in range(3)]
    with pytest.raises(UserError, match=r"eval split: .* at least 2 .* got 1 \(3 usable"):
        draw(videos, "eval", 1, DataConfig())


def labels(pairings):
    return [(p.v1.video.label, p.v2.video.label) for p in pairings]


@pytest.fixture
def labelled(make_row):
    """Twelve videos of three classes, two of each class from one source."""
    return [make_row(f"s{i % 9}", id=f"v{i}", label="abc"[i % 3], split="train") for i in range(12)]


@pytest.mark.parametrize("share", [0.0, 0.25, 0.3, 1.0])
def test_a_share_of_every_mixture_type_shows_one_label(labelled, share):
    shares = {"transparency": 0.35, "occlusion": 0.65}
    pairings = draw(labelled, "train", 300, DataConfig(shares=shares, same_label_share=share))
    same = np.array([v1 == v2 for v1, v2 in labels(pairings)])
    assert same.tolist() == list(islice(spread_within(share, shares), 300))
    types = np.array([pairing.mixture_type for pairing in pairings])
    for name in shares:
        own = same[types == name]
        assert np.abs(np.cumsum(own) - share * np.arange(1, len(own) + 1)).max() < 1
    assert all(p.v1.video.source != p.v2.video.source for p in pairings)


def test_every_partner_of_one_label_is_drawn(labelled):
    pairings = draw(labelled, "train", 600, DataConfig(same_label_share=1))
    pairs = {(p.v1.video.id, p.v2.video.id) for p in pairings}
    assert pairs == {
        (v1.id, v2.id)
        for v1 in labelled
        for v2 in labelled
        if v1.label == v2.label and v1.source != v2.source
    }


def test_the_share_changes_partners_alone(labelled):
    """Neither V1, nor the types, nor the mixtures that show two labels anyway."""
    drawn = {s: draw(labelled, "train", 80, DataConfig(same_label_share=s)) for s in (0, 0.25, 1)}
    for one, two, mixed in zip(drawn[1], drawn[0], drawn[0.25], strict=True):
        assert mixed in (one, two)
        assert one.v1.video == two.v1.video
        assert one.mixture_type == two.mixture_type


def test_mixtures_of_one_label_depend_on_seed_and_index_alone(labelled):
    config = DataConfig(seed=3, same_label_share=0.5)
    many = draw(labelled, "train", 50, config)
    assert draw(labelled[::-1], "train", 20, config) == many[:20]


def test_labels_are_not_looked_at_by_default(labelled):
    same = [v1 == v2 for v1, v2 in labels(draw(labelled, "train", 600, DataConfig()))]
    # Each video has 10 or 11 possible partners, 2 or 3 of them of its label.
    assert 0.2 < np.mean(same) < 0.33


def test_videos_without_a_suitable_partner_get_another_one(make_row):
    def pairs(names, share):
        rows = [make_row(f"s{i}", label=name, split="train") for i, name in enumerate(names)]
        return set(labels(draw(rows, "train", 100, DataConfig(same_label_share=share))))

    assert pairs(["a", "a", "a"], 0) == {("a", "a")}
    assert pairs(["a", "a", "b"], 1) == {("a", "a"), ("b", "a")}
    assert pairs(["a", "b"], 1) == {("a", "b"), ("b", "a")}
    # Two videos without a label may be of any class.
    assert {("", "a"), ("", "")} < pairs(["", "", "a", "a"], 1)


def test_videos_without_a_label_are_paired_with_any(make_row):
    rows = [make_row(f"s{i}", label="", split="train") for i in range(95)]
    rows += [make_row(f"known{i}", label="a", split="train") for i in range(5)]
    for share in (0, 0.5):
        pairings = draw(rows, "train", 1_000, DataConfig(same_label_share=share))
        of_unlabelled = [pair.v2.video.label for pair in pairings if not pair.v1.video.label]
        assert len(of_unlabelled) > 900
        assert sum(label == "a" for label in of_unlabelled) < 0.1 * len(of_unlabelled)


def test_label_that_only_the_same_source_lacks_is_paired_with_another_source(make_row):
    rows = [make_row("x", id=f"x-{label}", label=label, split="train") for label in "ab"]
    rows.append(make_row("y", label="a", split="train"))

    def pairs(share):
        pairings = draw(rows, "train", 60, DataConfig(same_label_share=share))
        return {(p.v1.video.id, p.v2.video.id) for p in pairings}

    assert pairs(0) == {("x-a", "y"), ("x-b", "y"), ("y", "x-b")}
    assert pairs(1) == {("x-a", "y"), ("x-b", "y"), ("y", "x-a")}


def test_the_one_video_of_another_label_among_many_is_found(make_row):
    rows = [make_row(f"s{i}", label="a", split="train") for i in range(5_000)]
    rows.append(make_row("rare", label="b", split="train", loudness=None))
    pairings = draw(rows, "train", 10, DataConfig(same_label_share=0))
    assert {p.v2.video.id for p in pairings} == {"rare"}


def test_one_more_video_changes_few_mixtures(make_row):
    """Neither windows nor types change where the videos stay."""
    config = DataConfig(shares={"transparency": 0.5, "occlusion": 0.5}, same_label_share=0.3)
    rows = [make_row(f"s{i}", label="abc"[i % 3], split="train") for i in range(200)]
    before = draw(rows, "train", 500, config)
    after = draw([*rows, make_row("new", label="a", split="train")], "train", 500, config)
    changed = [(one, two) for one, two in zip(before, after, strict=True) if one != two]
    assert 0 < len(changed) < 60
    assert all(one.mixture_type == two.mixture_type for one, two in changed)


def test_any_range_of_mixtures_is_drawn_alone(videos):
    config = DataConfig(same_label_share=0.5)
    whole = draw(videos, "train", 60, config)
    pool = VideoPool(Videos.of(videos), "train", config)
    assert list(pool.pairings(40, 60)) == whole[40:]
    assert list(pool.pairings(0, 20)) == whole[:20]


def test_threads_of_a_worker_draw_the_same_mixtures(videos):
    config = DataConfig(train_mixtures=4_000, same_label_share=0.3)
    whole = list(plan(videos, config).pairings("train"))
    shared = plan(videos, config)
    ranges = [(start, start + 250) for start in range(0, 4_000, 250)]
    with ThreadPoolExecutor(8) as threads:
        drawn = threads.map(lambda ends: list(shared.pairings("train", *ends)), ranges[::-1])
        assert [p for part in reversed(list(drawn)) for p in part] == whole


def test_places_of_the_videos_decide_nothing(make_row):
    """Not even those of two files of one name and source."""
    rows = [make_row(f"s{i % 4}", id="same", sha256=str(i), split="train") for i in range(8)]
    moved = [replace(row, path=f"/elsewhere/{8 - i}") for i, row in enumerate(rows)]
    for one, two in zip(
        draw(rows, "train", 100, DataConfig()), draw(moved, "train", 100, DataConfig()), strict=True
    ):
        assert (one.v1.video.sha256, one.v2.video.sha256) == (
            two.v1.video.sha256,
            two.v2.video.sha256,
        )
