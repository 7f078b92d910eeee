"""Description of a video file: duration, size, rate, streams, loudness."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import av
from av import AudioFrame, Packet, VideoFrame, VideoStream
from av.container import InputContainer

from data_prep.media import pcm
from data_prep.media.audio_window import MonoResampler
from data_prep.media.decoding import (
    CutOffError,
    UnusableError,
    decoded,
    demux,
    opened,
    require_undamaged,
    tick_of,
)
from data_prep.media.scaling import shown_size
from data_prep.media.streams import audio_of, video_of
from data_prep.media.timestamps import FrameClock

_USUAL_FPS = 25.0  # of a file that does not say

# A file that ends this much earlier than its header says is cut off.
_CUT_OFF = 0.2
_CUT_OFF_SHARE = 0.02

# Formats in whose header the duration is the time at which the file ends.
_COUNTS_FROM_ZERO = ("matroska,webm",)


@dataclass(frozen=True)
class VideoInfo:
    """Facts from the content of a video.

    Attributes:
        duration: seconds of video, from the first frame to the end of the last.
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

    @property
    def frame_rate(self) -> float:
        """Frames per second; 25 if the file does not say."""
        return self.fps or _USUAL_FPS

    @property
    def frame_count(self) -> int:
        """Number of frames at that rate, at least 1."""
        return max(1, round(self.duration * self.frame_rate))


def probe(path: str | Path, *, decode: bool = True) -> VideoInfo:
    """Examine a whole video.

    Args:
        path: the video, a path or a URI.
        decode: whether to decode every frame, so that no window of an accepted video has a
            damaged frame. Without it, all packets are read, but only the first frame and the
            audio are decoded.

    Raises:
        MediaError: the file is not a video, it is cut off, or a part of it cannot be decoded.
        StorageError: the storage does not give the file's content.
    """
    with opened(path) as container:
        video, audio = video_of(container), audio_of(container)
        frames, spans = _Frames(container, video), _Spans(video)
        resampler, meter = MonoResampler(), pcm.LoudnessMeter()
        try:
            for packet in demux(container):
                spans.add(packet)
                if packet.stream is video:
                    require_undamaged(packet)
                    if decode or frames.first is None:
                        frames.add(decoded(packet))
                elif packet.stream is audio:
                    for frame in decoded(packet):
                        _measure(resampler.push(frame), meter)
        except CutOffError:
            spans.require_whole(container)
            raise
        _measure(resampler.push(None), meter)
        spans.require_whole(container)
        height, width = frames.require_whole()
        rate = video.average_rate or video.guessed_rate or 0
        return VideoInfo(
            duration=frames.seconds() if decode else spans.seconds(),
            width=width,
            height=height,
            fps=float(rate),
            video_stream=video.index,
            audio_stream=None if audio is None else audio.index,
            loudness=None if audio is None else round(meter.loudness(), 2),
        )


def _measure(frames: Iterable[AudioFrame], meter: pcm.LoudnessMeter) -> None:
    for frame in frames:
        meter.add(frame.to_ndarray()[0])


class _Frames:
    """What is known of the decoded frames.

    Attributes:
        first: the first one; None before it is decoded.
    """

    def __init__(self, container: InputContainer, stream: VideoStream):
        self._clock = FrameClock(container, stream)
        self._aspect = float(stream.sample_aspect_ratio or 1)
        self._origin = 0.0
        self._count = 0
        self._damaged: list[float] = []
        self.first: VideoFrame | None = None

    def add(self, frames: Iterable[VideoFrame]) -> None:
        for frame in frames:
            time = self._clock.tell(frame)
            if self.first is None:
                self.first, self._origin = frame, time or 0.0
            self._count += 1
            if frame.is_corrupt:
                self._damaged.append((time or self._clock.end) - self._origin)

    def seconds(self) -> float:
        return self._clock.end - self._origin

    def require_whole(self) -> tuple[int, int]:
        """Refuse a video with damaged frames; return the (height, width) of a frame as shown."""
        if self.first is None:
            raise UnusableError("has a video track, but no frame that can be decoded")
        if self._damaged:
            raise UnusableError(
                f"video is damaged: {len(self._damaged)} of {self._count} frames, the first at "
                f"{self._damaged[0]:.1f} s"
            )
        return shown_size(self.first, self._aspect)


class _Spans:
    """Times that the packets of the video, and of all streams, span."""

    def __init__(self, video: VideoStream):
        self._video = video
        self._count = 0  # packets of the video
        self._first = self._all_first = math.inf
        self._end = self._all_end = -math.inf

    def add(self, packet: Packet) -> None:
        self._count += packet.stream is self._video and packet.size > 0
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is None:
            return
        tick = tick_of(packet.stream)
        start, end = stamp * tick, (stamp + (packet.duration or 0)) * tick
        self._all_first, self._all_end = min(self._all_first, start), max(self._all_end, end)
        if packet.stream is self._video:
            self._first, self._end = min(self._first, start), max(self._end, end)

    def seconds(self) -> float:
        """Return the length of the video."""
        if self._first > self._end:
            raise UnusableError("has a video track without a timestamp")
        return self._end - self._first

    def require_whole(self, container: InputContainer) -> None:
        """Refuse a file that lacks frames of its index, or ends well before its header says."""
        indexed = len(self._video.index_entries)
        if self._count < indexed:
            missing = indexed - self._count
            raise UnusableError(f"is damaged or cut off: {missing} of {indexed} frames are missing")
        header, real = (container.duration or 0) / av.time_base, self._all_end - self._all_first
        if self._video.duration:
            header, real = self._video.duration * tick_of(self._video), self.seconds()
        elif container.format.name in _COUNTS_FROM_ZERO:
            real = self._all_end
        if header - real > max(_CUT_OFF, _CUT_OFF_SHARE * header):
            raise UnusableError(f"is cut off at {real:.1f} s of the {header:.1f} s in its header")
