import errno
import os
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

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
    [note] = listing.notes
    assert "video files without annotations: 1 of 4; not used" in note
    assert listing.absent == 1


def test_given_annotations_are_the_only_ones(kinetics):
    listing = find_videos(str(kinetics / "videos"), [str(kinetics / "train.csv")])
    assert [entry.source for entry in listing.entries] == ["aa_b-c"]
    reasons = [item.reason for item in listing.rejections]
    assert reasons == ["not in the annotations"] * 3


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
    assert [r.reason for r in listing.rejections] == [
        "is hidden: its name begins with a dot",
        "is hidden: its name begins with a dot",
        ".txt: not a video file name",
        "is not used as annotations; name it with --annotations if it is one",
    ]
    assert listing.notes == []


def test_names_that_a_manifest_cannot_hold_are_rejected(tmp_path):
    touch(tmp_path / "one.mp4")
    Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9.mp4")).touch()
    listing = find_videos(str(tmp_path))
    assert [entry.id for entry in listing.entries] == ["one.mp4"]
    [rejection] = listing.rejections
    assert rejection.reason == "its name is not UTF-8; rename it to use it"
    assert rejection.path == str(tmp_path / r"caf\xe9.mp4")
    root = Path(os.fsdecode(bytes(tmp_path) + b"/\xe9"))
    touch(root / "a.mp4")
    with pytest.raises(UserError, match=r"xe9: videos folder must have a path in UTF-8"):
        find_videos(str(root))


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
    with pytest.raises(UserError, match=r"a\.mp4: must be a folder of videos, got a file"):
        find_videos(str(touch(tmp_path / "a.mp4")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("youtube_id,time_start,time_end\na,0,10\n", "must have the columns .*; missing: split"),
        (HEADER + "x,a,soon,10,train\n", "line 2: time_start .* numbers .*, got 'soon' and '10'"),
        (HEADER + "x,a,0,inf,train\n", "line 2: time_start .*, got '0' and 'inf'"),
        (HEADER + "x,a,0,1e400,train\n", "line 2: time_start .*, got '0' and '1e400'"),
        (HEADER + "x,a,nan,10,train\n", "line 2: time_start .*, got 'nan' and '10'"),
        (HEADER + "x,a,-5,10,train\n", "line 2: time_start .*, got '-5' and '10'"),
        (HEADER + "x,a,10,10,train\n", "line 2: time_start .*, got '10' and '10'"),
        (HEADER + f"x,a,{'9' * 999},10,train\n", r"line 2: time_start .*, got '9{10,}\.\.\.9"),
        (HEADER + "x,y,a,0,10,train\n", "line 2: must have 5 values, as its header, got 6"),
        (HEADER + "x,a,0\n", "line 2: must have 5 values, as its header, got 3"),
        (HEADER.replace(",", ";") + "x;a;0;10;train\n", "must have the columns youtube_id, .*"),
        (HEADER, "annotations must have at least one row, got none"),
        ("label," + HEADER + "x,x,a,0,10,train\n", "each column once, got label 2 times"),
        (HEADER + "x" * 200_000, "must be a readable CSV: field larger than"),
        (HEADER + "x\0,a,0,10,train\n", "must be text, got a NUL byte"),
        ((HEADER + "x,a,0,10,train\n").encode("utf-16"), "must be UTF-8, got UTF-16"),
        ((HEADER + "x,a,0,10,train\n").encode("utf-16-le"), "must be UTF-8, got UTF-16"),
        ((HEADER + "\xe9,a,0,10,train\n").encode("latin-1"), "got the byte 0xe9 on line 2"),
    ],
)
@pytest.mark.parametrize("given", [True, False])
def test_bad_annotations(tmp_path, text, message, given):
    touch(tmp_path / "a_0_10.mp4")
    file = tmp_path / "bad.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=rf"bad\.csv: .*{message}") as caught:
        find_videos(str(tmp_path), [str(file)] if given else [])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "some,other,table\n1,2,3\n"])
