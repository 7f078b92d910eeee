"""Description of a video file: duration, size, rate, audio."""

from dataclasses import dataclass
from pathlib import Path

from av import VideoFrame, VideoStream

from data_prep.media.decoding import MediaError, audio_stream, opened, tick_of, video_stream


@dataclass(frozen=True)
class VideoInfo:
    """Facts from a video's header and its first frame.

    Attributes:
        duration: seconds of video.
        width: pixels as shown, after rotation and with square pixels.
        height: pixels as shown, after rotation and with square pixels.
        fps: average frames per second; 0 if the file does not say.
        has_audio: whether there is an audio track that can be decoded.
    """

    duration: float
    width: int
    height: int
    fps: float
    has_audio: bool


def probe(path: str | Path) -> VideoInfo:
    """Describe a video, and decode its first frame to make sure of it.

    The file is read to its end (demuxed, not decoded) only if its header has no duration.

    Raises:
        MediaError: the file is not a video that can be decoded.
    """
    with opened(path) as container:
        stream = video_stream(container)
        first = next(container.decode(stream), None)
        if first is None:
            raise MediaError(path, "has a video track, but no frame that can be decoded")
        height, width = shown_size(stream, first)
        rate = stream.average_rate or stream.guessed_rate or 0
        has_audio = audio_stream(container) is not None
        if stream.duration:
            duration = float(stream.duration * tick_of(stream))
        else:
            duration = _demuxed_duration(path, stream)
    return VideoInfo(duration, width, height, float(rate), has_audio)


def shown_size(stream: VideoStream, frame: VideoFrame) -> tuple[int, int]:
    """Return (height, width) of a frame with square pixels, upright."""
    height, width = frame.height, round(frame.width * (stream.sample_aspect_ratio or 1))
    return (width, height) if quarter_turns(frame) % 2 else (height, width)


def quarter_turns(frame: VideoFrame) -> int:
    """Return the quarter turns counterclockwise that bring the frame upright."""
    return round(frame.rotation / 90) % 4


def _demuxed_duration(path: str | Path, stream: VideoStream) -> float:
    """Return the seconds from a stream's first packet to the end of its last, by timestamps."""
    with opened(path) as container:
        packets = container.demux(container.streams[stream.index])
        spans = [(p.pts, p.pts + (p.duration or 0)) for p in packets if p.pts is not None]
    first, end = min(s[0] for s in spans), max(s[1] for s in spans)
    return float((end - first) * tick_of(stream))
