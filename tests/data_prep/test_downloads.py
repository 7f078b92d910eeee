"""Kinetics as its downloaders leave it: folders, CSVs, and names of files."""

import shutil

import pytest

from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.sources import examination
from data_prep.sources.assign_splits import assign_splits
from data_prep.sources.kinetics import find_videos

HEADER = "label,youtube_id,time_start,time_end,split\n"
A, B, C, D, E = (letter * 11 for letter in "ABCDE")


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(path.name.encode())
    return path


@pytest.fixture
def cvdf(tmp_path):
    """CVDF's layout: annotations/, train/ and val/; one YouTube video has a cut in both splits."""
    root = tmp_path / "k400"
    for name in (
        f"train/{A}_000010_000020",
        f"train/{B}_000005_000015",
        f"train/{D}_000001_000011",
    ):
        touch(root / f"{name}.mp4")
    for name in (f"val/{A}_000030_000040", f"val/{C}_000000_000010", f"val/{E}_000001_000011"):
        touch(root / f"{name}.mp4")
    (root / "annotations").mkdir()
    (root / "annotations/train.csv").write_text(
        f"{HEADER}ukulele,{A},10,20,train\n"
        f'"he said ""go"", then",{B},5,15,train\nx,{D},1,11,train\n'
    )
    (root / "annotations/val.csv").write_text(
        f"{HEADER}ukulele,{A},30,40,val\ngoal (soccer),{C},0,10,val\npétanque,{E},1,11,val\n"
    )
    (root / "annotations/test.csv").write_text(
        f"youtube_id,time_start,time_end,split\n{'Z' * 11},1,11,test\n"
    )
    return root


def found(listing):
    return {entry.id: (entry.source, entry.label, entry.split) for entry in listing.entries}


def test_annotations_beside_the_splits(cvdf):
    listing = find_videos(str(cvdf))
    assert found(listing) == {
        f"{A}_000010_000020": (A, "ukulele", "eval"),  # as its other cut
        f"{B}_000005_000015": (B, 'he said "go", then', "train"),
        f"{D}_000001_000011": (D, "x", "train"),
        f"{A}_000030_000040": (A, "ukulele", "eval"),
        f"{C}_000000_000010": (C, "goal (soccer)", "eval"),
        f"{E}_000001_000011": (E, "pétanque", "eval"),
    }
    assert (listing.rejections, listing.absent) == ([], 0)
    assert listing.notes == [
        "annotations: clips of YouTube videos with another cut that is held out: 1, such as "
        f"{A}_000010_000020; they are held out for eval"
    ]


def test_the_validation_split_alone(cvdf):
    listing = find_videos(str(cvdf / "val"))
    assert [entry.split for entry in listing.entries] == ["eval"] * 3
    assert all(entry.label for entry in listing.entries)
    assert (listing.rejections, listing.absent) == ([], 0)
    assert listing.notes == [
        f"{cvdf}/val: all annotated videos are held out for eval; none is left for train"
    ]
    (cvdf / f"val/{E}_000001_000011.mp4").unlink()
    assert find_videos(str(cvdf / "val")).absent == 1


def test_the_train_split_alone_lacks_the_other_cuts_of_what_is_held_out(cvdf):
    listing = find_videos(str(cvdf / "train"))
    assert [(entry.source, entry.split) for entry in listing.entries] == [
        (B, "train"),
        (D, "train"),
    ]
    assert [item.reason for item in listing.rejections] == [
        "another cut of this YouTube video is held out"
    ]
    assert listing.absent == 0
    assert listing.notes == [
        "annotations: clips of YouTube videos with another cut that is held out: 1, such as "
        f"{A}_000010_000020; not used"
    ]
    (cvdf / f"train/{D}_000001_000011.mp4").unlink()
    assert find_videos(str(cvdf / "train")).absent == 1


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("own", ["train", ""])
def test_other_cuts_of_what_is_held_out_are_not_trained_on_if_its_file_is_missing(
    tmp_path, split, own
):
    touch(tmp_path / f"{A}_1_11.mp4")
    touch(tmp_path / f"{B}_1_11.mp4")
    touch(tmp_path / f"{C}_1_11.mp4")
    (tmp_path / "train.csv").write_text(f"{HEADER}x,{A},1,11,{own}\nx,{B},1,11,train\n")
    (tmp_path / "held_out.csv").write_text(f"{HEADER}x,{A},20,30,{split}\nx,{C},1,11,val\n")
    splits = {entry.source: entry.split for entry in find_videos(str(tmp_path)).entries}
    assert splits == {A: "eval", B: "train", C: "eval"}


def test_if_all_clips_to_train_on_have_a_cut_that_is_held_out_they_are_named(cvdf):
    for name in (f"{B}_000005_000015", f"{D}_000001_000011"):
        (cvdf / f"train/{name}.mp4").unlink()
    with pytest.raises(UserError) as caught:
        examination.examine_all(find_videos(str(cvdf / "train")))
    assert str(caught.value).endswith(
        "must name a video of the train split that can be used, got none; "
        f"{A}_000010_000020.mp4: another cut of this YouTube video is held out"
    )


