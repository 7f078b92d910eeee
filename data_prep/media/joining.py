"""Parts of a video joined into one file, with the audio of another; no frame is encoded again."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from av import Packet
from av.video.stream import VideoStream

from data_prep.media.audio_track import take_audio
from data_prep.media.decoding import demux, opened
from data_prep.media.encoding import creating
from data_prep.media.video_reader import VideoReader


def join_videos(path: str | Path, parts: Sequence[Path], *, audio_from: Path | None = None) -> None:
    """Write an MP4 file that shows some videos one after the other.

    Args:
        path: the file, on this machine or a URI; an existing one is replaced.
        parts: at least one video, all made by `writing_video` at one size and rate.
        audio_from: a video that begins with the first part. Its audio is kept, if it has any, in
            sync with the frames.

    Raises:
        MediaError: a file cannot be read.
        StorageError: the storage does not give or take a file.
    """
    with ExitStack() as stack:
        first = stack.enter_context(opened(parts[0]))
        container = stack.enter_context(creating(path))
        video = container.add_stream_from_template(first.streams.video[0])
        audio: Iterator[Packet] = iter(())
        if audio_from is not None:
            with opened(audio_from) as again:
                origin = VideoReader(again).origin
            audio = take_audio(stack.enter_context(opened(audio_from)), origin, container)
        for packet in heapq.merge(_video_packets(parts, video), audio, key=_seconds):
            container.mux(packet)


def _video_packets(parts: Iterable[Path], track: VideoStream) -> Iterator[Packet]:
    """Yield the packets of all parts, on one clock."""
    offset = 0
    for part in parts:
        with opened(part) as container:
            stream = container.streams.video[0]
            for packet in demux(container, stream):
                if packet.size and packet.pts is not None and packet.dts is not None:
                    packet.pts += offset
                    packet.dts += offset
                    packet.stream = track
                    yield packet
            offset += stream.duration or 0


def _seconds(packet: Packet) -> float:
    stamp = packet.dts if packet.dts is not None else packet.pts
    return float((stamp or 0) * (packet.time_base or 0))
