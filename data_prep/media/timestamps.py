"""Times of decoded frames, as the ffmpeg command reckons them."""

from typing import cast

from av import VideoFrame, VideoStream
from av.container import InputContainer
from av.format import Flags

from data_prep.media.decoding import UnusableError, tick_of

# Longer gaps are jumps of the clock. Streams that were recorded off the air have them, and the
# formats made for that are the ones in which the ffmpeg command looks for them.
_LONGEST_GAP = 600.0
_LONGEST_GAP_OFF_AIR = 10.0


class BackwardError(UnusableError):
    """A frame is to be shown before the one that the decoder returned before it."""


class FrameClock:
    """Gives the decoded frames of a stream, in their order, their times.

    Attributes:
        time: seconds on the container's clock at which the last frame is shown; None before one.
        end: time at which the last frame ends.
        period: seconds between frames on average; 0.04 if the file does not say.
    """

    def __init__(self, container: InputContainer, stream: VideoStream):
        self._tick = tick_of(stream)
        self.period = 1 / float(stream.average_rate or stream.guessed_rate or 25)
        off_air = container.format.flags & cast(int, Flags.ts_discont.value)
        self._longest_gap = _LONGEST_GAP_OFF_AIR if off_air else _LONGEST_GAP
        self._stamps = _BestEffort()
        self.time: float | None = None
        self.end = 0.0

    def tell(self, frame: VideoFrame) -> float:
        """Return the time of the next frame.

        Raises:
            BackwardError: it is before the last one's.
            UnusableError: the clock jumps.
        """
        stamp = self._stamps.choose(frame.pts, frame.dts)
        time = self.end if stamp is None else stamp * self._tick
        if self.time is not None:
            self._check_step(self.time, time)
        self.time = time
        self.end = time + (frame.duration * self._tick or self.period)
        return time

    def _check_step(self, last: float, time: float) -> None:
        if abs(time - last) > self._longest_gap:
            raise UnusableError(f"video timestamps jump by {time - last:.1f} s at {last:.2f} s")
        if time < last:
            raise BackwardError(f"video timestamps go backward at {last:.2f} s")


class _BestEffort:
    """libav's rule (`guess_correct_pts`), by which the ffmpeg command takes its timestamps.

    The decoding time of the packet that completed a frame stands in for a presentation time that
    is missing (AVI has none), or if presentation times went backward more often.
    """

    def __init__(self) -> None:
        self._faulty_pts = self._faulty_dts = 0
        self._last_pts = self._last_dts = float("-inf")

    def choose(self, pts: int | None, dts: int | None) -> int | None:
        if dts is not None:
            self._faulty_dts += dts <= self._last_dts
            self._last_dts = dts
        elif pts is not None:
            self._last_dts = pts
        if pts is not None:
            self._faulty_pts += pts <= self._last_pts
            self._last_pts = pts
        elif dts is not None:
            self._last_pts = dts
        trusted = dts is None or self._faulty_pts <= self._faulty_dts
        return pts if trusted and pts is not None else dts