def test_a_whole_split_that_is_gone_is_an_error(cvdf):
    shutil.rmtree(cvdf / "val")
    (cvdf / "val").mkdir()  # where a disk would be mounted
    with pytest.raises(UserError) as caught:
        find_videos(str(cvdf))
    assert str(caught.value) == (
        f"{cvdf}: must hold some of the 3 eval videos that {cvdf}/annotations/val.csv names, got "
        "none; is a disk not mounted? To do without this split, leave out its CSV (--annotations) "
        "or its rows"
    )
    listing = find_videos(str(cvdf), [str(cvdf / "annotations/train.csv")])
    assert [entry.split for entry in listing.entries] == ["train"] * 3
    shutil.move(cvdf / "annotations/val.csv", cvdf / "gone.csv.bak")
    touch(cvdf / f"val/{C}_000000_000010.mp4")
    listing = find_videos(str(cvdf))
    assert [entry.split for entry in listing.entries] == ["train"] * 3
    assert "video files without annotations: 1 of 4; not used" in listing.notes[-1]


def test_a_split_that_fails_while_it_is_read_is_an_error(cvdf, make_video):
    (cvdf / f"train/{A}_000010_000020.mp4").unlink()
    for number, file in enumerate(cvdf.glob("train/*")):
        make_video(file, seed=number)
    listing = find_videos(str(cvdf))
    for file in cvdf.glob("val/*"):
        file.write_text("no video any more")
    with pytest.raises(
        UserError, match=r"val\.csv: must name a video of the eval split .* got none"
    ):
        examination.examine_all(listing)


def test_validation_is_never_trained_on_when_training_annotations_are_gone(cvdf, make_row):
    (cvdf / "annotations/train.csv").unlink()
    listing = find_videos(str(cvdf))
    assert {entry.split for entry in listing.entries} == {"eval"}
    rows = [make_row(entry.source, split=entry.split) for entry in listing.entries]
    assert {video.split for video in assign_splits(rows, DataConfig())} == {"eval"}
    free = [*rows, *(make_row(f"free{i}") for i in range(50))]
    splits = {video.source: video.split for video in assign_splits(free, DataConfig())}
    assert {splits[row.source] for row in rows} == {"eval"}
    assert {splits[f"free{i}"] for i in range(50)} == {"train", "eval"}


@pytest.mark.parametrize(
    "name",
    [
        f"{A}_000001_000011.mp4",
        f"{A}_1_11.mp4",
        f"{A}_1.0_11.0.mp4",
        f"{A}_000001_000011.mp4.mkv",
        f"{A}_000001_000011.mp4.webm",
        f"{A}_000001_000011.MP4",
        f"{A}-1-11.mp4",
        f"{A}_000001.mp4",
        f"{A}.mp4",
        f"{A}.mkv.mp4",
        f"A title [of] it [{A}].webm",
        f"A title-{A}.mkv",
        f"playing ukulele/{A}_000001_000011.mp4",
        f"playing_ukulele_{A}_000001_000011.mp4",
    ],
)
def test_names_that_downloaders_give(tmp_path, name):
    touch(tmp_path / name)
    (tmp_path / "train.csv").write_text(f"{HEADER}x,{A},1,11,train\ny,{B},1,11,train\n")
    listing = find_videos(str(tmp_path))
    [(source, label, split)] = found(listing).values()
    assert (source, label, split, listing.absent) == (A, "x", "train", 1)


def test_names_that_do_not_say_which_clip(tmp_path):
    for name in (f"{A}.mp4", f"{B}_2_12.mp4", f"{C}_1_11.mp4", "other.mp4"):
        touch(tmp_path / name)
    (tmp_path / "train.csv").write_text(
        f"{HEADER}x,{A},1,11,train\nx,{A},20,30,train\nx,{B},1,11,train\nx,{C},1,11,train\n"
    )
    listing = find_videos(str(tmp_path))
    assert list(found(listing)) == [f"{C}_1_11"]
    assert [item.reason for item in listing.rejections] == [
        f"its name does not say which of the 2 annotated clips of {A}",
        f"not in the annotations, which have 1 to 11 s of {B}",
        "not in the annotations",
    ]
    assert listing.absent == 0  # they are rejected, not absent too


def test_several_rows_for_a_clip_are_noted_and_the_one_held_out_counts(tmp_path):
    for video in (A, B, C):
        touch(tmp_path / f"{video}_1_11.mp4")
    (tmp_path / "train.csv").write_text(
        f"{HEADER}x,{A},1,11,train\nx,{B},1,11,train\ny,{B},1,11,train\nx,{C},1,11,train\n"
    )
    (tmp_path / "val.csv").write_text(f"{HEADER}z,{A},1,11,val\n")
    (tmp_path / "test.csv").write_text(f"{HEADER}z,{C},1,11,test\n")
    listing = find_videos(str(tmp_path))
    assert found(listing) == {f"{A}_1_11": (A, "z", "eval"), f"{B}_1_11": (B, "x", "train")}
    assert listing.notes[0].startswith("annotations: rows that repeat a clip: 3, such as")
    assert [item.reason for item in listing.rejections] == ["the test split is held out"]


