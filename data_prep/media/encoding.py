"""Encoding of frames and audio as a video file that browsers play."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av import AudioFrame, AudioStream
from av.container import OutputContainer

from data_prep.media.video_formats import MP4, VideoFormat
from data_prep.media.video_track import VideoTrack
from data_prep.storage import replacing

_AUDIO_RATE = 48_000  # for audio at a rate that AAC does not have


def write_video(
    path: str | Path,
    frames: np.ndarray | Iterable[np.ndarray],
    *,
    fps: float,
    audio: np.ndarray | None = None,
    sample_rate: int | None = None,
) -> None:
    """Write an MP4 file: a `VideoTrack`, and AAC if there is audio.

    The same arguments give the same bytes. The file appears under its name only once it is
    complete.

    Args:
        path: the file, on this machine or a URI; an existing one is replaced.
        frames: uint8 `[T, H, W, 3]`, RGB, at least one frame. A video that is too long for the
            memory comes as an iterable of its pieces, each of them of this form.
        fps: frames per second.
        audio: int16 `[S]`, mono, at least one sample, beginning with the first frame.
        sample_rate: samples per second; required with audio.

    Raises:
        ValueError: an argument has the wrong shape or type.
    """
    if audio is not None and (
        audio.dtype != np.int16 or audio.ndim != 1 or not audio.size or not sample_rate
    ):
        raise ValueError(
            f"audio: must be int16 [S], not empty, with a sample_rate, "
            f"got {audio.dtype} {list(audio.shape)}, sample_rate={sample_rate}"
        )
    pieces = _checked(iter([frames] if isinstance(frames, np.ndarray) else frames))
    first = next(pieces, None)
    if first is None:
        raise ValueError("frames: must be at least one piece, got none")
    _, height, width, _ = first.shape
    with creating(path) as container:
        # Both tracks are declared before the first frame, with which the header is written.
        video_track = VideoTrack(container, height, width, fps)
        if audio is not None and sample_rate is not None:
            audio_track = _add_audio_stream(container, sample_rate)
        for frame in chain.from_iterable(chain([first], pieces)):
            video_track.add(frame)
        video_track.finish()
        if audio is not None and sample_rate is not None:
            _encode_audio(container, audio_track, audio, sample_rate)


@contextmanager
def writing_video(
    path: str | Path, *, height: int, width: int, fps: float, video_format: VideoFormat = MP4
) -> Iterator[VideoTrack]:
    """Yield the track of a new file without audio, which is whole once the block ends well.

    Such files can be joined by `join_videos`.

    Args:
        path: the file, on this machine or a URI; an existing one is replaced.
        height: pixels of every frame.
        width: pixels of every frame.
        fps: frames per second.
        video_format: the format of the file.
    """
    with creating(path, video_format) as container:
        track = VideoTrack(container, height, width, fps, video_format=video_format, joinable=True)
        yield track
        track.finish()


@contextmanager
def creating(path: str | Path, video_format: VideoFormat = MP4) -> Iterator[OutputContainer]:
    """Yield a new file, which appears under its name once the block ends well."""
    options = dict(video_format.container_options)
    with (
        replacing(str(path)) as temporary,
        av.open(
            f"file:{temporary}", "w", format=video_format.container, options=options
        ) as container,
    ):
        yield container


def _checked(pieces: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    for frames in pieces:
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or not frames.size:
            raise ValueError(
                f"frames: must be uint8 [T, H, W, 3] and not empty, "
                f"got {frames.dtype} {list(frames.shape)}"
            )
        yield frames


def _add_audio_stream(container: OutputContainer, sample_rate: int) -> AudioStream:
    rates = av.Codec("aac", "w").audio_rates or ()
    rate = sample_rate if sample_rate in rates else _AUDIO_RATE
    return container.add_stream("aac", rate, layout="mono", options=dict(MP4.audio_options))


def _encode_audio(
    container: OutputContainer, stream: AudioStream, audio: np.ndarray, sample_rate: int
) -> None:
    frame = AudioFrame.from_ndarray(audio[np.newaxis], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = sample_rate, 0, Fraction(1, sample_rate)
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
