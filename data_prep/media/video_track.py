"""The video track of a file that is being written."""

from fractions import Fraction

import numpy as np
from av import VideoFrame
from av.container import OutputContainer
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    VideoReformatter,
)

_HD = (720, 1280)  # height, width from which players take untagged colors for BT.709


class VideoTrack:
    """A track of H.264 in 4:2:0, written frame by frame.

    Colors are converted with the matrix that players assume at this size, BT.601 or BT.709, and
    the track names it. An odd height or width is made even by repeating the last row or column.
    """

    def __init__(
        self,
        container: OutputContainer,
        height: int,
        width: int,
        fps: float,
        *,
        joinable: bool = False,
    ):
        """Declare the track; all tracks must be declared before the first frame is added.

        Args:
            container: the file.
            height: pixels of every frame.
            width: pixels of every frame.
            fps: frames per second.
            joinable: whether frames are coded in the order in which they are shown, so that the
                track can be followed by another one; it is a little larger then.
        """
        self._container = container
        self._pad = ((0, height % 2), (0, width % 2), (0, 0))
        self._matrix = _matrix(height, width)
        self._converter = VideoReformatter()
        self._count = 0
        rate = Fraction(fps).limit_denominator(1001)  # 29.97 is 30000/1001
        options = {"crf": "18", "preset": "superfast"} | ({"bf": "0"} if joinable else {})
        self._stream = container.add_stream("libx264", rate, options=options)
        self._stream.height, self._stream.width = height + height % 2, width + width % 2
        self._stream.pix_fmt = "yuv420p"
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
            rgb, format="yuv420p", dst_colorspace=self._matrix, threads=1
        )
        coded.pts, coded.time_base = self._count, 1 / self._stream.codec_context.rate
        self._count += 1
        self._container.mux(self._stream.encode(coded))

    def finish(self) -> None:
        """Write what the encoder still holds, after the last frame."""
        self._container.mux(self._stream.encode(None))


def _matrix(height: int, width: int) -> Colorspace:
    hd = height >= _HD[0] or width >= _HD[1]
    return Colorspace.ITU709 if hd else Colorspace.ITU601