def test_splits_and_labels_that_are_not_understood_are_noted(tmp_path):
    touch(tmp_path / f"{A}_1_11.mp4")
    (tmp_path / "a.csv").write_text(f"youtube_id,time_start,time_end,split\n{A},1,11,vall\n")
    listing = find_videos(str(tmp_path))
    assert found(listing) == {f"{A}_1_11": (A, "", "")}
    assert "without the column label" in listing.notes[0]
    assert "other than train, validate and test: 1, such as 'vall'" in listing.notes[1]


def test_clips_of_kinetics_without_a_csv_keep_their_source_and_are_noted(cvdf, make_row):
    shutil.rmtree(cvdf / "annotations")
    touch(cvdf / f"{B}.mp4")
    touch(cvdf / "holiday_2019_2020.mp4")
    listing = find_videos(str(cvdf))
    assert sorted(entry.source for entry in listing.entries) == ["", A, A, B, B, C, D, E]
    assert {entry.split for entry in listing.entries} == {""}
    [note] = listing.notes
    assert note.startswith(f"{cvdf}: 6 files are named like clips of Kinetics, such as {A}_000010")
    assert f"Put Kinetics' CSVs into {cvdf} or {cvdf}/annotations" in note
    for seed in range(20):
        rows = [make_row(e.source or "x", id=e.id) for e in listing.entries]
        videos = assign_splits(rows, DataConfig(split_seed=seed))
        assert len({video.split for video in videos if video.source == A}) == 1


ID = "dQw4w9WgXcQ"


@pytest.mark.parametrize(
    "name",
    [
        f"{ID}_30.mp4",
        f"{ID}_000030.mp4.mkv",
        f"{ID}-10-20.mp4",
        f"{ID}_1.5_11.5.mp4",
        f"playing ukulele_{ID}_10_20.mp4",
        f"ukulele/{ID}_20_10.mp4",
        f"{ID}.webm",
        f"A title-{ID}.mkv",
        f"A title [{ID}].mp4",
        f"A_title_{ID}.mp4",
    ],
)
@pytest.mark.parametrize("other", [f"{ID}_000040_000050.mp4", f"{ID}_40.mp4"])
def test_cuts_of_a_youtube_video_have_one_source_without_a_csv(tmp_path, name, other):
    touch(tmp_path / name)
    touch(tmp_path / "others" / other)
    assert [entry.source for entry in find_videos(str(tmp_path)).entries] == [ID, ID]


@pytest.mark.parametrize(
    "name",
    [
        "holiday_2019_01.mp4",
        "photography_0001.mp4",
        "HolidayTrip_3.mp4",
        "DJI_Phantom_0002.mp4",
        "my_big_holiday_2020_1.mp4",
        "session_ab1-12.mp4",
        "00000000001_2.mp4",
        "VID_20190612_123456.mp4",
        "2019-06-12_12-34-56.mp4",
        "a-basketball1.mp4",
        f"x{ID}y_10.mp4",
    ],
)
def test_words_are_no_youtube_ids(tmp_path, name):
    touch(tmp_path / name)
    assert [entry.source for entry in find_videos(str(tmp_path)).entries] == [""]


@pytest.mark.parametrize("end", ["soon", "10\0"])
def test_malformed_annotations_above_end_only_what_they_are_about(tmp_path, end):
    (tmp_path / "train.csv").write_text(f"{HEADER}x,{ID},0,{end},train\n")
    (tmp_path / "val.csv").write_text(f"{HEADER}x,{A},1,11,val\nx,{B},1,11,train\n")
    touch(tmp_path / "mine/a.mp4")
    [note] = find_videos(str(tmp_path / "mine")).notes
    assert note.startswith("not used, and about no video of this folder: ")
    assert f"{tmp_path}/train.csv: " in note
    for video in (A, B):
        touch(tmp_path / f"mine/{video}_1_11.mp4")
    assert {entry.split for entry in find_videos(str(tmp_path / "mine")).entries} == {
        "eval",
        "train",
    }
    touch(tmp_path / f"mine/{ID}_0_10.mp4")
    with pytest.raises(UserError, match=r"train\.csv: "):
        find_videos(str(tmp_path / "mine"))


def test_annotations_above_that_name_no_file_here_belong_to_others(cvdf):
    for name in ("other.mp4", f"{'X' * 11}_1_11.mp4"):
        touch(cvdf / "mine" / name)
    listing = find_videos(str(cvdf / "mine"))
    assert {entry.label for entry in listing.entries} == {""}
    assert "no CSV annotates them" in listing.notes[0]


def test_annotations_in_the_folder_may_be_given_in_any_way(cvdf, monkeypatch):
    (cvdf / "link.csv").symlink_to("annotations/train.csv")
    monkeypatch.chdir(cvdf)
    given = ["annotations/val.csv", "./link.csv", "annotations/test.csv", "./link.csv"]
    listing = find_videos(".", given)
    assert found(listing) == found(find_videos(str(cvdf), sorted(map(str, cvdf.glob("*/*.csv")))))
    assert (len(listing.entries), listing.rejections, len(listing.notes)) == (6, [], 1)
