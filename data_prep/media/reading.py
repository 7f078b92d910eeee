"""A video file becomes a clip: a window of its pictures and sound, at one size and rate."""

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
    decode_from,
    moving_pictures,
    opened,
    origin_of,
    path_of,
    sound_stream,
    time_of,
    video_stream,
)
from data_prep.media.encoding import write_video

__all__ = ["Clip", "MediaError", "VideoInfo", "probe", "read_clip", "read_sound", "write_video"]

# Decoding starts this many seconds before the window. Keyframes are found by decoding time, which
# lies before the time of showing where there are B-frames; sound decoders need some history.
_PICTURE_LEAD = 0.25
_SOUND_LEAD = 0.5

# Sound stamped further than this many seconds from the end of the sound before it follows a gap;
# nearer, its timestamp is only rounded (to 1 ms in Matroska and FLV).
_SOUND_GAP = 0.03


@dataclass(frozen=True)
class VideoInfo:
    """What a video's header says, and its first picture.

    Attributes:
        duration: seconds of picture.
        width: pixels as shown, after rotation and with square pixels.
        height: pixels as shown, after rotation and with square pixels.
        fps: average pictures a second; 0 if the file does not tell.
        has_sound: whether there is a sound track that can be decoded.
    """

    duration: float
    width: int
    height: int
    fps: float
    has_sound: bool


@dataclass(frozen=True, eq=False)
class Clip:
    """A window of a video with its sound.

    Attributes:
        frames: uint8 [T, H, W, 3], RGB.
        sound: int16 [S], mono; zeros where the file has none.
        has_sound: whether any of the sound is the file's.
    """

    frames: np.ndarray
    sound: np.ndarray
    has_sound: bool


def probe(path: str | Path) -> VideoInfo:
    """Describe a video, having decoded its first picture.

    Only if the header has no duration is the file read to its end (demuxed, not decoded).

    Raises:
        MediaError: the file is no video that can be decoded.
    """
    with opened(path) as container:
        stream = video_stream(container)
        first = next(container.decode(stream), None)
        if first is None:
            raise MediaError(path, "has a video track, but no picture that can be decoded")
        height, width = _shown_size(stream, first)
        rate = stream.average_rate or stream.guessed_rate or 0
        has_sound = sound_stream(container) is not None
        if stream.duration:
            duration = float(stream.duration * stream.time_base)
        else:
            duration = _demuxed_duration(path, stream)
    return VideoInfo(duration, width, height, float(rate), has_sound)


def read_clip(
    path: str | Path, clip: ClipConfig, *, start: float, crop: tuple[float, float] = (0.5, 0.5)
) -> Clip:
    """Read a window of a video, with its sound.

    Picture k is the one a player shows `start + k / clip.fps` seconds after the first picture, so
    that variable, low and high frame rates keep their speed. It is turned upright, its pixels
    made square, its shorter side scaled to `clip.short_side`, and cropped.

    Args:
        path: the video.
        clip: length, rate and size of the window.
        start: seconds after the video's first picture, at least 0.
        crop: (top, left) position of the crop in [0, 1] of where it can stand.

    Raises:
        MediaError: the file is no video that can be decoded, or ends before the window does.
    """
    if start < 0:
        raise ValueError(f"start must be at least 0. Received: {start}")
    if not all(0 <= position <= 1 for position in crop):
        raise ValueError(f"crop must be two positions in [0, 1]. Received: {crop}")
    with opened(path) as container:
        stream = video_stream(container)
        frames = _read_pictures(container, stream, clip, start, crop)
        sound = _read_sound(container, origin_of(stream) + start, clip.samples, clip.sample_rate)
    if sound is None:
        return Clip(frames, np.zeros(clip.samples, np.int16), has_sound=False)
    return Clip(frames, sound, has_sound=True)


def read_sound(path: str | Path, *, start: float, samples: int, sample_rate: int) -> np.ndarray:
    """Read a window of a file's sound, mixed down to mono.

    Args:
        path: a video, or a file with sound only.
        start: seconds after the first picture, or after the first sound if there is no picture.
        samples: length of the window.
        sample_rate: samples a second.

    Returns:
        int16 [samples]; zeros where the file has no sound.

    Raises:
        MediaError: the file cannot be decoded.
    """
    with opened(path) as container:
        clock = moving_pictures(container) or sound_stream(container)
        if clock is None:
            raise MediaError(path, "has neither a video nor a sound track")
        sound = _read_sound(container, origin_of(clock) + start, samples, sample_rate)
    return np.zeros(samples, np.int16) if sound is None else sound


