"""Videos that are to be turned, as phones write them.

The ffmpeg command does not make them alike: `-metadata:s:v rotate=` ends and `-display_rotation`
begins with ffmpeg 6.
"""

import re
import struct
from pathlib import Path

_MATRIX = re.compile(rb"tkhd\0.{39}(?P<matrix>.{36})(?!\0{8})", re.DOTALL)
"""A track header's matrix; audio tracks have no size behind it."""
_UNIT, _LAST = 1 << 16, 1 << 30
_COSINES = {0: 1, 90: 0, 180: -1, 270: 0}


def turn(video: Path, degrees: int) -> Path:
    """Write into an MP4 or QuickTime file that its pictures are to be turned clockwise."""
    cosine, sine = _UNIT * _COSINES[degrees], _UNIT * _COSINES[(degrees - 90) % 360]
    matrix = (cosine, sine, 0, -sine, cosine, 0, 0, 0, _LAST)
    content = bytearray(video.read_bytes())
    headers = list(_MATRIX.finditer(content))
    assert len(headers) == 1, f"{video}: must have one video track, got {len(headers)}"
    content[slice(*headers[0].span("matrix"))] = struct.pack(">9i", *matrix)
    video.write_bytes(content)
    return video
