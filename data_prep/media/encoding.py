"""Encoding of frames and audio as a video file that browsers play."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av import AudioFrame, AudioStream, VideoFrame, VideoStream
from av.container import OutputContainer
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    VideoReformatter,
)

from data_prep.storage import replacing

_HD = (720, 1280)  # height, width from which players take untagged colors for BT.709
_AUDIO_RATE = 48_000  # for audio at a rate that AAC does not have


def write_video(
    path: str | Path,
    frames: np.ndarray | Iterable[np.ndarray],
    *,
    fps: float,
    audio: np.ndarray | None = None,
    sample_rate: int | None = None,
) -> None:
    """Write an MP4 file: H.264 in 4:2:0, and AAC if there is audio.

    Colors are converted with the matrix that players assume at this size, BT.601 or BT.709, and
    the file names it. The same arguments give the same bytes. The file appears under its name only
    once it is complete. An odd height or width is made even by repeating the last row or column.

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
    pieces = _even(iter([frames] if isinstance(frames, np.ndarray) else frames))
    first = next(pieces, None)
    if first is None:
        raise ValueError("frames: must be at least one piece, got none")
    options = {"movflags": "faststart"}
    with (
        replacing(str(path)) as temporary,
        av.open(f"file:{temporary}", "w", format="mp4", options=options) as container,
    ):
        # Both tracks are declared before the first frame, with which the header is written.
        video_track = _add_video_stream(container, first, fps)
        if audio is not None and sample_rate is not None:
            audio_track = _add_audio_stream(container, sample_rate)
        _encode_frames(container, video_track, chain([first], pieces))
        if audio is not None and sample_rate is not None:
            _encode_audio(container, audio_track, audio, sample_rate)


def _even(pieces: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield pieces of frames with an even height and width."""
    for frames in pieces:
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or not frames.size:
            raise ValueError(
                f"frames: must be uint8 [T, H, W, 3] and not empty, "
                f"got {frames.dtype} {list(frames.shape)}"
            )
        _, height, width, _ = frames.shape
        yield np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _add_video_stream(container: OutputContainer, frames: np.ndarray, fps: float) -> VideoStream:
    rate = Fraction(fps).limit_denominator(1001)  # 29.97 is 30000/1001
    stream = container.add_stream("libx264", rate, options={"crf": "18", "preset": "superfast"})
    _, stream.height, stream.width, _ = frames.shape
    stream.pix_fmt = "yuv420p"
    stream.codec_context.colorspace = _matrix(stream.height, stream.width)
    stream.codec_context.color_range = ColorRange.MPEG
    stream.codec_context.color_primaries = ColorPrimaries.BT709  # those of sRGB
    stream.codec_context.color_trc = ColorTrc.BT709
    stream.codec_context.thread_count = 1  # with more, the bytes depend on the machine
    return stream


def _add_audio_stream(container: OutputContainer, sample_rate: int) -> AudioStream:
    rates = av.Codec("aac", "w").audio_rates or ()
    rate = sample_rate if sample_rate in rates else _AUDIO_RATE
    # The default coder takes twice as long as everything else together.
    return container.add_stream("aac", rate, layout="mono", options={"aac_coder": "fast"})


def _matrix(height: int, width: int) -> Colorspace:
    hd = height >= _HD[0] or width >= _HD[1]
    return Colorspace.ITU709 if hd else Colorspace.ITU601


def _encode_frames(
    container: OutputContainer, stream: VideoStream, pieces: Iterator[np.ndarray]
) -> None:
    converter = VideoReformatter()
    matrix = _matrix(stream.height, stream.width)
    for index, pixels in enumerate(chain.from_iterable(pieces)):
        rgb = VideoFrame.from_ndarray(pixels, format="rgb24")
        frame = converter.reformat(rgb, format="yuv420p", dst_colorspace=matrix, threads=1)
        frame.pts, frame.time_base = index, 1 / stream.codec_context.rate
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _encode_audio(
    container: OutputContainer, stream: AudioStream, audio: np.ndarray, sample_rate: int
) -> None:
    frame = AudioFrame.from_ndarray(audio[np.newaxis], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = sample_rate, 0, Fraction(1, sample_rate)
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
