"""Processes of tasks: they end with this one, and so does everything that they started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from data_prep.storage.stores import storage_errors
from pipeline.compiled import task_guard

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL, for a task that is interrupted."""


def run_logged(
    command: Sequence[str], log: Path, *, cwd: Path, environment: Mapping[str, str]
) -> int:
    """Run a command, and write what it prints to a file.

    Args:
        command: the command.
        log: the file.
        cwd: the command's working directory.
        environment: its environment.

    Returns:
        Its exit code; 128 and more for a signal, as shells have it.

    Raises:
        StorageError: the file cannot be written.
        KeyboardInterrupt: this process was interrupted; then the command has ended.
    """
    life, owned = os.pipe()
    try:
        with storage_errors(str(log)), log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-I", task_guard.__file__, str(life), *command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=dict(environment),
                pass_fds=(life,),
                start_new_session=True,  # Ctrl-C is for this process, which then ends the task
            )
        try:
            return process.wait()
        except BaseException:
            _signal(process, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
            raise
        finally:
            _kill(process)
    finally:
        os.close(life)
        os.close(owned)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a task, as the end of a container does."""
    _signal(process, signal.SIGKILL)
    process.wait()
    end = time.monotonic() + GRACE
    # Children of the command, for which nobody here can wait; who does may take its time.
    while _signal(process, 0) and time.monotonic() < end:
        time.sleep(0.01)


def _signal(process: subprocess.Popen[bytes], number: int) -> bool:
    """Send a signal to the process group of a task; say whether there is one."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
        return True
    return False
