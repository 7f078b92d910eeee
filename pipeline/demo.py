"""The whole way on sample data: videos, pipeline, server, a held-out mixture taken apart.

Each step is a command that a user can give as well, and is shown as such.
"""

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

from data_prep.errors import UserError
from data_prep.mixing.pairing import TRANSPARENCY
from data_prep.mixing.planning import plan
from data_prep.sources import manifest
from models.systems import get_system
from pipeline.config import PipelineConfig
from pipeline.console import show
from pipeline.runners import local
from serving.versions import find_versions

CLIPS, CLASSES = 96, 4
"""The demo's sample: few classes can be learnt in minutes."""

_READY = " at "


def demo(config: PipelineConfig, output: Path) -> None:
    """Do it all in a folder; what is there already is not made again.

    Raises:
        UserError: the system does not separate, a step failed, or the model was not blessed.
    """
    if config.classifies:
        raise UserError(f"the demo needs a system that separates: received {config.system}")
    started = time.monotonic()
    system = get_system(config.system)
    places = local.Places(output)
    local.index(sample(output), (), places, config)
    wanted, other = _held_out_pair(config, places)
    summary = local.run(config, places)
    show(summary, places, seconds=time.monotonic() - started)
    if not summary["pushed"]:
        raise UserError("the model was not blessed, so there is none to serve")
    newest = next(iter(find_versions(places.serving).values()))
    if newest != Path(summary["pushed"]):
        # The run came out of the cache, and other settings have pushed since.
        raise UserError(
            f"{places.serving}: serves its newest version, {newest.name}, of another run than "
            f"this one's, {Path(summary['pushed']).name}; choose another --output"
        )
    mixture = output / "mixture.mp4"
    _command("data_prep", "mix", wanted, other, "--output", mixture)
    cues = {"separated": None}
    if system.hears:
        cues = {"separated_by_first_sound": wanted, "separated_by_second_sound": other}
    with _serving(places) as address:
        for name, cue in cues.items():
            shutil.rmtree(output / name, ignore_errors=True)
            audio = ("--audio", cue) if cue else ()
            where = ("--server", address, "--output", output / name)
            _command("serving", "separate", mixture, *audio, *where)
    click.echo(f"\n{time.monotonic() - started:.0f} s in all. Look at")
    click.echo(f"  {mixture}  two held-out videos at once")
    for name in cues:
        click.echo(f"  {output / name / 'side_by_side.png'}  (and .mp4): taken apart again")
    if len(cues) > 1:
        click.echo("In the one the first video's sound is the cue, in the other the second's:")
        click.echo("the output marked as chosen should change with it.")


def sample(output: Path, clips: int = CLIPS, classes: int = CLASSES) -> Path:
    """Render the sample data set under a folder, unless it is there, and return its videos."""
    words = ("--clips", clips, "--classes", classes)
    _command("data_prep", "sample", "--output", output / "sample", *words)
    return output / "sample" / "videos"


def _held_out_pair(config: PipelineConfig, places: local.Places) -> tuple[str, str]:
    """Return the videos of the first held-out mixture of two classes."""
    planned = plan(manifest.read(local.newest_manifest(places)), config.data)
    for pairing in planned.pairings["eval"]:
        v1, v2 = pairing.v1.video, pairing.v2.video
        if pairing.mixture_type == TRANSPARENCY and v1.label != v2.label:
            return v1.path, v2.path
    raise UserError(
        f"the demo takes a transparency of two classes apart: none is among the "
        f"{len(planned.pairings['eval'])} held-out mixtures"
    )


def _command(package: str, *words: object) -> None:
    arguments = [package, *map(str, words)]
    click.echo(f"$ python -m {shlex.join(arguments)}", err=True)
    if subprocess.run([sys.executable, "-m", *arguments], check=False).returncode:
        raise UserError(f"python -m {arguments[0]} {arguments[1]} failed")


@contextmanager
def _serving(places: local.Places) -> Iterator[str]:
    """Serve the pushed model for as long as the context lasts, and give the server's address."""
    words = ["serving", "serve", "--model", str(places.serving), "--port", "0"]
    click.echo(f"$ python -m {shlex.join(words)} &", err=True)
    process = subprocess.Popen(
        [sys.executable, "-m", *words], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    try:
        line = process.stdout.readline()
        if _READY not in line:
            raise UserError(f"python -m serving serve did not start: {line.strip()}")
        # Else a full pipe would stop the server.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield line.rsplit(_READY, 1)[1].strip()
    finally:
        process.terminate()
        process.wait()
