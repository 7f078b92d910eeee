"""Decoding of a file's video stream, from its first frame or from a moment in time."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from av import Packet, VideoFrame
from av.container import InputContainer

from data_prep.media.decoding import (
    PYAV_ERRORS,
    UnusableError,
    decoded,
    demux,
    read_only,
    require_undamaged,
    tick_of,
)
from data_prep.media.streams import video_of
from data_prep.media.timestamps import FrameClock

# Decoding starts this many seconds, and this many frames, before the moment. Keyframes are found
# by decoding time, which is earlier than presentation time in files with B-frames.
_LEAD = 0.25
_LEAD_FRAMES = 3

# Codecs that mark the frames that no other frame needs, which are skipped on the way. HEVC is not
# among them: what it marks may be needed by a frame of another temporal layer.
_MARKS_UNREFERENCED = ("h264", "mpeg1video", "mpeg2video", "mpeg4")

# Formats without timestamps. Frames are counted, and miscounted after a seek if some are left out.
_COUNTS_FRAMES = ("avi",)


@dataclass(frozen=True, eq=False)
class TimedFrame:
    """A decoded frame.

    Attributes:
        frame: the frame.
        time: seconds on the container's clock at which it is shown.
        is_damaged: whether it, or one it may depend on, was decoded from corrupt data.
    """

    frame: VideoFrame
    time: float
    is_damaged: bool


class VideoReader:
    """Reads the frames of a file's video stream in the order in which they are shown, once.

    Attributes:
        stream: the stream.
        clock: time and end of the last frame that was read.
        origin: time of the first frame on the container's clock.
        slack: seconds by which timestamps may be off, because they are rounded to the stream's
            tick. If the tick is as coarse as the frames (AVI), they are exact.
        aspect: width of a pixel in heights.
    """

    def __init__(self, container: InputContainer):
        self._container = container
        self.stream = video_of(container)
        read_only(container, self.stream)
        self._tick = tick_of(self.stream)
        self._skip_before = -math.inf
        self._frames = self._decode()
        first = next(self._frames, None)
        if first is None:
            raise UnusableError("has a video track, but no frame that can be decoded")
        self._first = first
        self.clock = FrameClock(container, self.stream)
        self.origin = self.clock.tell(first) or 0.0
        self.slack = min(self._tick, 1e-3) / 2
        self.aspect = float(self.stream.sample_aspect_ratio or 1)

    def from_start(self) -> Iterator[TimedFrame]:
        """Yield all frames."""
        is_damaged = self._first.is_corrupt
        yield TimedFrame(self._first, self.origin, is_damaged)
        for frame in self._frames:
            is_damaged = _is_damaged(frame, is_damaged)
            time = self.clock.tell(frame)
            if time is not None:
                yield TimedFrame(frame, time, is_damaged)

    def around(self, time: float) -> Iterator[TimedFrame]:
        """Yield the frame shown at a time and all later ones, and some earlier ones.

        Raises:
            UnusableError: this cannot be done without decoding from the start.
        """
        reliable = time - max(_LEAD, _LEAD_FRAMES * self.clock.period)  # all frames from here on
        if self.stream.codec_context.name in _MARKS_UNREFERENCED and self._first.pts is not None:
            self._skip_before = reliable
        is_sure = False
        for shown in self._after_seek(reliable) if self._can_seek(reliable) else self.from_start():
            is_sure = is_sure or reliable <= shown.time <= time + self.slack
            if shown.time > time + self.slack and not is_sure:
                break
            yield shown
        if not is_sure:
            raise UnusableError(f"the frame shown at {time - self.origin:.2f} s cannot be sought")

    def _can_seek(self, time: float) -> bool:
        """Say whether decoding may begin later than at the first frame, yet before a time."""
        if time <= self.origin or self._container.format.name in _COUNTS_FRAMES:
            return False
        entries = self.stream.index_entries
        if len(entries) < 2:
            return True  # there is no index
        found = entries.search_timestamp(math.floor(time / self._tick))
        return found < 0 or entries[found].timestamp > entries[0].timestamp

    def _after_seek(self, time: float) -> Iterator[TimedFrame]:
        try:
            self._container.seek(math.floor(time / self._tick), stream=self.stream)
        except PYAV_ERRORS as error:
            raise UnusableError("cannot be sought") from error
        self.clock = FrameClock(self._container, self.stream)
        is_damaged = False
        for frame in self._decode():
            is_damaged = _is_damaged(frame, is_damaged)
            time_of_frame = self.clock.tell(frame)
            if frame.pts is None or time_of_frame is None:
                raise UnusableError("cannot be sought, because its timestamps are irregular")
            yield TimedFrame(frame, time_of_frame, is_damaged)

    def _decode(self) -> Iterator[VideoFrame]:
        for packet in demux(self._container, self.stream):
            require_undamaged(packet)
            self._choose_skipping(packet)
            yield from decoded(packet)

    def _choose_skipping(self, packet: Packet) -> None:
        skips = packet.pts is not None and packet.pts * self._tick < self._skip_before
        self.stream.codec_context.skip_frame = "NONREF" if skips else "DEFAULT"


def _is_damaged(frame: VideoFrame, is_damaged: bool) -> bool:
    """Say whether a frame is damaged, or may be because it is not a keyframe."""
    return frame.is_corrupt or (is_damaged and not frame.key_frame)
