"""The audio of a window of a file, mixed down to mono."""

import math
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from av import AudioFrame, AudioResampler, AudioStream
from av.container import InputContainer

from data_prep.media.decoding import (
    PYAV_ERRORS,
    UnusableError,
    decoded,
    demux,
    opened,
    origin_of,
    read_only,
    tick_of,
)
from data_prep.media.streams import audio_of

# Decoding starts this many seconds before the window, because decoders need some history.
_LEAD = 0.5

# Audio whose timestamp is further than this many seconds from the end of the audio before it
# follows a gap. A smaller difference is rounding (to 1 ms in Matroska and FLV), or jitter, which
# would be heard as clicks. What comes before the window is not heard, and sets its beginning.
_GAP = 0.03
_GAP_BEFORE = 0.002


def read_window(
    path: str | Path, container: InputContainer, time: float, samples: int, sample_rate: int
) -> np.ndarray | None:
    """Read audio from `time` on the container's clock.

    Args:
        path: the file.
        container: the same file, open.
        time: start of the window in seconds.
        samples: length of the window.
        sample_rate: samples per second.

    Returns:
        int16 `[samples]`, zeros where there is no audio; None if there is none at all.

    Raises:
        UnusableError: the audio cannot be decoded.
    """
    stream = audio_of(container)
    if stream is None:
        return None
    try:
        return _window(_after_seek(container, stream, time), time, samples, sample_rate)
    except UnusableError:  # the first packets after a seek may be incomplete
        return _window(_from_start(path, stream.index), time, samples, sample_rate)


def _window(
    frames: Iterable[AudioFrame], time: float, samples: int, sample_rate: int
) -> np.ndarray | None:
    """Cut the window out of decoded audio."""
    audio, has_audio = np.zeros(samples, np.int16), False
    position = None  # of the next samples, counted from the start of the window
    for frame in _resampled(frames, sample_rate):
        position = _position(frame, time, position)
        if position >= samples:
            break
        first, stop = max(position, 0), min(position + frame.samples, samples)
        if first < stop:
            audio[first:stop] = frame.to_ndarray()[0, first - position : stop - position]
            has_audio = True
        position += frame.samples
    return audio if has_audio else None


class MonoResampler:
    """Turns decoded audio into mono int16; the format of the input may change on the way."""

    def __init__(self, sample_rate: int | None = None):
        """Set the samples per second of all output; those of the input by default."""
        self._sample_rate = sample_rate
        self._format: tuple[object, ...] | None = None
        self._resampler: AudioResampler | None = None

    def push(self, frame: AudioFrame | None) -> list[AudioFrame]:
        """Return what is ready after the next frame, or after the last one if it is None."""
        layout = (
            None if frame is None else (frame.format.name, frame.layout.name, frame.sample_rate)
        )
        ready = []
        if layout != self._format and self._resampler is not None:
            ready += self._resampler.resample(None)
        if layout != self._format:
            self._resampler = AudioResampler(format="s16", layout="mono", rate=self._sample_rate)
            self._format = layout
        if frame is not None and self._resampler is not None:
            ready += self._resampler.resample(frame)
        return [frame for frame in ready if frame is not None]


def _resampled(frames: Iterable[AudioFrame], sample_rate: int) -> Iterator[AudioFrame]:
    resampler = MonoResampler(sample_rate)
    for frame in chain(frames, [None]):
        yield from resampler.push(frame)


def _position(frame: AudioFrame, time: float, following: int | None) -> int:
    """Return the position of a frame's first sample, counted from a time.

    Args:
        frame: resampled audio.
        time: seconds on the container's clock.
        following: the position just behind the frame before; None if there is none.
    """
    if frame.time is None:
        return following or 0
    stamped = round((frame.time - time) * frame.sample_rate)
    if following is None:
        return stamped
    gap = _GAP if following > 0 else _GAP_BEFORE
    return stamped if abs(stamped - following) > gap * frame.sample_rate else following


def _after_seek(
    container: InputContainer, stream: AudioStream, time: float
) -> Iterator[AudioFrame]:
    """Decode from a frame at or before `time`, or from the stream's first one.

    Raises:
        UnusableError: this cannot be done without decoding from the start.
    """
    read_only(container, stream)
    sought = time - _LEAD
    try:
        container.seek(math.floor(sought / tick_of(stream)), stream=stream)
    except PYAV_ERRORS as error:
        raise UnusableError("audio cannot be sought") from error
    is_sure = sought <= origin_of(stream)
    for packet in demux(container, stream):
        for frame in decoded(packet):
            is_sure = is_sure or (frame.time is not None and frame.time <= time)
            if not is_sure:
                raise UnusableError(f"audio at {time:.2f} s cannot be sought")
            yield frame
    if not is_sure:
        raise UnusableError(f"audio at {time:.2f} s cannot be sought")


def _from_start(path: str | Path, index: int) -> Iterator[AudioFrame]:
    with opened(path) as container:
        for packet in demux(container, container.streams[index]):
            yield from decoded(packet)
