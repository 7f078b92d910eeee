"""The command `python -m serving separate`."""

import click

from data_prep import storage
from data_prep.errors import UserError
from data_prep.media.probe import VideoInfo, probe
from data_prep.options import PLACE, Real, Whole
from data_prep.progress_bar import watching
from data_prep.settings import DAY
from data_prep.storage.outputs import require_folder_output
from serving import separate as separating
from serving.client import SeparationClient
from serving.client_options import client_options, wait_option
from serving.cue import NO_AUDIO, OWN_AUDIO
from serving.separation.output_files import OUTPUT_FORMATS
from serving.separation.run_state import require_resumable
from serving.separation.summary import describe

_MIDDLE = "middle"
_DEFAULT_FORMAT = next(iter(OUTPUT_FORMATS))


class _Moment(click.ParamType):
    """A time in seconds, or `middle`."""

    name = "moment"
    _seconds = Real(0, 30 * DAY)

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | str:
        return _MIDDLE if value == _MIDDLE else self._seconds.convert(value, param, ctx)


@click.command()
@click.argument("video", type=PLACE)
@client_options
@click.option(
    "--cue",
    type=PLACE,
    default=OWN_AUDIO,
    show_default=True,
    metavar="FILE|self|none",
    help="Audio that selects an output: a file's at the same times, the video's own, or silence.",
)
@click.option(
    "--window",
    type=_Moment(),
    metavar="SECONDS|middle",
    help="Separate only one window that starts there, at the model's size.",
)
@click.option(
    "--output",
    type=PLACE,
    required=True,
    help="A new or empty folder, or that of an interrupted run, which resumes.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(list(OUTPUT_FORMATS)),
    default=_DEFAULT_FORMAT,
    show_default=True,
    help="H.264 in MP4, a folder of PNG files per output, ProRes 4444, or VP9 in WebM.",
)
@click.option(
    "--parallel",
    default=2,
    show_default=True,
    type=Whole(1, 64),
    help="Windows that are sent at the same time.",
)
@wait_option(60.0, DAY, "the server and the model")
def separate(
    client: SeparationClient,
    video: str,
    cue: str,
    window: float | str | None,
    output: str,
    output_format: str,
    parallel: int,
    wait: float,
) -> None:
    """Separate VIDEO into layers, written as videos of its size, rate and length.

    With --window, the window and its outputs are also written side by side, and as a contact sheet.
    """
    # Errors in the arguments come before a server that may take a minute to start.
    with storage.local_copy(video) as path:
        info = probe(path, decode=False)
    if cue not in (OWN_AUDIO, NO_AUDIO) and not storage.is_file(cue):
        raise UserError(f"--cue: must be a file, self or none, got {cue}")
    if window is None:
        require_resumable(output)
    else:
        storage.require_new(output, "--output")
        if output_format != _DEFAULT_FORMAT:
            raise UserError(f"--format: must be left out with --window, got {output_format}")
    require_folder_output(output)
    if not client.ready():
        click.echo(f"waiting up to {wait:g} s for {client.where}", err=True)
        client.wait_ready(wait)
    if window is None:
        _separate_whole(client, video, info, output, cue, output_format, parallel)
    else:
        _separate_window(client, video, info, output, cue, window)


def _separate_whole(
    client: SeparationClient,
    video: str,
    info: VideoInfo,
    output: str,
    cue: str,
    output_format: str,
    parallel: int,
) -> None:
    # SciPy takes a while to load, and the arguments are checked without it.
    from serving.separation.opened_run import opened_run

    with opened_run(
        client,
        video,
        output,
        info=info,
        cue=cue,
        parallel=parallel,
        output_format=output_format,
    ) as run:
        if run.done:
            click.echo(f"resuming at {run.done / run.state.settings.fps:.1f} s", err=True)
        with watching("Frames", run.state.settings.frames, lambda: run.done):
            names = run.complete()
    click.echo(f"{video} separated in {output}:")
    for line in describe(run.state, names):
        click.echo(line)


def _separate_window(
    client: SeparationClient,
    video: str,
    info: VideoInfo,
    output: str,
    cue: str,
    window: float | str,
) -> None:
    start = None if isinstance(window, str) else window
    separation = separating.separate(client, video, start=start, cue=cue, duration=info.duration)
    written = separating.write(separation, output)
    end = separation.start + separation.config.seconds
    click.echo(f"{video}, {separation.start:.2f} to {end:.2f} s, separated in {output}:")
    for name, description in written:
        click.echo(f"  {name:<18}{description}")
    if separation.has_silent_cue:
        click.echo("The cue is silent in this window, so the choice is not meaningful.")
