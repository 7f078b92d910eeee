"""Damage that only decoding finds."""

from pathlib import Path

import av
import pytest

from data_prep.media.decoding import MediaError
from data_prep.media.probe import probe


def damage_last_frame(path: Path) -> None:
    """Overwrite the last frame of a video; the container stays whole."""
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.pos is not None and p.size]
        last = max(packets, key=lambda packet: packet.pts)
    with path.open("r+b") as file:
        file.seek(last.pos)
        file.write(b"\xff" * last.size)
    probe(path, decode=False)
    with pytest.raises(MediaError):
        probe(path)
