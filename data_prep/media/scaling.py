"""Scaling of decoded frames: upright, with square pixels, one section of them, RGB."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from av import VideoFrame
from av.filter import Graph

from data_prep.config import ClipConfig
from data_prep.media.decoding import UnusableError
from data_prep.media.streams import require_size

MAX_SHOWN_SIDE = 1 << 16
"""Pixels that a frame may be wide or high as shown."""

_MISFIT = 0.02  # scaled pixels by which a section may be off
_WIDEST = 8  # pixels that share a value of chroma at most


def quarter_turns(frame: VideoFrame) -> int:
    """Return the quarter turns counterclockwise that bring the frame upright."""
    turns = frame.rotation / 90
    if not turns.is_integer():
        raise UnusableError(f"must be rotated by a multiple of 90 degrees, got {frame.rotation}")
    return round(turns) % 4


def shown_size(frame: VideoFrame, aspect: float) -> tuple[int, int]:
    """Return (height, width) of a frame upright, with square pixels.

    Args:
        frame: a decoded frame.
        aspect: width of a pixel in heights.

    Raises:
        UnusableError: that would be absurdly large.
    """
    require_size(frame.width, frame.height)
    height, width = frame.height, max(1, round(frame.width * aspect))
    if max(height, width) > MAX_SHOWN_SIDE:
        raise UnusableError(
            f"must be shown in at most {MAX_SHOWN_SIDE} pixels a side, got {width}x{height}"
        )
    return (width, height) if quarter_turns(frame) % 2 else (height, width)


@dataclass(frozen=True)
class ScaledSection:
    """What is scaled of one side of a frame, so that `count` scaled pixels can be cut out.

    Attributes:
        start: first pixel.
        size: pixels.
        scaled: scaled pixels.
        offset: first scaled pixel to keep.
        whole: scaled pixels of the whole side.
    """

    start: int
    size: int
    scaled: int
    offset: int
    whole: int


def section(size: int, scaled: int, first: int, count: int, step: int) -> ScaledSection:
    """Return what must be scaled to get pixels `first` to `first + count` of a scaled side.

    Args:
        size: pixels of the whole side.
        scaled: pixels that the whole side would have once scaled.
        first: the first scaled pixel that is needed.
        count: scaled pixels that are needed.
        step: the section begins and ends at multiples of it; pixels that share a value of chroma.
    """
    ratio = scaled / size
    margin = 2 + math.ceil(1 / ratio)  # pixels beyond, of which scaling takes an average
    low = max(0, math.floor(first / ratio) - margin) // step
    high = -(-(math.ceil((first + count) / ratio) + margin) // step)

    def fits(edge: int) -> bool:
        """Say whether the section is scaled as the whole side would be.

        Its edge must be near the edge of a scaled pixel; and not between two that share a value
        of chroma, which libav makes of a side that is even once scaled.
        """
        pixels = round(edge * ratio)
        splits = scaled % 2 == 0 and pixels % 2 == 1
        return not splits and abs(edge * ratio - pixels) <= _MISFIT

    start = next((x for x in range(low * step, 0, -step) if fits(x)), 0)
    stop = next((x for x in range(high * step, size, step) if fits(x)), size)
    begin = round(start * ratio)
    return ScaledSection(start, stop - start, round(stop * ratio) - begin, first - begin, scaled)


class FrameScaler(Protocol):
    """Anything that turns decoded frames into pixels."""

    def scale(self, frame: VideoFrame) -> np.ndarray:
        """Return the pixels of a frame, uint8 `[H, W, 3]`, RGB, upright."""
        ...


class Scaler:
    """Turns decoded frames into pixels, uint8 `[H, W, 3]`: upright, scaled and cropped."""

    def __init__(self, clip: ClipConfig, crop: tuple[float, float], aspect: float):
        self._clip, self._crop, self._aspect = clip, crop, aspect
        self._key: tuple[object, ...] = ()
        self._graph, self._rows, self._columns, self._turns = Graph(), slice(0), slice(0), 0

    def scale(self, frame: VideoFrame) -> np.ndarray:
        """Return the pixels of a frame; its size and format may differ from the one before."""
        key = _format_of(frame)
        if key != self._key:
            self._prepare(frame)
            self._key = key
        self._graph.vpush(frame)
        pixels = self._graph.vpull().to_ndarray()[self._rows, self._columns]
        return np.rot90(pixels, self._turns)

    def _prepare(self, frame: VideoFrame) -> None:
        self._turns = quarter_turns(frame)
        rows, columns = self._sections(frame)
        self._graph = _graph(frame, rows, columns)
        height, width = self._clip.height, self._clip.width
        if self._turns % 2:
            height, width = width, height
        self._rows = slice(rows.offset, rows.offset + height)
        self._columns = slice(columns.offset, columns.offset + width)

    def _sections(self, frame: VideoFrame) -> tuple[ScaledSection, ScaledSection]:
        """Return the sections of a frame's rows and columns, as it is coded."""
        clip, shown = self._clip, shown_size(frame, self._aspect)
        height, width = (max(1, round(side * clip.short_side / min(shown))) for side in shown)
        top = round(self._crop[0] * (height - clip.height))
        left = round(self._crop[1] * (width - clip.width))
        spans = [(height, top, clip.height), (width, left, clip.width)]
        if self._turns in (1, 2):  # the upright image's columns, then rows, run the other way
            spans[0] = (height, height - top - clip.height, clip.height)
        if self._turns in (2, 3):
            spans[1] = (width, width - left - clip.width, clip.width)
        if self._turns % 2:
            spans.reverse()
        row_step = _WIDEST // (frame.format.chroma_height(_WIDEST) or _WIDEST)
        column_step = _WIDEST // (frame.format.chroma_width(_WIDEST) or _WIDEST)
        return (
            section(frame.height, *spans[0], row_step),
            section(frame.width, *spans[1], column_step),
        )


