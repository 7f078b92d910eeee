"""Separation of a whole video into files, in parts, so that an interrupted one resumes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from data_prep import storage
from data_prep.media.probe import VideoInfo, probe
from data_prep.media.whole_video import read_whole
from serving.cue import OWN_AUDIO, cue_file
from serving.separation.clip_separator import ClipSeparator, in_order
from serving.separation.frame_grid import FrameGrid
from serving.separation.guided_upsampling import apply_maps
from serving.separation.large_outputs import MapsInTime
from serving.separation.layer_tracking import SeparatedWindow, cross_fade, track_layers
from serving.separation.output_files import OUTPUT_FORMATS
from serving.separation.run_state import (
    UNFINISHED,
    RunSettings,
    RunState,
    WindowResult,
    find_state,
    read_window,
    state_file,
    write_window,
)
from serving.separation.shots import find_shots
from serving.separation.window_separator import WindowSeparator
from serving.separation.windows import cut_windows, plan_windows

_PART_SECONDS = 10.0  # an interruption costs at most the work on so much of the video
_USUAL_FPS = 25.0  # of a file that does not say
_RECENT = 6  # windows that are held for the state


@contextmanager
def opened_run(
    separator: ClipSeparator,
    video: str,
    output: str,
    *,
    info: VideoInfo | None = None,
    cue: str = OWN_AUDIO,
    parallel: int = 2,
    output_format: str = next(iter(OUTPUT_FORMATS)),
) -> Iterator["SeparationRun"]:
    """Prepare the separation of a whole video, or resume an interrupted one.

    Args:
        separator: the model.
        video: the file.
        output: the folder for the outputs; new, empty, or that of the interrupted separation.
        info: facts about the video, if it has been examined already.
        cue: what selects an output; see `cue_file`.
        parallel: windows that are separated at the same time.
        output_format: how outputs are written, a name in `OUTPUT_FORMATS`.

    Raises:
        UserError: the video or the cue cannot be used, or the folder holds something else.
        ServingError: the server does not answer, or not as requested.
    """
    model = separator.description()
    clip = model.clip
    audio = cue_file(cue, video, has_control=model.uses_audio)
    with ExitStack() as stack:
        path = stack.enter_context(storage.local_copy(video))
        cue_path = None if audio is None else stack.enter_context(storage.local_copy(audio))
        info = info or probe(path, decode=False)
        fps = info.fps or _USUAL_FPS
        settings = RunSettings(
            video=storage.absolute(video),
            video_bytes=path.stat().st_size,
            height=info.height,
            width=info.width,
            fps=fps,
            frames=max(1, round(info.duration * fps)),
            cue=None if audio is None else storage.absolute(audio),
            model=f"{model.kind} {model.system}",
            clip=clip,
            overlap=clip.frames // 2,
            output_format=output_format,
        )
        state = find_state(output, settings)
        if state is None:
            grid = FrameGrid(settings.frames, fps, clip.fps)
            small = read_whole(path, grid.times(grid.sources), height=clip.height, width=clip.width)
            shots = tuple((shot.start, shot.stop) for shot in find_shots(small))
            state = RunState(settings=settings, shots=shots)
            state.write(state_file(output))
        yield SeparationRun(separator, path, cue_path, output, state, parallel)


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
    ) -> None:
        self.state = state
        self.done = state.frames
        self._separator, self._parallel = separator, parallel
        self._path, self._cue, self._output = path, cue, output
        self._settings, self._clip = state.settings, state.settings.clip
        self._files = OUTPUT_FORMATS[state.settings.output_format]
        self._grid = FrameGrid(state.settings.frames, state.settings.fps, self._clip.fps)
        shots = [range(start, stop) for start, stop in state.shots]
        self._cuts = {shot.start for shot in shots[1:]}
        self._windows = plan_windows(shots, self._clip.frames, state.settings.overlap)
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
        bounds = self._part_bounds()
        with (
            # The outputs use the cores already. Threads of the BLAS library would only wait for
            # each other, and take several times the CPU time.
            threadpool_limits(1, "blas"),
            ThreadPoolExecutor(self._parallel) as asking,
            ThreadPoolExecutor() as working,
        ):
            outputs = self._large_outputs(self.state.frames, asking, working)
            for start, stop in bounds:
                if start >= self.state.frames:
                    self._write_part(islice(outputs, stop - start), start, working)
                    self._save(stop)
        starts = [start for start, _ in bounds]
        names = [
            self._files.finish(self._output, number, starts, self._settings, self._path)
            for number in range(1, 1 + self.state.outputs)
        ]
        storage.remove_tree(storage.join(self._output, UNFINISHED))
        return names

    def _part_bounds(self) -> list[tuple[int, int]]:
        frames, length = self._settings.frames, max(1, round(_PART_SECONDS * self._settings.fps))
        return [(start, min(start + length, frames)) for start in range(0, frames, length)]

    def _write_part(
        self, outputs: Iterator[list[np.ndarray]], start: int, pool: ThreadPoolExecutor
    ) -> None:
        """Encode the outputs of some frames, each output in a thread."""
        first = next(outputs)
        with ExitStack() as stack:
            tracks = [
                stack.enter_context(
                    self._files.writing(self._output, number, start, self._settings)
                )
                for number in range(1, 1 + len(first))
            ]
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
        self.state = self.state.model_copy(
            update={"frames": frames, "windows": tuple(self._results), "outputs": outputs}
        )
        self.state.write(state_file(self._output))

    def _needed(self, frame: int) -> int:
        """Return the first window that a frame of the video and all later ones need."""
        model_frame, _ = self._grid.position(frame)
        return next(i for i, window in enumerate(self._windows) if window.stop > model_frame)

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