def test_what_is_given_as_annotations_must_be_some(tmp_path, text):
    touch(tmp_path / "a_0_10.mp4")
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(UserError, match=r"bad\.csv: annotations must have the columns youtube_id"):
        find_videos(str(tmp_path), [str(tmp_path / "bad.csv")])
    assert [item.reason for item in find_videos(str(tmp_path)).rejections] == [
        "is not used as annotations; name it with --annotations if it is one"
    ]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_annotations_as_other_programs_save_them(tmp_path, ending):
    touch(tmp_path / "a_0_10.mp4")
    text = '\ufefflabel, youtube_id ,time_start,time_end,split\n\n"x, ""y""",a,0.0,10.0,train\n'
    (tmp_path / "a.csv").write_bytes(text.replace("\n", ending).encode())
    [entry] = find_videos(str(tmp_path)).entries
    assert (entry.source, entry.label, entry.split) == ("a", 'x, "y"', "train")


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


def test_all_buckets_need_not_be_listed(memory, monkeypatch):
    bucket = memory.rstrip("/")
    storage.write_bytes(f"{bucket}/a.mp4", b"x")
    store = type(fsspec.filesystem("memory"))
    ls = store.ls

    def refuse(self, path, *args, **kwargs):
        if not path.strip("/"):
            raise RuntimeError("403: storage.buckets.list denied")
        return ls(self, path, *args, **kwargs)

    monkeypatch.setattr(store, "ls", refuse)
    assert [entry.id for entry in find_videos(bucket).entries] == ["a.mp4"]


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
    listing = find_videos(str(root))
    assert [entry.id for entry in listing.entries] == ["a.mp4"]
    reasons = {Path(item.path).name: item.reason for item in listing.rejections}
    expected = {"inside": "folder cannot be listed: Permission denied"}
    assert reasons == (expected if closed == "inside" else {})


@pytest.mark.parametrize("closed", ["above", "annotations", "train.csv"])
def test_annotations_behind_a_storage_error_are_not_missing(kinetics, monkeypatch, closed):
    """Without them, videos held out for validation would become videos to train on."""
    (kinetics / "annotations").mkdir()
    scandir, cat_file = os.scandir, LocalFileSystem.cat_file

    def check(path):
        if Path(path).name == closed or (closed == "above" and Path(path) == kinetics):
            raise OSError(errno.EIO, "Input/output error", os.fspath(path))

    monkeypatch.setattr(os, "scandir", lambda path: check(path) or scandir(path))
    monkeypatch.setattr(
        LocalFileSystem,
        "cat_file",
        lambda self, path, **k: check(path) or cat_file(self, path, **k),
    )
    with pytest.raises(UserError, match="Input/output error"):
        find_videos(str(kinetics / "videos"))


@pytest.mark.timeout(20)
def test_what_is_no_file_is_mentioned_and_never_opened(tmp_path):
    touch(tmp_path / "one.mp4")
    touch(tmp_path / "folder.mp4/two.mp4")
    os.mkfifo(tmp_path / "fifo.mp4")
    os.mkfifo(tmp_path / "fifo.csv")
    (tmp_path / "annex.mp4").symlink_to("../.git/annex/objects/1.mp4")
    listing = find_videos(str(tmp_path))
    assert [entry.id for entry in listing.entries] == ["folder.mp4/two.mp4", "one.mp4"]
    assert {Path(item.path).name: item.reason for item in listing.rejections} == {
        "annex.mp4": "is a link to a file that does not exist; `git annex get` fetches it",
        "fifo.csv": "is a named pipe, not a regular file",
        "fifo.mp4": "is a named pipe, not a regular file",
        "folder.mp4": "is a folder; the videos in it are listed",
    }
    for wrong in ("fifo.csv", "folder.mp4", "annex.mp4"):
        with pytest.raises(UserError, match=r"annotations must be a readable CSV: is a"):
            find_videos(str(tmp_path), [str(tmp_path / wrong)])
