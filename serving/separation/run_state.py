"""State of a separation, kept beside its parts so that an interrupted one resumes."""

from io import BytesIO

import numpy as np

from data_prep import storage
from data_prep.config import ClipConfig
from data_prep.errors import UserError
from data_prep.results import Results
from data_prep.settings import Settings
from serving.separation.layer_tracking import SeparatedWindow
from serving.separation.windows import VideoWindow, plan_windows

UNFINISHED = "unfinished"
"""The folder in the output that holds the state and the parts until the separation is complete."""


class RunSettings(Settings):
    """All that the outputs of a separation depend on.

    Attributes:
        video: the file.
        video_bytes: its size.
        height: pixels of the outputs.
        width: pixels of the outputs.
        fps: frames per second of the outputs.
        frames: number of frames.
        cue: file whose audio selects an output; None for silence or a model without control.
        cue_bytes: its size.
        model: kind and system of the model.
        version: version of the model that separates all windows.
        clip: shape of the windows.
        overlap: frames that windows share at least.
        output_format: how the outputs are written, a name in `OUTPUT_FORMATS`.
    """

    video: str
    video_bytes: int
    height: int
    width: int
    fps: float
    frames: int
    cue: str | None
    cue_bytes: int | None
    model: str
    version: int
    clip: ClipConfig
    overlap: int
    output_format: str


class WindowResult(Settings):
    """What is kept of a window.

    Attributes:
        chosen: the output that the model selected; None without control.
        difference: mean absolute difference between the two outputs that differ most, on colors in
            [0, 1].
        is_silent: whether the cue was silent, or there was none.
    """

    chosen: int | None
    difference: float
    is_silent: bool


class RunState(Results):
    """How far a separation has come.

    Attributes:
        settings: what it depends on.
        shots: first frame of each shot and the one behind its last, in frames of the model.
        windows: results of the first windows.
        frames: frames of the video whose outputs are in parts.
        outputs: number of outputs; 0 before the first part.
        names: names of the outputs' files; empty before all of them are complete.
    """

    settings: RunSettings
    shots: tuple[tuple[int, int], ...]
    windows: tuple[WindowResult, ...] = ()
    frames: int = 0
    outputs: int = 0
    names: tuple[str, ...] = ()

    def plan(self) -> list[VideoWindow]:
        """Return all windows of the video."""
        shots = [range(start, stop) for start, stop in self.shots]
        return plan_windows(shots, self.settings.clip.frames, self.settings.overlap)


def write_window(output: str, window: SeparatedWindow) -> None:
    """Keep a window, whose outputs say which layer is which when the separation resumes."""
    data = BytesIO()
    np.savez(data, mixture=window.mixture, outputs=window.outputs)
    storage.write_bytes(_window_file(output, window.window), data.getvalue())


def read_window(output: str, window: VideoWindow, result: WindowResult) -> SeparatedWindow:
    """Return a window that was kept.

    Args:
        output: the folder of the separation.
        window: which frames.
        result: the result of that window.
    """
    arrays = np.load(BytesIO(storage.read_bytes(_window_file(output, window))))
    return SeparatedWindow(
        window, arrays["mixture"], arrays["outputs"], result.chosen, result.is_silent
    )


def _window_file(output: str, window: VideoWindow) -> str:
    return storage.join(output, UNFINISHED, f"window_from_{window.start:08}.npz")


def state_file(output: str) -> str:
    """Return the place of the state of a separation into a folder."""
    return storage.join(output, UNFINISHED, "state.json")


def require_resumable(output: str) -> None:
    """Check that a folder is new, empty, or that of an interrupted separation.

    Raises:
        UserError: it holds something else.
    """
    if not storage.exists(state_file(output)):
        storage.require_new(output, "--output")


def find_state(output: str) -> RunState | None:
    """Return the state of an interrupted separation into a folder; None if the folder is new.

    Raises:
        UserError: the folder holds something else.
    """
    require_resumable(output)
    file = state_file(output)
    return RunState.read(file) if storage.exists(file) else None


def require_same(output: str, begun: RunSettings, settings: RunSettings) -> None:
    """Check that a separation has the settings with which it was begun.

    Raises:
        UserError: a setting differs.
    """
    before, now = begun.model_dump(), settings.model_dump()
    for name in now:
        if now[name] != before[name]:
            raise UserError(
                f"--output {output}: holds an unfinished separation whose {name} must be the same, "
                f"{before[name]}, got {now[name]}; choose another folder or delete this one"
            )


def remove_unfinished(output: str) -> None:
    """Remove the parts of a complete separation, and its state last.

    So a rerun completes the removal if it is interrupted.
    """
    folder, state = storage.join(output, UNFINISHED), state_file(output)
    for file in storage.list_files(folder):
        if file != state:
            storage.remove(file)
    storage.remove_tree(folder)
