"""Parts of a video joined into one file, with the audio of another; no frame is encoded again."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

from av import Packet
from av.video.stream import VideoStream

from data_prep.media.audio_track import take_audio
from data_prep.media.decoding import demux, opened
from data_prep.media.encoding import creating
from data_prep.media.video_formats import MP4, VideoFormat
from data_prep.media.video_reader import VideoReader
from data_prep.media.video_track import exact_rate


def join_videos(
    path: str | Path,
    parts: Sequence[Path],
    *,
    fps: float,
    audio_from: Path | None = None,
    video_format: VideoFormat = MP4,
) -> None:
    """Write a file that shows some videos one after the other.

    Args:
        path: the file, on this machine or a URI; an existing one is replaced.
        parts: at least one video, all made by `writing_video` in the format, at one size and rate.
        fps: that rate.
        audio_from: a video that begins with the first part. Its audio is kept, if it has any, in
            sync with the frames.
        video_format: the format.

    Raises:
        MediaError: a file cannot be read.
        StorageError: the storage does not give or take a file.
    """
    with ExitStack() as stack:
        first = stack.enter_context(opened(parts[0]))
        container = stack.enter_context(creating(path, video_format))
        video = container.add_stream_from_template(first.streams.video[0])
        rate = exact_rate(fps)
        video.time_base = 1 / rate
        audio: Iterator[Packet] = iter(())
        if audio_from is not None:
            with opened(audio_from) as again:
                origin = VideoReader(again).origin
            source = stack.enter_context(opened(audio_from))
            audio = take_audio(source, origin, container, video_format)
        for packet in heapq.merge(_video_packets(parts, video, rate), audio, key=_seconds):
            container.mux(packet)


def _video_packets(parts: Iterable[Path], track: VideoStream, rate: Fraction) -> Iterator[Packet]:
    """Yield the packets of all parts; each is one frame, in the order in which they are shown.

    They are counted, because some containers round times to milliseconds.
    """
    count = 0
    for part in parts:
        with opened(part) as container:
            for packet in demux(container, container.streams.video[0]):
                if packet.size:
                    packet.time_base = 1 / rate
                    packet.pts = packet.dts = count
                    packet.duration = 1
                    packet.stream = track
                    count += 1
                    yield packet


def _seconds(packet: Packet) -> float:
    stamp = packet.dts if packet.dts is not None else packet.pts
    return float((stamp or 0) * (packet.time_base or 0))
