"""Files named like a video that hold something else, or ask a reader to open another file."""

import gzip
import json
import struct
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from odd_damage import Odd, base
from odd_recipes import AAC, MP3
from odd_videos import Studio, run

NEIGHBOR = "neighbor.mp4"
"""A healthy video in the same folder, at which the playlists point."""

LFS = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
PLAYLISTS = {
    "ffconcat.mp4": f"ffconcat version 1.0\nfile {NEIGHBOR}\n",
    "list.mp4": f"file '{NEIGHBOR}'\nfile '{NEIGHBOR}'\n",
    "hls.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:2.4,\n{NEIGHBOR}\n#EXT-X-ENDLIST\n",
    "hls.ts": f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:2.4,\n{NEIGHBOR}\n#EXT-X-ENDLIST\n",
    "session.mp4": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "asx.wmv": f'<asx version="3.0"><entry><ref href="{NEIGHBOR}"/></entry></asx>\n',
    "dash.mp4": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" '
    f'profiles="urn:mpeg:dash:profile:isoff-live:2011"><BaseURL>{NEIGHBOR}</BaseURL></MPD>\n',
    "reference.mov": f"[Reference]\nRef1={NEIGHBOR}\n",
}


def text(content: str, path: Path, studio: Studio) -> None:
    path.write_text(content)


def data(content: bytes, path: Path, studio: Studio) -> None:
    path.write_bytes(content)


def image(form: str, path: Path, studio: Studio) -> None:
    count = "5" if form in ("gif", "apng") else "1"
    run(
        "-f", "lavfi", "-i", "testsrc=s=64x48:r=5", "-frames:v", count, *_form(form), f"file:{path}"
    )


def _form(form: str) -> list[str]:
    codecs = {"jpeg": "mjpeg", "png": "png", "bmp": "bmp", "webp": "libwebp", "tiff": "tiff"}
    if form in codecs:
        return ["-c:v", codecs[form], "-f", "image2", "-update", "1"]
    return ["-f", form]


def sound(arguments: str, path: Path, studio: Studio) -> None:
    run("-f", "lavfi", "-i", "sine=d=2", *arguments.split(), f"file:{path}")


def cover_only(path: Path, studio: Studio) -> None:
    """A song with a picture, the only "video" in it."""
    picture = ["-f", "lavfi", "-i", "color=red:s=64x48:r=1:d=1", "-c:v", "mjpeg"]
    song = ["-f", "lavfi", "-i", "sine=d=2", *picture, "-map", "0", "-map", "1"]
    run(*song, "-c:a", "libmp3lame", "-disposition:v", "attached_pic", "-f", "mp3", f"file:{path}")


def subtitles_only(path: Path, studio: Studio) -> None:
    source = studio.folder / "words.srt"
    source.write_text("1\n00:00:00,000 --> 00:00:02,000\nwords\n")
    run("-i", source, f"file:{path}")


def archive(path: Path, studio: Studio) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("video.mp4", base("bframes.mp4", studio))


def elementary(path: Path, studio: Studio) -> None:
    """H.264 without a container, and so without times."""
    source = studio.folder / "for-elementary.mp4"
    source.write_bytes(base("bframes.mp4", studio))
    run("-i", source, "-an", "-c", "copy", "-f", "h264", f"file:{path}")


def other_container(name: str, path: Path, studio: Studio) -> None:
    path.write_bytes(base(name, studio))


def patched(name: str, box: bytes, change: Callable[[bytearray, int], None], path: Path, studio):
    """Change bytes at the first box of a name."""
    content = bytearray(base(name, studio))
    change(content, content.index(box))
    path.write_bytes(content)


def _count(content: bytearray, at: int) -> None:
    """An MP4 table that claims four billion entries."""
    struct.pack_into(">I", content, at + (12 if content[at : at + 4] == b"stsz" else 8), 2**32 - 1)


def _size(content: bytearray, at: int) -> None:
    """A box that claims to be two gigabytes long."""
    struct.pack_into(">I", content, at - 4, 2**31 - 1)


def _picture(content: bytearray, at: int) -> None:
    """A picture of 65,535 x 65,535 pixels."""
    struct.pack_into(">HH", content, at + 28, 65_535, 65_535)


