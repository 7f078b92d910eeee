"""Choice of the video and the audio stream of a file, as the ffmpeg command chooses them."""

from collections.abc import Iterable
from typing import TypeVar

from av import AudioStream, VideoStream
from av.container import InputContainer
from av.stream import Disposition

from data_prep.media.decoding import UnusableError

MAX_FRAME_PIXELS = 1 << 26
"""Pixels that a frame may have; an 8K frame has half as many."""

# The command's weights (fftools, `map_auto_video` and `map_auto_audio`): a stream that has packets
# is worth more than the default one, and that more than one with more pixels or channels.
_HAS_PACKETS = 100_000_000
_IS_DEFAULT = 5_000_000

_Stream = TypeVar("_Stream", VideoStream, AudioStream)


def video_of(container: InputContainer) -> VideoStream:
    """Return the video stream to decode.

    Raises:
        UnusableError: there is none, or none that can be decoded here.
    """
    stream = main_video(container)
    if stream is None:
        raise UnusableError("has no video track")
    if stream.codec_context is None:
        raise UnusableError("has a video track for which there is no decoder")
    require_size(stream.width, stream.height)
    return stream


def main_video(container: InputContainer) -> VideoStream | None:
    """Return the best video stream that is not cover art."""
    streams = container.streams.video
    return _best(s for s in streams if not s.disposition & Disposition.attached_pic)


def audio_of(container: InputContainer) -> AudioStream | None:
    """Return the best audio stream among those that can be decoded here."""
    return _best(s for s in container.streams.audio if s.codec_context is not None)


def require_size(width: int, height: int) -> None:
    """Refuse frames so large that decoding them could exhaust the memory."""
    if width * height > MAX_FRAME_PIXELS:
        raise UnusableError(
            f"frames must have at most {MAX_FRAME_PIXELS} pixels, got {width}x{height}"
        )


def _best(streams: Iterable[_Stream]) -> _Stream | None:
    return max(streams, key=_score, default=None)  # the first one, of equals


def _score(stream: VideoStream | AudioStream) -> int:
    score = _HAS_PACKETS * (stream.start_time is not None)
    score += _IS_DEFAULT * bool(stream.disposition & Disposition.default)
    if stream.codec_context is None:
        return score
    if isinstance(stream, VideoStream):
        return score + stream.width * stream.height
    return score + stream.channels
