import csv
import os

import pytest

from data_prep import storage
from data_prep.errors import UserError
from data_prep.sources import examination, manifest
from data_prep.sources.kinetics import Rejection, find_videos


def test_manifest_reads_back_what_was_written(tmp_path, make_row):
    videos = [
        make_row("a", label='x, "y"', duration=1 / 3),
        make_row("b", audio_stream=None, loudness=None),
    ]
    path = tmp_path / "new" / "manifest.csv"
    manifest.write(str(path), videos)
    assert manifest.read(str(path)) == videos
    assert [item.name for item in path.parent.iterdir()] == ["manifest.csv"]


def test_videos_that_readers_of_the_manifest_see_elsewhere(tmp_path, make_row):
    videos = [make_row("a", path=str(tmp_path / "one" / "a b.mp4"), label="x")]
    [video] = manifest.moved(videos, str(tmp_path), "gs://bucket/videos/")
    assert video == make_row("a", path="gs://bucket/videos/one/a b.mp4", label="x")


def test_rejected_is_a_table_of_path_and_reason(tmp_path):
    manifest.write_rejected(str(tmp_path / "r.csv"), [Rejection("a,b.mp4", "no, it is not")])
    with (tmp_path / "r.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["path", "reason"], ["a,b.mp4", "no, it is not"]]
    assert manifest.read_rejected(str(tmp_path / "r.csv")) == [
        Rejection("a,b.mp4", "no, it is not")
    ]
    assert manifest.read_rejected(str(tmp_path / "none.csv")) == []
    (tmp_path / "r.csv").write_text("file,why\na,b\n")
    with pytest.raises(
        UserError, match=r"r\.csv: .* must have the columns path, reason; missing: path, reason"
    ):
        manifest.read_rejected(str(tmp_path / "r.csv"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "sha256",
            "digest",
            "must have the columns path, .*; missing: sha256; run .* index` again",
        ),
        ("video_stream,audio_stream,loudness", "has_sound,x,y", "missing: video_stream, .* again"),
        ("10.0", "long", "line 2: duration must be a finite float of at least 0, got 'long'"),
        ("10.0", "nan", "line 2: duration must be a finite float of at least 0, got 'nan'"),
        ("10.0", "inf", "line 2: duration must be a finite float of at least 0, got 'inf'"),
        ("10.0", "1e400", "line 2: duration must be a finite float of at least 0, got '1e400'"),
        ("10.0", "-1", "line 2: duration must be a finite float of at least 0, got '-1'"),
        ("10.0", "", "line 2: duration must be a finite float of at least 0, got ''"),
        (",320,", ",0,", "line 2: width must be a finite int of at least 1, got '0'"),
        (",320,", ",3.5,", "line 2: width must be a finite int of at least 1, got '3.5'"),
        (",320,", f",{'9' * 5000},", r"line 2: width must be a finite int .*, got '9+\.\.\.9+'"),
        (",0,1,-20.0", ",-1,1,-20.0", "line 2: video_stream must be a finite int of at least 0"),
        ("-20.0", "-500", "line 2: loudness must be a finite float of at least -120.0"),
        (",-20.0", "", "line 2: must have 14 values, as its header, got 13"),
        ("-20.0", "-20.0,x", "line 2: must have 14 values, as its header, got 15"),
        ("fps", "width", "must have the columns path, .*; missing: fps"),
        ("loudness\n", "loudness,path\n", "must have each column once, got path 2 times"),
        ("/videos/a.mp4,a,a,,,", "/videos/a.mp4,a,a,,test,", "split must be .* got 'test'"),
        ("10.0", "1" * 200_000, "must be a readable CSV: field larger than"),
    ],
)
def test_wrong_manifest(tmp_path, make_row, old, new, message):
    path = tmp_path / "manifest.csv"
    manifest.write(str(path), [make_row("a", sha256="f" * 64)])
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        manifest.read(str(path))


@pytest.mark.timeout(20)
def test_missing_manifest(tmp_path):
    with pytest.raises(UserError, match=r"no\.csv: a manifest must be"):
        manifest.read(str(tmp_path / "no.csv"))
    os.mkfifo(tmp_path / "fifo.csv")
    with pytest.raises(UserError, match=r"a manifest must be a readable CSV: is a named pipe"):
        manifest.read(str(tmp_path / "fifo.csv"))
    with pytest.raises(UserError, match=r"a manifest must be a readable CSV: is a folder"):
        manifest.read(str(tmp_path))


NAMES = [
    "a\rb",
    "a\nb",
    "a\r\nb",
    'a"b',
    "a,b",
    " a ",
    "a\tb",
    "é",
    "[a]",
    "%41",
    "#",
    "'",
    "\r",
    "\\",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_survives(tmp_path, make_row, make_video, name):
    make_video(tmp_path / f"{name}.mp4", seed=0)
    (tmp_path / f"{name}2.mp4").write_bytes((tmp_path / f"{name}.mp4").read_bytes())
    (tmp_path / f"other.{name}").touch()
    videos, rejections = examination.examine_all(find_videos(str(tmp_path)))
    assert [video.id for video in videos] == [f"{name}.mp4"]
    manifest.write(str(tmp_path / "m.csv"), [*videos, make_row("z", label=name)])
    manifest.write_rejected(str(tmp_path / "r.csv"), rejections)
    assert manifest.read(str(tmp_path / "m.csv")) == [*videos, make_row("z", label=name)]
    assert manifest.read_rejected(str(tmp_path / "r.csv")) == rejections
    assert {item.path.removeprefix(f"{tmp_path}/") for item in rejections} == {
        f"{name}2.mp4",
        f"other.{name}",
    }
    for item in rejections:
        assert item.reason.isprintable()
        assert item.reason.startswith("same file as ") or item.reason.endswith("video file name")


def test_columns(tmp_path, make_row):
    manifest.write(str(tmp_path / "m.csv"), [make_row("a")])
    header = (tmp_path / "m.csv").read_text().splitlines()[0]
    assert header == (
        "path,id,source,label,split,bytes,sha256,duration,width,height,fps,"
        "video_stream,audio_stream,loudness"
    )


def test_videos_in_a_remote_store_are_described_alike(tmp_path, memory, make_video):
    make_video(tmp_path / "videos/a.mp4", seed=0)
    make_video(tmp_path / "videos/b/silent.mp4", seed=1, audio=False)
    (tmp_path / "videos/text.mp4").write_text("not a video")
    storage.copy_tree(str(tmp_path / "videos"), f"{memory}/videos")
    local, wrong = examination.examine_all(find_videos(str(tmp_path / "videos")))
    remote, wrong_there = examination.examine_all(find_videos(f"{memory}/videos"))
    assert remote == manifest.moved(local, str(tmp_path / "videos"), f"{memory}/videos")
    assert [r.path for r in wrong_there] == [f"{memory}/videos/text.mp4"]
    assert wrong[0].reason == wrong_there[0].reason
    manifest.write(f"{memory}/manifest.csv", remote)
    assert manifest.read(f"{memory}/manifest.csv") == remote