def _avi_picture(content: bytearray, at: int) -> None:
    struct.pack_into("<ii", content, at + 12, 2**30, 2**30)


_RANDOM = np.random.default_rng(3).bytes(40_000)
_HTML = "<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head><body>gone</body></html>\n"
_JSON = json.dumps({"error": {"code": 403, "message": "quota exceeded"}})
_SRT = "1\n00:00:00,000 --> 00:00:02,000\nwords\n\n2\n00:00:02,000 --> 00:00:04,000\nmore\n"

TEXTS = {
    "empty.mp4": Odd(partial(data, b""), True, "empty"),
    "page.mp4": Odd(partial(text, _HTML), True, "HTML"),
    "page_with_spaces.mkv": Odd(partial(text, "\n\n  " + _HTML.lower()), True, "HTML"),
    "error.mp4": Odd(partial(text, _JSON), True, "JSON|text"),
    "error.xml.mp4": Odd(partial(text, "<?xml version='1.0'?><Error><Code>x</Code></Error>"), True),
    "pointer.mp4": Odd(partial(text, LFS), True, "Git LFS pointer"),
    "pointer.webm": Odd(partial(text, LFS), True, "Git LFS pointer"),
    "text.mp4": Odd(partial(text, "this is no video\n" * 20), True, "text|not a video"),
    "word.avi": Odd(partial(text, "x"), True),
    "zeros.mp4": Odd(partial(data, bytes(50_000)), True),
    "ansi.mp4": Odd(partial(text, "\x1b[31mred\x1b[0m\r\n" * 50), True),
    "subtitles.mp4": Odd(partial(text, _SRT), True),
    "subtitles.mkv": Odd(partial(text, f"WEBVTT\n\n{_SRT}"), True),
    **{name: Odd(partial(text, content), True) for name, content in PLAYLISTS.items()},
}
FILES = {
    **{
        f"image_{form}.mp4": Odd(partial(image, form), True, "image|picture|container format")
        for form in ("jpeg", "png", "gif", "apng", "bmp", "webp", "tiff")
    },
    "sound.mp4": Odd(partial(sound, f"{AAC}-f ipod"), True, "no video"),
    "sound_mp3.mp4": Odd(partial(sound, f"{MP3}-f mp3"), True, "audio|no video|not a video"),
    "sound_wav.avi": Odd(partial(sound, "-f wav"), True, "audio|no video|not a video"),
    "sound_ogg.ogv": Odd(partial(sound, "-c:a libvorbis -f ogg"), True, "no video"),
    "cover_only.mp4": Odd(cover_only, True, "no video|audio|not a video"),
    "subtitles_only.mkv": Odd(subtitles_only, True, "no video"),
    "random.mp4": Odd(partial(data, _RANDOM), True),
    "random.ts": Odd(partial(data, _RANDOM), True),
    "random_with_header.mp4": Odd(partial(data, b"\0\0\0\x18ftypmp42" + _RANDOM), True),
    "archive.mp4": Odd(archive, True),
    "gzip.mp4": Odd(partial(data, gzip.compress(_RANDOM, mtime=0)), True),
    "pdf.mp4": Odd(partial(data, b"%PDF-1.7\n" + _RANDOM), True),
    "program.mkv": Odd(partial(data, b"\x7fELF\x02\x01\x01" + _RANDOM), True),
    "elementary.mp4": Odd(elementary),
    "really_matroska.mp4": Odd(partial(other_container, "cut.mkv")),
    "really_mp4.avi": Odd(partial(other_container, "cut_end.mp4")),
}
CLAIMS = {
    **{
        f"huge_{box}.mp4": Odd(partial(patched, "bframes.mp4", box.encode(), _count))
        for box in ("stts", "stsz", "stco", "stsc", "ctts", "elst")
    },
    **{
        f"long_{box}.mp4": Odd(partial(patched, "index_first.mp4", box.encode(), _size))
        for box in ("moov", "trak", "stsd", "mdat", "ftyp")
    },
    "huge_picture.mp4": Odd(partial(patched, "bframes.mp4", b"avc1", _picture)),
    "huge_picture.avi": Odd(partial(patched, "raw.avi", b"strf", _avi_picture)),
}

HOSTILE = TEXTS | FILES | CLAIMS
