import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from data_prep import storage
from data_prep.errors import UserError
from data_prep.sources.kinetics import find_videos

HEADER = "label,youtube_id,time_start,time_end,split\n"


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


@pytest.fixture
def kinetics(tmp_path):
    """A folder in Kinetics' layout: videos/<label>/*.mp4 and *.csv."""
    touch(tmp_path / "videos/dancing/aa_b-c_000005_000015.mp4")
    touch(tmp_path / "videos/juggling/dd_7_17.mp4")
    touch(tmp_path / "videos/juggling/ee_000000_000010.mp4")
    touch(tmp_path / "videos/juggling/unknown_000000_000010.mp4")
    (tmp_path / "train.csv").write_text(
        HEADER + "dancing,aa_b-c,5,15,train\njuggling,gone,1,11,train\n"
    )
    (tmp_path / "validate.csv").write_text(
        HEADER + "juggling,dd,7,17,validate\njuggling,ee,0,10,test\n"
    )
    return tmp_path


@pytest.mark.parametrize("folder", ["", "videos"])
def test_kinetics_layout_is_found_from_its_root_and_from_its_videos(kinetics, folder):
    listing = find_videos(str(kinetics / folder))
    found = [(e.id, e.source, e.label, e.split) for e in listing.entries]
    assert found == [
        ("aa_b-c_000005_000015", "aa_b-c", "dancing", "train"),
        ("dd_7_17", "dd", "juggling", "eval"),
    ]
    reasons = {Path(r.path).name: r.reason for r in listing.rejections}
    assert reasons == {
        "ee_000000_000010.mp4": "the test split is held out",
        "unknown_000000_000010.mp4": "not in the annotations",
    }
    assert listing.absent == 1


def test_given_annotations_are_the_only_ones(kinetics):
    listing = find_videos(str(kinetics / "videos"), [str(kinetics / "train.csv")])
    assert [entry.source for entry in listing.entries] == ["aa_b-c"]
    assert len(listing.rejections) == 3


@pytest.mark.parametrize(
    ("name", "split"),
    [("train", "train"), ("val", "eval"), ("Validation", "eval"), ("", ""), ("other", "")],
)
def test_split_names(tmp_path, name, split):
    touch(tmp_path / "a_0_10.mp4")
    (tmp_path / "all.csv").write_text(HEADER + f"x,a,0.0,10.0,{name}\n")
    assert find_videos(str(tmp_path)).entries[0].split == split


def test_plain_folder_takes_every_visible_video(tmp_path):
    for name in ("b/two.MKV", "one.mp4", ".hidden.mp4", ".cache/three.mp4", "table.csv"):
        touch(tmp_path / "videos" / name)
    (tmp_path / "videos/notes.txt").write_text("x")
    # Annotations above the folder that name none of its files belong to another data set.
    (tmp_path / "train.csv").write_text(HEADER + "x,a,0,10,train\n")
    listing = find_videos(str(tmp_path / "videos"))
    assert [(e.id, e.source, e.label, e.split) for e in listing.entries] == [
        ("b/two.MKV", "", "", ""),
        ("one.mp4", "", "", ""),
    ]
    assert [r.reason for r in listing.rejections] == [".txt: not a video file name"]


def test_names_that_a_manifest_cannot_hold_are_rejected(tmp_path):
    touch(tmp_path / "one.mp4")
    Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9.mp4")).touch()
    listing = find_videos(str(tmp_path))
    assert [entry.id for entry in listing.entries] == ["one.mp4"]
    [rejection] = listing.rejections
    assert rejection.reason == "its name is not UTF-8"
    assert rejection.path.encode().endswith(rb"caf\udce9.mp4")


def test_unreadable_csvs_of_others_are_skipped(tmp_path):
    touch(tmp_path / "videos/one.mp4")
    (tmp_path / "long.csv").write_text("x" * 200_000)
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")
    (tmp_path / "bytes.csv").write_bytes(bytes(range(256)))
    assert [entry.id for entry in find_videos(str(tmp_path / "videos")).entries] == ["one.mp4"]


def test_linked_folders_are_followed_once(tmp_path):
    touch(tmp_path / "store/one.mp4")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos/link").symlink_to(tmp_path / "store")
    (tmp_path / "store/loop").symlink_to(tmp_path / "videos")
    assert [entry.id for entry in find_videos(str(tmp_path / "videos")).entries] == ["link/one.mp4"]


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(UserError, match=r"videos folder not found: .*nowhere"):
        find_videos(str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="must hold videos, got no video file"):
        find_videos(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("youtube_id,time_start,time_end\na,0,10\n", "bad.csv: .* missing: label, split"),
        (HEADER + "x,a,soon,10,train\n", "line 2: time_start .* numbers, got 'soon'"),
        ("", "missing: label, youtube_id"),
        (HEADER + "x" * 200_000, "bad.csv: annotations must be a readable CSV: field larger than"),
    ],
)
def test_bad_annotations(tmp_path, text, message):
    touch(tmp_path / "a_0_10.mp4")
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        find_videos(str(tmp_path), [str(tmp_path / "bad.csv")])


def test_missing_annotations(tmp_path):
    touch(tmp_path / "a_0_10.mp4")
    with pytest.raises(UserError, match=r"no\.csv"):
        find_videos(str(tmp_path), [str(tmp_path / "no.csv")])


def test_a_remote_folder_is_listed_alike(kinetics, memory):
    storage.copy_tree(str(kinetics), memory)
    for folder in ("", "/videos"):
        local, remote = find_videos(str(kinetics) + folder), find_videos(memory + folder)
        assert [replace(entry, path="") for entry in remote.entries] == [
            replace(entry, path="") for entry in local.entries
        ]
        assert {item.reason for item in remote.rejections} == {r.reason for r in local.rejections}
        assert remote.absent == local.absent
        assert remote.entries[0].path == f"{memory}/videos/dancing/aa_b-c_000005_000015.mp4"


@pytest.mark.parametrize("closed", ["inside", "above"])
def test_folders_that_cannot_be_read(tmp_path, monkeypatch, closed):
    root = tmp_path / "above" / "videos"
    (root / "inside").mkdir(parents=True)
    (root / "a.mp4").touch()
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path).endswith(f"/{closed}"):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    if closed == "inside":
        with pytest.raises(UserError, match="videos/inside: Permission denied"):
            find_videos(str(root))
    else:
        assert [entry.id for entry in find_videos(str(root)).entries] == ["a.mp4"]
