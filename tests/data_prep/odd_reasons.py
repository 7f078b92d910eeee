"""Whether a reason tells a person what is wrong with a file."""

import re

_LIBRARIES = re.compile(
    r"Invalid data found|Operation not permitted|Invalid argument|Numerical result|"
    r"Unknown error|Not yet implemented|Generic error|Resource temporarily|Errno|avcodec_|"
    r"arg is an empty|NoneType|object has no|list index|out of range|unhashable|"
    r"Traceback|Exception|\b\w+Error\b|0x[0-9a-f]{6}|<[a-z_.]+ object"
)


def is_for_people(reason: str) -> bool:
    """Say whether a reason is one line of words, not the text of a library's exception."""
    one_line = reason.strip() == reason and reason.isprintable()
    return one_line and " " in reason and not _LIBRARIES.search(reason)
