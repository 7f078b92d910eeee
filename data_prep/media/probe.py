"""Description of a video file: duration, size, rate, audio."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from av import AudioFrame, AudioResampler, VideoFrame, VideoStream

from data_prep.media import pcm
from data_prep.media.decoding import MediaError, audio_stream, opened, tick_of, video_stream


@dataclass(frozen=True)
class VideoInfo:
    """Facts from a video's header and its first frame.

    Attributes:
        duration: seconds of video.
        width: pixels as shown, after rotation and with square pixels.
        height: pixels as shown, after rotation and with square pixels.
        fps: average frames per second; 0 if the file does not say.
        video_stream: index of the video stream that is decoded.
        audio_stream: index of the audio stream that is decoded; None if there is none.
        loudness: RMS of the whole audio, mixed down to mono, in dBFS (see `pcm.loudness`); None
            without an audio stream.
    """

    duration: float
    width: int
    height: int
    fps: float
    video_stream: int
    audio_stream: int | None
    loudness: float | None

    @property
    def has_audio(self) -> bool:
        """Whether there is an audio track that can be decoded."""
        return self.audio_stream is not None


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
        video_index, audio = stream.index, audio_stream(container)  # indices end with the file
        audio_index = None if audio is None else audio.index
        if stream.duration:
            duration = float(stream.duration * tick_of(stream))
        else:
            duration = _demuxed_duration(path, stream)
    loudness = None if audio_index is None else _loudness(path)
    return VideoInfo(duration, width, height, float(rate), video_index, audio_index, loudness)


def _loudness(path: str | Path) -> float:
    """Return the loudness of the whole audio, to a hundredth of a dB."""
    with opened(path) as container:
        resampler = AudioResampler(format="s16", layout="mono")
        stream = audio_stream(container)
        frames = cast(Iterator[AudioFrame], container.decode(stream))
        parts = [part.to_ndarray()[0] for f in frames for part in resampler.resample(f)]
    return round(pcm.loudness(np.concatenate(parts)), 2) if parts else pcm.SILENCE


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
