"""Runs a command that must not outlive the process that asked for it.

python task_guard.py DESCRIPTOR COMMAND ...

The asking process holds the other end of a pipe. When that closes, however the process ended, this
one kills the command and all that it started: they are its process group. Only the standard
library is imported, and nothing of this package, so that it starts at once.
"""

import os
import signal
import subprocess
import sys
import threading
from types import FrameType


def main() -> int:
    """Run the command, and return its exit code."""
    # With a handler, not with SIG_IGN, which the command would inherit. It is the command that is
    # asked to end; this process waits for it.
    signal.signal(signal.SIGTERM, _wait_on)
    life = int(sys.argv[1])
    threading.Thread(target=_end_with_owner, args=(life,), daemon=True).start()
    try:
        process = subprocess.Popen(sys.argv[2:])
    except OSError as error:
        print(f"error: {sys.argv[2]}: cannot be started: {error.strerror}", file=sys.stderr)
        return 127
    code = process.wait()
    return code if code >= 0 else 128 - code  # as a shell reports a signal


def _wait_on(number: int, frame: FrameType | None) -> None:
    pass


def _end_with_owner(life: int) -> None:
    os.read(life, 1)  # returns when the other end is closed
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