class WholeScaler:
    """Turns decoded frames into pixels: upright, and the whole frame at one size.

    A size of another aspect ratio distorts the frames.
    """

    def __init__(self, height: int, width: int):
        self._height, self._width = height, width
        self._key: tuple[object, ...] = ()
        self._graph, self._turns = Graph(), 0

    def scale(self, frame: VideoFrame) -> np.ndarray:
        """Return the pixels of a frame; its size and format may differ from the one before."""
        key = _format_of(frame)
        if key != self._key:
            self._turns = quarter_turns(frame)
            turned = self._turns % 2
            height, width = (self._width, self._height) if turned else (self._height, self._width)
            rows = ScaledSection(0, frame.height, height, 0, height)
            columns = ScaledSection(0, frame.width, width, 0, width)
            self._graph = _graph(frame, rows, columns)
            self._key = key
        self._graph.vpush(frame)
        return np.rot90(self._graph.vpull().to_ndarray(), self._turns)


def _format_of(frame: VideoFrame) -> tuple[object, ...]:
    """Return all that libav's filters for a frame depend on."""
    return (frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range)


def _graph(frame: VideoFrame, rows: ScaledSection, columns: ScaledSection) -> Graph:
    """Return libav's filters that crop, scale and convert frames like this one."""
    graph = Graph()
    graph.threads = 1
    source = (
        f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base=1/1:"
        f"colorspace={int(frame.colorspace)}:range={int(frame.color_range)}"
    )
    # libav gives every pixel its own chroma if the width is odd; here the whole width decides.
    # It is faster at that with one plane for each color.
    is_odd = columns.whole % 2
    flags, pixels = ("area+full_chroma_int", "gbrp") if is_odd else ("area", "rgb24")
    graph.link_nodes(
        graph.add("buffer", source),
        graph.add("crop", f"{columns.size}:{rows.size}:{columns.start}:{rows.start}:exact=1"),
        graph.add("scale", f"{columns.scaled}:{rows.scaled}:flags={flags}"),
        graph.add("format", pixels),
        graph.add("buffersink"),
    )
    graph.configure()
    return graph
