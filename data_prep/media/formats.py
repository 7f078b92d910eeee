"""Container formats that are read, and what a file in no such format is, in words for people."""

# libav's names. Formats that list other files or number images (concat, hls, dash, image2) must
# stay out: they would open files that nobody named. Text and raw streams have no timestamps.
_ALLOWED = (
    *("mov", "matroska", "avi", "flv", "live_flv", "mpegts", "mpeg", "asf", "ogg", "mxf", "nut"),
    *("dv", "ivf", "rm", "wtv", "swf"),
    *("wav", "w64", "mp3", "flac", "aac", "ac3", "eac3", "aiff", "au", "caf", "amr"),
)

HEAD = 4_096
"""Bytes that tell what a file is."""

_MAGIC = (
    (b"version https://git-lfs.github.com/spec/", "is a Git LFS pointer; run git lfs pull"),
    (b"/annex/objects/", "is a git-annex pointer; run git annex get"),
    (b"ffconcat version", "is a list of files (ffconcat), not a media file"),
    (b"#EXTM3U", "is a playlist, not a media file"),
    (b"%PDF-", "is a PDF, not a media file"),
    (b"PK\x03\x04", "is a ZIP archive, not a media file"),
    (b"\x1f\x8b", "is a gzip archive, not a media file"),
    (b"BZh", "is a bzip2 archive, not a media file"),
    (b"\xfd7zXZ\x00", "is an xz archive, not a media file"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive, not a media file"),
    (b"Rar!", "is a RAR archive, not a media file"),
    (b"\x89PNG", "is a PNG image, not a video"),
    (b"\xff\xd8\xff", "is a JPEG image, not a video"),
    (b"GIF8", "is a GIF image, not a video"),
    (b"II*\x00", "is a TIFF image, not a video"),
    (b"MM\x00*", "is a TIFF image, not a video"),
)
_UNFINISHED = "its index is missing or damaged; the file may be cut off"
_CONTAINERS = ((4, b"ftyp"), (4, b"mdat"), (0, b"RIFF"), (0, b"\x1aE\xdf\xa3"), (0, b"FLV"))


def whitelist() -> str:
    """Return the formats that are read, as libav's option `format_whitelist` takes them."""
    return ",".join(_ALLOWED)


def refusal(head: bytes) -> str:
    """Say why libav cannot open a file as media, given the `HEAD` bytes that it begins with."""
    if not head.strip(b"\0"):
        return "is an empty file" if not head else "holds nothing but zeros"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, reason in _MAGIC:
        if start.startswith(magic):
            return reason
    if head[8:12] == b"WEBP":
        return "is a WebP image, not a video"
    if any(head[at:].startswith(magic) for at, magic in _CONTAINERS):
        return f"cannot be opened: {_UNFINISHED}"
    return _text(start) or "is not in a container format that is read here, or is damaged"


def _text(start: bytes) -> str | None:
    """Return what kind of text a file begins with; None if it is no text."""
    if b"\0" in start:
        return None
    try:
        text = start[: HEAD - 4].decode().lower()  # the last character may be cut
    except UnicodeDecodeError:
        return None
    if text.startswith(("<!doctype html", "<html")) or "<html" in text[:1_000]:
        return "is an HTML page, not a media file"
    if text.startswith("<"):
        return "is XML, not a media file"
    return "is text, not a media file"
