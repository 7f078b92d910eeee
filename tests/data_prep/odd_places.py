"""A folder of everything: good, odd and hostile files, links, pipes, devices and names."""

import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

from odd_damage import DAMAGED, base
from odd_hostile import HOSTILE, NEIGHBOR
from odd_recipes import HEALTHY
from odd_videos import Studio

GOOD = (
    *("bframes.mp4", "bframes.mov", "bframes.mkv", "bframes.flv", "bframes.ts", "hevc.mp4"),
    *("mpeg4_bframes.avi", "bframes_25.avi", "mjpeg.avi", "vp9.webm", "av1.mkv", "wmv2.wmv"),
    *("mpeg2.mpeg", "mpeg4.3gp", "theora.ogv", "444_long.mp4", "10bit.mp4", "starts_at_5.ts"),
    *("open_gop.mp4", "long_gop.mkv", "fragments.mp4", "no_duration.webm", "sound_late.mp4"),
)
"""Healthy videos that show the 60 known pictures at 25 frames per second."""

_LONG = "long" * 61
NAMES: tuple[bytes, ...] = (
    b"line\nfeed.mp4",
    b"carriage\rreturn.mp4",
    b"both\r\n.mp4",
    b'quo"te.mp4',
    b"'quotes'.mp4",
    b"com,ma.mp4",
    b"-dash.mp4",
    b"--output.mp4",
    b"http:colon.mp4",
    b"per%cent%20%d.mp4",
    b"ha#sh.mp4",
    b"[brackets]{1,2}*?.mp4",
    b"back\\slash.mp4",
    b"tab\t.mp4",
    b"=1+1.mp4",
    b" space .mp4",
    b"\x1b[31mred.mp4",
    b"$HOME;`id`&.mp4",
    b"vertical\x0btab.mp4",
    b"UPPER.MP4",
    f"{_LONG[:246]}.mp4".encode(),
    *(text.encode() for text in ("🎬.mp4", "line\u2028separator.mp4", "next\x85line.mp4", "é.mp4")),
    *(text.encode() for text in ("e\u0301.mp4", "\u202eright-to-left.mp4", "\ufeffmark.mp4")),
    b'fold\ner, "1"/vid\reo.mp4',
)
"""Paths of good videos."""
UNWRITABLE = (b"latin-\xe9.mp4", b"\xff\xfe.mkv", b"fold\xe9r/video.mp4")
"""Paths that are not in UTF-8."""
PLACES = (
    *("dangling.mp4", "annexed.mp4", "loop.mp4", "ping.mp4", "pong.mp4", "zero.mp4", "null.mkv"),
    *("pipe.mp4", "pipe.csv", "socket.mp4", "empty-folder.mp4", "album.mkv", "notes.txt"),
    *("other.csv", "no-extension", "linked-pipe.mp4", "bad-annotations.csv", ".hidden.mp4"),
)
"""What is no video although some of it is named like one."""


def fill(folder: Path, studio: Studio) -> None:
    """Put everything into a folder; the odd files are in `odd/`."""
    odd, good = folder / "odd", folder / "good"
    odd.mkdir()
    good.mkdir()
    for name in GOOD:
        studio.make(good / name, HEALTHY[name])
    for name, recipe in (DAMAGED | HOSTILE).items():
        recipe.make(odd / name, studio)
    (odd / NEIGHBOR).write_bytes(distinct(base("bframes.mp4", studio), 10_000))
    for number, name in enumerate((*NAMES, *UNWRITABLE)):
        path = folder / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(distinct(base("bframes.mp4", studio), number))
    _places(folder, studio)


def distinct(mp4: bytes, number: int) -> bytes:
    """Append a free box, with which the file is another one and the video the same."""
    return mp4 + struct.pack(">I4sQ", 16, b"free", number)


def _places(folder: Path, studio: Studio) -> None:
    for name, target in (
        ("dangling.mp4", "nowhere.mp4"),
        ("annexed.mp4", "../.git/annex/objects/Xk/5w/SHA256E-s1--0.mp4/SHA256E-s1--0.mp4"),
        ("loop.mp4", "loop.mp4"),
        ("ping.mp4", "pong.mp4"),
        ("pong.mp4", "ping.mp4"),
        ("zero.mp4", "/dev/zero"),
        ("null.mkv", "/dev/null"),
        ("linked-pipe.mp4", "pipe.mp4"),
        ("around", "."),
        ("good/around", ".."),
    ):
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe.mp4")
    os.mkfifo(folder / "pipe.csv")
    _socket(folder / "socket.mp4")
    (folder / "empty-folder.mp4").mkdir()
    (folder / "album.mkv").mkdir()
    (folder / "album.mkv" / "inside.mp4").write_bytes(distinct(base("bframes.mp4", studio), 20_000))
    (folder / "notes.txt").write_text("notes")
    (folder / "other.csv").write_text("name,value\na,1\n")
    (folder / "bad-annotations.csv").write_bytes(b"\xff\xfe\x00\r\n\x00")
    (folder / "no-extension").write_bytes(base("bframes.mp4", studio))
    (folder / ".hidden.mp4").write_bytes(distinct(base("bframes.mp4", studio), 30_000))
    unreadable = folder / "unreadable.mp4"
    unreadable.write_bytes(distinct(base("bframes.mp4", studio), 40_000))
    unreadable.chmod(0)


def _socket(path: Path) -> None:
    """Leave a socket; its path may be too long, unless it is relative."""
    with socket.socket(socket.AF_UNIX) as server, suppress(OSError):
        before = Path.cwd()
        os.chdir(path.parent)
        try:
            server.bind(path.name)
        finally:
            os.chdir(before)


def everything(folder: Path) -> set[Path]:
    """Paths of all that must be mentioned: what is no folder, and folders named like a video."""
    walked = os.walk(folder)
    found = [Path(place, name) for place, folders, files in walked for name in folders + files]
    return {
        path
        for path in found
        if path.is_symlink() or not path.is_dir() or path.suffix in (".mp4", ".mkv")
    }
