"""The video track of a file that is being written."""

from fractions import Fraction

import numpy as np
from av import VideoFrame, VideoStream
from av.container import OutputContainer
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    VideoReformatter,
)

from data_prep.media.video_formats import MP4, VideoFormat

_HD = (720, 1280)  # height, width from which players take untagged colors for BT.709


class VideoTrack:
    """A track that is written frame by frame.

    Colors are converted with the matrix that players assume at this size, BT.601 or BT.709, and
    the track names it. If colors are subsampled, an odd height or width is made even by repeating
    the last row or column.
    """

    def __init__(
        self,
        container: OutputContainer,
        height: int,
        width: int,
        fps: float,
        *,
        video_format: VideoFormat = MP4,
        joinable: bool = False,
    ):
        """Declare the track; all tracks must be declared before the first frame is added.

        Args:
            container: the file.
            height: pixels of every frame.
            width: pixels of every frame.
            fps: frames per second.
            video_format: the format of the file.
            joinable: whether the track can be followed by another one; see `VideoFormat`.
        """
        self._container = container
        self._pixels, even = video_format.pixels, int(video_format.is_subsampled)
        self._pad = ((0, even * (height % 2)), (0, even * (width % 2)), (0, 0))
        self._matrix = _matrix(height, width)
        self._converter = VideoReformatter()
        self._count = 0
        rate = exact_rate(fps)
        options = {**video_format.options, **(video_format.joinable_options if joinable else {})}
        stream = container.add_stream(video_format.codec, rate, options=options)
        assert isinstance(stream, VideoStream)
        self._stream = stream
        self._stream.height, self._stream.width = (
            side + pad for side, (_, pad) in zip((height, width), self._pad, strict=False)
        )
        self._stream.pix_fmt = self._pixels
        context = self._stream.codec_context
        context.colorspace = self._matrix
        context.color_range = ColorRange.MPEG
        context.color_primaries = ColorPrimaries.BT709  # those of sRGB
        context.color_trc = ColorTrc.BT709
        context.thread_count = 1  # with more, the bytes depend on the machine

    def add(self, frame: np.ndarray) -> None:
        """Write the next frame, uint8 `[H, W, 3]`, RGB."""
        pixels = np.pad(frame, self._pad, mode="edge") if np.any(self._pad) else frame
        rgb = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        coded = self._converter.reformat(
            rgb, format=self._pixels, dst_colorspace=self._matrix, threads=1
        )
        coded.pts, coded.time_base = self._count, 1 / self._stream.codec_context.rate
        self._count += 1
        self._container.mux(self._stream.encode(coded))

    def finish(self) -> None:
        """Write what the encoder still holds, after the last frame."""
        self._container.mux(self._stream.encode(None))


def exact_rate(fps: float) -> Fraction:
    """Return a frame rate as files name it: 29.97 is 30000/1001."""
    return Fraction(fps).limit_denominator(1001)


def _matrix(height: int, width: int) -> Colorspace:
    hd = height >= _HD[0] or width >= _HD[1]
    return Colorspace.ITU709 if hd else Colorspace.ITU601
