"""The whole pipeline on sample data: videos, training, server, a held-out mixture separated.

Each step is a command that a user can run too, and is printed as such.
"""

import importlib
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from data_prep.cli import INTERRUPTED
from data_prep.errors import UserError
from data_prep.mixing.planning import plan
from data_prep.sample.sample_config import SampleConfig
from data_prep.sources import manifest
from data_prep.splits import EVAL
from pipeline.config import PipelineConfig
from pipeline.console import show
from pipeline.places import Places
from pipeline.run_summary import RunSummary
from pipeline.runners import local
from serving.versions import find_versions

_READY = " at "


def run_demo(config: PipelineConfig, output: Path) -> None:
    """Run everything in one folder, reusing what is already there.

    Args:
        config: the settings.
        output: the folder.

    Raises:
        UserError: the system does not separate, a step failed, or the model was not blessed.
    """
    if not config.system.task.separates_layers:
        raise UserError(f"demo: needs a system that separates, got {config.system.name}")
    started = time.monotonic()
    places = Places(output)
    local.index(sample(output, config.sample), (), places, config)
    first, second = _held_out_pair(config, places)
    summary = local.run(config, places)
    show(summary, places, seconds=time.monotonic() - started)
    serving = places.serving(config.task.kind)
    _check_served(summary, serving)
    mixture = output / "mixture.mp4"
    _command("data_prep", "mix", first, second, "--output", mixture)
    cues: dict[str, str | None] = {"separated": None}
    if config.system.uses_audio:
        cues = {"separated_by_first_audio": first, "separated_by_second_audio": second}
    with _served(serving) as address:
        for name, cue in cues.items():
            shutil.rmtree(output / name, ignore_errors=True)
            audio = ("--cue", cue) if cue else ()
            where = ("--server", address, "--output", output / name)
            _command("serving", "separate", mixture, "--window", "middle", *audio, *where)
    click.echo(f"\n{time.monotonic() - started:.0f} s in total. Look at")
    click.echo(f"  {mixture}  two held-out videos at once")
    for name in cues:
        click.echo(f"  {output / name / 'side_by_side.png'}  (and .mp4): separated again")
    if len(cues) > 1:
        click.echo("The first video's audio is the cue in one of them, the second's in the other:")
        click.echo("the output marked as chosen should change with it.")


def sample(output: Path, config: SampleConfig) -> str:
    """Render a sample data set unless it is there, and return the folder of its videos.

    Args:
        output: the sample becomes a folder in it.
        config: its settings.
    """
    options = [word for name, value in config for word in (f"--{name}", value)]
    _command("data_prep", "sample", "--output", output / "sample", *options)
    return str(output / "sample" / "videos")


def _held_out_pair(config: PipelineConfig, places: Places) -> tuple[str, str]:
    """Return the videos of the first held-out mixture of two classes."""
    videos = manifest.read(local.require_manifest(places))
    for pairing in plan(videos, config.data).pairings(EVAL):
        v1, v2 = pairing.v1.video, pairing.v2.video
        if v1.label != v2.label:
            return v1.path, v2.path
    raise UserError(
        f"demo: needs a held-out mixture of two classes, got none among "
        f"{config.data.mixtures_of(EVAL)}"
    )


def _check_served(summary: RunSummary, serving: Path) -> None:
    """Check that a server would load the model of this run."""
    if not summary.pushed:
        raise UserError("demo: needs a blessed model to serve, got one that was not blessed")
    newest = next(iter(find_versions(serving).values()))
    if newest != Path(summary.pushed):
        # The run came out of the cache, and other settings have pushed a model since.
        raise UserError(
            f"{serving}: the newest version must be this run's, {Path(summary.pushed).name}, got "
            f"{newest.name} of another run; choose another --output"
        )


def _command(package: str, *words: object) -> None:
    arguments = [package, *map(str, words)]
    click.echo(f"$ python -m {shlex.join(arguments)}", err=True)
    commands = importlib.import_module(f"{package}.commands").main
    try:
        commands.main(arguments[1:], prog_name=f"python -m {package}", standalone_mode=False)
    except click.ClickException as error:
        if error.exit_code == INTERRUPTED:
            raise KeyboardInterrupt from error
        raise


@contextmanager
def _served(serving: Path) -> Iterator[str]:
    """Serve the newest model for as long as the context lasts, and yield the server's address."""
    words = ["serving", "serve", "--model", str(serving), "--port", "0"]
    click.echo(f"$ python -m {shlex.join(words)} &", err=True)
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,  # Ctrl-C is for this process, which then ends the server
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if _READY not in line:
            raise UserError(f"python -m serving serve did not start: {line.strip()}")
        # A full pipe would stop the server.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield line.rsplit(_READY, 1)[1].strip()
    finally:
        process.kill()  # it keeps nothing, and would say that it was interrupted
        process.wait()
