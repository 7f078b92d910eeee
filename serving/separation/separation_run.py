"""Separation of a whole video into files, in parts, so that an interrupted one resumes."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from data_prep.media.whole_video import read_whole
from serving.ordered_calls import in_order
from serving.separation.clip_separator import ClipSeparator, asking_threads
from serving.separation.frame_grid import FrameGrid
from serving.separation.guided_upsampling import apply_maps
from serving.separation.large_outputs import MapsInTime
from serving.separation.layer_tracking import SeparatedWindow, cross_fade, track_layers
from serving.separation.output_files import OUTPUT_FORMATS
from serving.separation.run_state import (
    RunState,
    WindowResult,
    read_window,
    remove_unfinished,
    state_file,
    write_window,
)
from serving.separation.window_separator import WindowSeparator
from serving.separation.windows import cut_windows

_PART_SECONDS = 10.0  # an interruption costs at most the work on so much of the video
_RECENT = 6  # windows that are held for the state


class SeparationRun:
    """Separation of one video into a folder.

    Attributes:
        state: what is done.
        done: frames of the video whose outputs are written or being written.
    """

    def __init__(
        self,
        separator: ClipSeparator,
        path: Path,
        cue: Path | None,
        output: str,
        state: RunState,
        parallel: int,
        require_held: Callable[[], None],
    ) -> None:
        """Continue where the state says; see `opened_run`.

        Args:
            separator: the model, always the same version.
            path: the video.
            cue: file whose audio is the cue; None for silence.
            output: the folder, of which this process is the writer.
            state: what is done.
            parallel: windows that are separated at the same time.
            require_held: what the lease of the folder yields.
        """
        self.state = state
        self.done = state.frames
        self._separator, self._parallel = separator, parallel
        self._path, self._cue, self._output = path, cue, output
        self._require_held = require_held
        self._settings, self._clip = state.settings, state.settings.clip
        self._files = OUTPUT_FORMATS[state.settings.output_format]
        self._grid = FrameGrid(state.settings.frames, state.settings.fps, self._clip.fps)
        self._cuts = {start for start, _ in state.shots[1:]}
        self._windows = state.plan()
        self._results = list(state.windows)
        self._recent: dict[int, SeparatedWindow] = {}  # by index, the last few windows

    def complete(self) -> list[str]:
        """Separate what is not done yet, and write the outputs.

        Returns:
            The names of the files: `output_1.mp4` and so on, at the size, rate and length of the
            video and with its audio; see `OUTPUT_FORMATS` for others.

        Raises:
            UserError: a file cannot be read or written.
            ServingError: the server does not answer, or not as requested.
        """
        if not self.state.names:
            bounds = self._part_bounds()
            self._write_parts(bounds)
            starts = [start for start, _ in bounds]
            names = (
                self._files.finish(self._output, number, starts, self._settings, self._path)
                for number in range(1, 1 + self.state.outputs)
            )
            self._update(names=tuple(names))
        remove_unfinished(self._output)
        return list(self.state.names)

    def _write_parts(self, bounds: Sequence[tuple[int, int]]) -> None:
        """Write the parts that are not written yet."""
        with (
            # The outputs use the cores already. Threads of the BLAS library would only wait for
            # each other, and take several times the CPU time.
            threadpool_limits(1, "blas"),
            asking_threads(self._parallel) as asking,
            ThreadPoolExecutor() as working,
        ):
            outputs = self._large_outputs(self.state.frames, asking, working)
            for start, stop in bounds:
                if start >= self.state.frames:
                    self._write_part(islice(outputs, stop - start), start)
                    self._save(stop)

    def _part_bounds(self) -> list[tuple[int, int]]:
        frames, length = self._settings.frames, max(1, round(_PART_SECONDS * self._settings.fps))
        return [(start, min(start + length, frames)) for start in range(0, frames, length)]

    def _write_part(self, outputs: Iterator[list[np.ndarray]], start: int) -> None:
        """Encode the outputs of some frames, each output in a thread."""
        first = next(outputs)
        with ExitStack() as stack:
            tracks = [
                stack.enter_context(
                    self._files.writing(self._output, number, start, self._settings)
                )
                for number in range(1, 1 + len(first))
            ]
            # After the tracks, so that no thread writes to a track that an error has closed.
            pool = stack.enter_context(ThreadPoolExecutor(len(tracks)))
            frames: list[np.ndarray] | None = first
            while frames is not None:
                list(pool.map(lambda track, frame: track.add(frame), tracks, frames))
                self.done += 1
                frames = next(outputs, None)

    def _save(self, frames: int) -> None:
        """Write the state that a rerun resumes from."""
        last = self._needed(min(frames, self._settings.frames - 1)) - 1
        if last >= 0:
            write_window(self._output, self._window(last))
        outputs = len(next(iter(self._recent.values())).outputs)
        self._update(frames=frames, windows=tuple(self._results), outputs=outputs)

    def _update(self, **changes: Any) -> None:
        self._require_held()
        self.state = self.state.model_copy(update=changes)
        self.state.write(state_file(self._output))

    def _needed(self, frame: int) -> int:
        """Return the first window that a frame of the video and all later ones need.

        One that is not separated yet is needed too: its layers follow from the window before, and
        a frame of a slow video may be many windows after the one before it.
        """
        model_frame, _ = self._grid.position(frame)
        shown = next(i for i, window in enumerate(self._windows) if window.stop > model_frame)
        return min(shown, len(self._results))

    def _window(self, index: int) -> SeparatedWindow:
        """Return a window that was separated lately, or kept by an interrupted run."""
        if index not in self._recent:
            window, result = self._windows[index], self._results[index]
            self._recent[index] = read_window(self._output, window, result)
        return self._recent[index]

    def _large_outputs(
        self, first: int, asking: ThreadPoolExecutor, working: ThreadPoolExecutor
    ) -> Iterator[list[np.ndarray]]:
        """Yield the outputs of each frame of the video from the given one on."""
        begin = self._needed(first)
        separated = cross_fade(self._tracked(begin, asking))
        maps = MapsInTime(separated, self._windows[begin].start, self._grid, self._cuts)
        times = self._grid.times(np.arange(first, self._settings.frames))
        height, width = self._settings.height, self._settings.width
        video = read_whole(self._path, times, height=height, width=width)
        for index, frame in enumerate(video, first):
            yield list(working.map(partial(apply_maps, mixture=frame), maps.at(index, frame)))

    def _tracked(self, begin: int, pool: ThreadPoolExecutor) -> Iterator[SeparatedWindow]:
        """Yield windows from one on, each output being the same layer in all; keep the results."""
        clip, windows = self._clip, self._windows[begin:]
        times = self._grid.times(self._grid.sources[windows[0].start :])
        small = read_whole(self._path, times, height=clip.height, width=clip.width)
        pairs = zip(windows, cut_windows(small, windows, clip.frames), strict=True)
        ask = WindowSeparator(self._separator, clip, self._grid, self._cue)
        answers = in_order(pool, ask.separate, pairs, ahead=self._parallel + 1)
        before = self._window(begin - 1) if begin else None
        for index, window in enumerate(track_layers(answers, before), begin):
            if index == len(self._results):
                self._results.append(_result(window))
            self._recent[index] = window
            self._recent.pop(index - _RECENT, None)
            yield window


def _result(window: SeparatedWindow) -> WindowResult:
    outputs = window.outputs.astype(np.int16)
    pairs = ((a, b) for i, a in enumerate(outputs) for b in outputs[:i])
    difference = max((float(np.abs(a - b).mean()) / 255 for a, b in pairs), default=0.0)
    return WindowResult(
        chosen=window.chosen,
        difference=difference,
        is_silent=window.is_silent,
    )