def _shown_size(stream: VideoStream, frame: VideoFrame) -> tuple[int, int]:
    """(height, width) of a frame with square pixels, upright."""
    height, width = frame.height, round(frame.width * (stream.sample_aspect_ratio or 1))
    return (width, height) if _quarter_turns(frame) % 2 else (height, width)


def _quarter_turns(frame: VideoFrame) -> int:
    """Quarter turns counterclockwise that bring the frame upright."""
    return round(frame.rotation / 90) % 4


def _demuxed_duration(path: str | Path, stream: VideoStream) -> float:
    """Seconds from a stream's first packet to the end of its last, by their timestamps."""
    with opened(path) as container:
        packets = container.demux(container.streams[stream.index])
        spans = [(p.pts, p.pts + (p.duration or 0)) for p in packets if p.pts is not None]
    first, end = min(s[0] for s in spans), max(s[1] for s in spans)
    return float((end - first) * stream.time_base)


def _read_pictures(
    container: InputContainer,
    stream: VideoStream,
    clip: ClipConfig,
    start: float,
    crop: tuple[float, float],
) -> np.ndarray:
    """The window's pictures, uint8 [T, H, W, 3]."""
    origin = origin_of(stream)
    times = origin + start + np.arange(clip.frames) / clip.fps
    # Timestamps are rounded to the stream's tick. Where the tick is as coarse as the frames (AVI)
    # they are exact.
    slack = min(float(stream.time_base), 1e-3) / 2
    pictures = np.empty((clip.frames, clip.height, clip.width, 3), np.uint8)
    decoded = decode_from(container, stream, times[0], _PICTURE_LEAD)
    shown = next(decoded, None)
    if shown is None:
        raise MediaError(path_of(container), "has no picture that can be decoded")
    convert = _converter(stream, shown, clip, crop)
    done = 0  # pictures made so far
    for following in decoded:
        until = int(np.searchsorted(times, time_of(following) - slack))
        if until > done:
            pictures[done:until] = convert(shown)
            done = until
        if done == clip.frames:
            return pictures
        shown = following
    period = 1 / float(stream.average_rate or clip.fps)
    lasts = float((shown.duration or 0) * shown.time_base) or period
    end = time_of(shown) + lasts
    if times[-1] > end + period:
        raise MediaError(
            path_of(container),
            f"its picture ends at {end - origin:.2f} s, before the window from {start:.2f} s to "
            f"{start + clip.seconds:.2f} s does",
        )
    pictures[done:] = convert(shown)
    return pictures


def _converter(
    stream: VideoStream, first: VideoFrame, clip: ClipConfig, crop: tuple[float, float]
) -> Callable[[VideoFrame], np.ndarray]:
    """A function from a decoded frame to its picture, uint8 [H, W, 3]: scaled, upright, cropped."""
    shown = _shown_size(stream, first)
    height, width = (max(1, round(side * clip.short_side / min(shown))) for side in shown)
    top = round(crop[0] * (height - clip.height))
    left = round(crop[1] * (width - clip.width))
    turns = _quarter_turns(first)
    coded_width, coded_height = (height, width) if turns % 2 else (width, height)
    scaler = VideoReformatter()  # kept: a new one for each frame doubles the time

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


def _read_sound(
    container: InputContainer, time: float, samples: int, sample_rate: int
) -> np.ndarray | None:
    """The sound from `time` on the container's clock, int16 [samples]; None if there is none."""
    stream = sound_stream(container)
    if stream is None:
        return None
    sound, has_sound = np.zeros(samples, np.int16), False
    position = None  # where the next samples go, from the window's start
    for frame in _resampled(decode_from(container, stream, time, _SOUND_LEAD), sample_rate):
        stamped = round((time_of(frame) - time) * sample_rate)
        if position is None or abs(stamped - position) > _SOUND_GAP * sample_rate:
            position = stamped
        if position >= samples:
            break
        first, stop = max(position, 0), min(position + frame.samples, samples)
        if first < stop:
            sound[first:stop] = frame.to_ndarray()[0, first - position : stop - position]
            has_sound = True
        position += frame.samples
    return sound if has_sound else None


def _resampled(frames: Iterator[AudioFrame], sample_rate: int) -> Iterator[AudioFrame]:
    """Frames as mono int16 at a rate; the format may change on the way."""
    for _, run in groupby(frames, lambda f: (f.format.name, f.layout.name, f.sample_rate)):
        resampler = AudioResampler(format="s16", layout="mono", rate=sample_rate)
        for frame in chain(run, [None]):  # None brings out what the resampler still holds
            yield from (f for f in resampler.resample(frame) if f is not None)
