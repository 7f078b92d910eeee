"""File names of Kinetics' clips, as its downloaders make them.

The usual name is `<YouTube id>_<start>_<end>.mp4`, with or without leading zeros. Some downloaders
add a second extension (`.mp4.mkv`), put the class in front, leave out the end, or name only the
YouTube video: `<id>.mp4`, `<title>-<id>.mp4`, `<title> [<id>].mp4`.
"""

import re
from posixpath import basename, splitext  # a path of pathlib takes ten times as long

EXTENSIONS = frozenset(
    {
        ".3gp",
        ".avi",
        ".flv",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".ogv",
        ".ts",
        ".webm",
        ".wmv",
    }
)

_ID = r"[A-Za-z0-9_-]{11}"
_SECONDS = r"([0-9]{1,9})(?:\.[0-9]+)?"
_CUT = re.compile(rf"(.+)[_-]{_SECONDS}[_-]{_SECONDS}", re.DOTALL)
_START = re.compile(rf"(.+)[_-]{_SECONDS}", re.DOTALL)
_KINETICS = re.compile(rf"({_ID})[_-]{_SECONDS}[_-]{_SECONDS}")
_ID_AT_END = re.compile(rf"(?:.*[^A-Za-z0-9])?({_ID})", re.DOTALL)
_WORDS = re.compile(r"(?:(?:[A-Z]?[a-z]+)?(?:[A-Z][a-z]{2,})*|[A-Z]*)[0-9]*")
_WHOLE = re.compile(rf".*(?:\[({_ID})\]|-({_ID}))", re.DOTALL)

Cut = tuple[str, int, int | None]
"""YouTube id, start and end in seconds; the end is None if the name lacks it."""


def extension(file: str) -> str:
    """Return the extension of a file's name, in lower case and with its dot."""
    return splitext(file)[1].lower()


def stem(file: str) -> str:
    """Return a file's name without its extensions of videos, of which there may be two."""
    name = basename(file)
    while extension(name) in EXTENSIONS:
        name = splitext(name)[0]
    return name


def possible_cuts(file: str) -> list[Cut]:
    """Return the clips that a file name may mean; most are wrong, and in no annotation."""
    name, found = stem(file), list[Cut]()
    if match := _CUT.fullmatch(name):
        found += [(text, int(match[2]), int(match[3])) for text in _ids(match[1])]
    if match := _START.fullmatch(name):
        found += [(text, int(match[2]), None) for text in _ids(match[1])]
    return found


def possible_videos(file: str) -> list[str]:
    """Return the YouTube ids that a file name may mean as a whole."""
    name = stem(file)
    match = _WHOLE.fullmatch(name)
    return [name, match[1] or match[2]] if match else [name]


def youtube_id(file: str) -> str:
    """Return the YouTube id of a file that is named as Kinetics names a clip; "" of another."""
    match = _KINETICS.fullmatch(stem(file))
    return match[1] if match and int(match[2]) < int(match[3]) else ""


def likely_ids(file: str) -> list[str]:
    """Return what may be a YouTube id in a file name, the likeliest first.

    An id has 11 characters and stands before the seconds or at the end, and before it is nothing
    or something that is neither a letter nor a digit.
    """
    name = stem(file)
    texts = [match[1] for pattern in (_CUT, _START) if (match := pattern.fullmatch(name))]
    found = map(_ID_AT_END.fullmatch, [*texts, name.removesuffix("]")])
    return [match[1] for match in found if match]


def is_of_words(video: str) -> bool:
    """Say whether a YouTube id looks like words and numbers, such as `holiday2019`.

    One in a hundred real ids does.
    """
    return all(_WORDS.fullmatch(part) for part in re.split("[_-]", video))


def possible_ids(file: str) -> set[str]:
    """Return all that a file name may mean as a YouTube id; most is wrong."""
    return {*possible_videos(file), *(cut[0] for cut in possible_cuts(file))}


def _ids(text: str) -> list[str]:
    """Return the text, and its end if something stands in front of a YouTube id."""
    return [text, text[-11:]] if len(text) > 11 else [text]
