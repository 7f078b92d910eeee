"""The message with which a task's log ends."""

import re
from pathlib import Path

_TAIL = 64 * 1024  # bytes
_LONGEST = 300  # characters of a message
_STEP = re.compile(r" \[while running '[^']*'\]")
_OURS = re.compile(r"(?:[\w.]+\.)?(?:UserError|StorageError|StorageMissingError): (.*)")
_RAISED = re.compile(r"(?:\w+\.)*\w*(?:Error|Exception|Interrupt|Exit)\b(?:: .*)?")
_SAID = re.compile(r"error: (.*)")


def last_message(log: Path) -> str:
    """Return why a task failed, on one line; empty if its log is.

    That is the last exception or `error: ...` that the log ends with, or otherwise its last line.
    """
    with log.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _TAIL))
        lines = file.read().decode(errors="replace").splitlines()
    for line in reversed(lines):
        if (ours := _OURS.match(line)) or (ours := _SAID.match(line)):
            return _short(ours[1])
        if _RAISED.match(line):
            return _short(line)
    return _short(next((line for line in reversed(lines) if line.strip()), ""))


def _short(text: str) -> str:
    text = " ".join(_STEP.sub("", text).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
