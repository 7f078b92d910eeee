"""Opening of a separation: what it depends on, and where an interrupted one was."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from data_prep import storage
from data_prep.config import ClipConfig
from data_prep.errors import UserError
from data_prep.media.probe import VideoInfo, probe
from data_prep.media.whole_video import read_whole
from data_prep.progress_bar import tracked
from serving.cue import OWN_AUDIO, cue_file
from serving.errors import NotServedError
from serving.separation.clip_separator import ClipSeparator
from serving.separation.frame_grid import FrameGrid
from serving.separation.output_files import OUTPUT_FORMATS
from serving.separation.run_state import (
    RunSettings,
    RunState,
    find_state,
    require_same,
    state_file,
)
from serving.separation.separation_run import SeparationRun
from serving.separation.shots import find_shots


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
) -> Iterator[SeparationRun]:
    """Prepare the separation of a whole video, or resume an interrupted one.

    One version of the model separates the whole video: the one that answers first, also if the run
    is interrupted. There is one run in a folder at a time.

    Args:
        separator: the model.
        video: the file.
        output: the folder for the outputs; new, empty, or that of the interrupted separation.
        info: facts about the video, if it has been examined already.
        cue: what selects an output; see `cue_file`.
        parallel: windows that are separated at the same time.
        output_format: how outputs are written, a name in `OUTPUT_FORMATS`.

    Raises:
        UserError: the video or the cue cannot be used, the folder holds something else or has
            another writer, or the version that began the separation is not served anymore.
        ServingError: the server does not answer, or not as requested.
    """
    with ExitStack() as stack:
        require_held = stack.enter_context(storage.lease(output))
        begun = find_state(output)
        version = _version(separator, begun)
        stack.enter_context(_requiring(version, output))
        separator = separator.at_version(version)
        model = separator.description()
        audio = cue_file(cue, video, has_control=model.uses_audio)
        path = stack.enter_context(storage.local_copy(video))
        cue_path = None if audio is None else stack.enter_context(storage.local_copy(audio))
        info = info or probe(path, decode=False)
        settings = RunSettings(
            video=storage.absolute(video),
            video_bytes=path.stat().st_size,
            height=info.height,
            width=info.width,
            fps=info.frame_rate,
            frames=info.frame_count,
            cue=None if audio is None else storage.absolute(audio),
            cue_bytes=None if cue_path is None else cue_path.stat().st_size,
            model=f"{model.kind} {model.system}",
            version=version,
            clip=model.clip,
            overlap=model.clip.frames // 2,
            output_format=output_format,
        )
        if begun is None:
            grid = FrameGrid(settings.frames, settings.fps, model.clip.fps)
            state = RunState(settings=settings, shots=_find_shots(path, model.clip, grid))
            require_held()
            state.write(state_file(output))
        else:
            require_same(output, begun.settings, settings)
            state = begun
        yield SeparationRun(separator, path, cue_path, output, state, parallel, require_held)


def _version(separator: ClipSeparator, begun: RunState | None) -> int:
    """Return the version that was asked for, began the separation, or answers now."""
    if begun is None or separator.version is not None:
        return separator.served_version()
    return begun.settings.version


@contextmanager
def _requiring(version: int, output: str) -> Iterator[None]:
    """Say what can be done if the version that began a separation is not served anymore."""
    try:
        yield
    except NotServedError as error:
        raise UserError(
            f"--output {output}: must be completed by version {version}, which began it, got "
            f"{error}; serve that version again and rerun, or delete this folder to start over"
        ) from error


def _find_shots(path: Path, clip: ClipConfig, grid: FrameGrid) -> tuple[tuple[int, int], ...]:
    times = grid.times(grid.sources)
    small = read_whole(path, times, height=clip.height, width=clip.width)
    shots = find_shots(tracked("Finding cuts", small, len(times)))
    return tuple((shot.start, shot.stop) for shot in shots)
