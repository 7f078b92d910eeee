"""Clips of a video file: windows of its frames and audio, at one size and rate."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path

import numpy as np
from av import AudioFrame, AudioResampler, VideoFrame, VideoStream
from av.container import InputContainer
from av.video.reformatter import Interpolation, VideoReformatter

from data_prep.config import ClipConfig
from data_prep.media.decoding import (
    MediaError,
    audio_stream,
    decode_from,
    main_video,
    opened,
    origin_of,
    path_of,
    tick_of,
    time_of,
    video_stream,
)
from data_prep.media.probe import quarter_turns, shown_size

# Decoding starts this many seconds before the window. Keyframes are found by decoding time, which
# is earlier than presentation time in files with B-frames; audio decoders need some history.
_FRAME_LEAD = 0.25
_AUDIO_LEAD = 0.5

# Audio whose timestamp is further than this many seconds from the end of the audio before it
# follows a gap. A smaller difference is rounding (to 1 ms in Matroska and FLV).
_AUDIO_GAP = 0.03


@dataclass(frozen=True, eq=False)
class Clip:
    """A window of a video with its audio.

    Attributes:
        frames: uint8 `[T, H, W, 3]`, RGB.
        audio: int16 `[S]`, mono; zeros if the file has none.
        has_audio: whether the file has any audio in the window.
    """

    frames: np.ndarray
    audio: np.ndarray
    has_audio: bool


def read_clip(
    path: str | Path, clip: ClipConfig, *, start: float, crop: tuple[float, float] = (0.5, 0.5)
) -> Clip:
    """Read a window of a video, with its audio.

    Frame k is the one that a player shows `start + k / clip.fps` seconds after the first frame, so
    variable, low and high frame rates keep their speed. Frames are turned upright, their pixels
    made square, their shorter side scaled to `clip.short_side`, and cropped.

    Args:
        path: the video, on this machine.
        clip: length, rate and size of the window.
        start: seconds after the video's first frame, at least 0.
        crop: (top, left) position of the crop, each in [0, 1] of its range.

    Raises:
        MediaError: the file is not a video that can be decoded, or ends before the window does.
    """
    if start < 0:
        raise ValueError(f"start: must be at least 0, got {start}")
    if not all(0 <= position <= 1 for position in crop):
        raise ValueError(f"crop: must be two positions in [0, 1], got {crop}")
    with opened(path) as container:
        stream = video_stream(container)
        frames = _read_frames(container, stream, clip, start, crop)
        audio = _read_audio(container, origin_of(stream) + start, clip.samples, clip.sample_rate)
    if audio is None:
        return Clip(frames, np.zeros(clip.samples, np.int16), has_audio=False)
    return Clip(frames, audio, has_audio=True)


def read_audio(path: str | Path, *, start: float, samples: int, sample_rate: int) -> np.ndarray:
    """Read a window of a file's audio, mixed down to mono.

    Args:
        path: a video or an audio file, on this machine.
        start: seconds after the first frame, or after the first audio if there is no video track.
        samples: length of the window.
        sample_rate: samples per second.

    Returns:
        int16 `[samples]`; zeros where the file has no audio.

    Raises:
        MediaError: the file cannot be decoded.
    """
    with opened(path) as container:
        clock = main_video(container) or audio_stream(container)
        if clock is None:
            raise MediaError(path, "has neither a video nor an audio track")
        audio = _read_audio(container, origin_of(clock) + start, samples, sample_rate)
    return np.zeros(samples, np.int16) if audio is None else audio


def _read_frames(
    container: InputContainer,
    stream: VideoStream,
    clip: ClipConfig,
    start: float,
    crop: tuple[float, float],
) -> np.ndarray:
    """Return the frames of the window, uint8 `[T, H, W, 3]`."""
    origin = origin_of(stream)
    times = origin + start + np.arange(clip.frames) / clip.fps
    # Timestamps are rounded to the stream's tick. If the tick is as coarse as the frames (AVI),
    # they are exact.
    slack = min(float(tick_of(stream)), 1e-3) / 2
    result = np.empty((clip.frames, clip.height, clip.width, 3), np.uint8)
    decoded = decode_from(container, stream, times[0], _FRAME_LEAD)
    shown = next(decoded, None)
    if shown is None:
        raise MediaError(path_of(container), "has no frame that can be decoded")
    convert = _converter(stream, shown, clip, crop)
    done = 0  # frames of the result
    for following in decoded:
        until = int(np.searchsorted(times, time_of(following) - slack))
        if until > done:
            result[done:until] = convert(shown)
            done = until
        if done == clip.frames:
            return result
        shown = following
    period = 1 / float(stream.average_rate or clip.fps)
    lasts = float((shown.duration or 0) * tick_of(shown)) or period
    end = time_of(shown) + lasts
    if times[-1] > end + period:
        raise MediaError(
            path_of(container),
            f"video ends at {end - origin:.2f} s, before the window from {start:.2f} s to "
            f"{start + clip.seconds:.2f} s does",
        )
    result[done:] = convert(shown)
    return result


def _converter(
    stream: VideoStream, first: VideoFrame, clip: ClipConfig, crop: tuple[float, float]
) -> Callable[[VideoFrame], np.ndarray]:
    """Return a function that scales, turns and crops a decoded frame to uint8 `[H, W, 3]`."""
    shown = shown_size(stream, first)
    height, width = (max(1, round(side * clip.short_side / min(shown))) for side in shown)
    top = round(crop[0] * (height - clip.height))
    left = round(crop[1] * (width - clip.width))
    turns = quarter_turns(first)
    coded_width, coded_height = (height, width) if turns % 2 else (width, height)
    scaler = VideoReformatter()  # reused, because a new one for each frame doubles the time

    def convert(frame: VideoFrame) -> np.ndarray:
        scaled = scaler.reformat(
            frame,
            width=coded_width,
            height=coded_height,
            format="rgb24",
            interpolation=Interpolation.AREA,
            threads=1,
        )
        upright = np.rot90(scaled.to_ndarray(), turns)
        return upright[top : top + clip.height, left : left + clip.width]

    return convert


def _read_audio(
    container: InputContainer, time: float, samples: int, sample_rate: int
) -> np.ndarray | None:
    """Return int16 `[samples]` from `time` on the container's clock; None if there is no audio."""
    stream = audio_stream(container)
    if stream is None:
        return None
    audio, has_audio = np.zeros(samples, np.int16), False
    position = None  # of the next samples, counted from the start of the window
    for frame in _resampled(decode_from(container, stream, time, _AUDIO_LEAD), sample_rate):
        stamped = round((time_of(frame) - time) * sample_rate)
        if position is None or abs(stamped - position) > _AUDIO_GAP * sample_rate:
            position = stamped
        if position >= samples:
            break
        first, stop = max(position, 0), min(position + frame.samples, samples)
        if first < stop:
            audio[first:stop] = frame.to_ndarray()[0, first - position : stop - position]
            has_audio = True
        position += frame.samples
    return audio if has_audio else None


def _resampled(frames: Iterator[AudioFrame], sample_rate: int) -> Iterator[AudioFrame]:
    """Yield frames as mono int16 at one rate; the format of the input may change on the way."""
    for _, run in groupby(frames, lambda f: (f.format.name, f.layout.name, f.sample_rate)):
        resampler = AudioResampler(format="s16", layout="mono", rate=sample_rate)
        for frame in chain(run, [None]):  # None flushes the resampler
            yield from (f for f in resampler.resample(frame) if f is not None)
