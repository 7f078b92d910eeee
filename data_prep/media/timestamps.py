"""Times of decoded frames, as the ffmpeg command reckons them."""

from typing import cast

from av import VideoFrame, VideoStream
from av.container import InputContainer
from av.format import Flags

from data_prep.media.decoding import UnusableError, tick_of

# Larger steps, ahead and back, are jumps of the clock. Recordings off the air have them. In the
# formats made for those, the ffmpeg command moves what follows a jump; here it is an error.
_LARGEST_STEPS = (600.0, 1.0)
_LARGEST_STEPS_OFF_AIR = (10.0, 0.1)


class FrameClock:
    """Gives the decoded frames of a stream, in the order in which they come, their times.

    Attributes:
        end: time at which the last frame ends.
        period: seconds between frames on average; 0.04 if the file does not say.
    """

    def __init__(self, container: InputContainer, stream: VideoStream):
        self.period = 1 / float(stream.average_rate or stream.guessed_rate or 25)
        self.end = 0.0
        self._tick = tick_of(stream)
        off_air = container.format.flags & cast(int, Flags.ts_discont.value)
        self._ahead, self._back = _LARGEST_STEPS_OFF_AIR if off_air else _LARGEST_STEPS
        self._stamps = _BestEffort()
        self._latest: float | None = None

    def tell(self, frame: VideoFrame) -> float | None:
        """Return the time of the next frame; None if it is too late to be shown.

        Raises:
            UnusableError: the clock jumps.
        """
        stamp = self._stamps.choose(frame.pts, frame.dts)
        time = self.end if stamp is None else stamp * self._tick
        step = 0.0 if self._latest is None else time - self._latest
        if not -self._back <= step <= self._ahead:
            raise UnusableError(f"video timestamps jump by {step:.1f} s at {self._latest:.2f} s")
        if step < 0:
            return None
        self._latest = time
        self.end = time + (frame.duration * self._tick or self.period)
        return time


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
