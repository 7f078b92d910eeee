#!/usr/bin/env python3
"""Choose the stack of the environment: a version of TFX whose packages a lock here pins.

    choose_stack.py FILE ENVIRONMENT [VERSION]   # write the choice to FILE, and say why
    choose_stack.py --supported                  # list what this machine supports, oldest first

The choice is VERSION if given, else the stack of ENVIRONMENT if it exists, else the newest that
this machine supports. FILE is left alone if it holds the choice, so that make sees no change.
"""

import os
import platform
import sys
from pathlib import Path

STACKS = {"1.16": (2, 28), "1.21": (2, 39)}
"""Version of TFX -> the oldest glibc that its compiled packages run with."""
PROCESSOR = "x86_64"
"""What they are compiled for."""


def main(arguments):
    """Run the command line; see the module."""
    glibc = machine_glibc()
    supported = [stack for stack, oldest in STACKS.items() if glibc >= oldest]
    if arguments == ["--supported"]:
        print(*supported)
        return
    file, environment, asked = *map(Path, arguments[:2]), "".join(arguments[2:])
    if platform.machine() != PROCESSOR:
        fail(f"processor: must be {PROCESSOR}, got {platform.machine()}")
    stack, reason = choose(asked, stack_of(environment), supported, glibc)
    print(f"Stack: TFX {stack}, {reason}")
    if not file.exists() or file.read_text().strip() != stack:
        file.write_text(f"{stack}\n")


def choose(asked, kept, supported, glibc):
    """Return the stack, and why it is that one.

    Raises:
        SystemExit: the machine does not support it.
    """
    if asked and asked not in STACKS:
        fail(f"STACK: must be {' or '.join(STACKS)}, got {asked!r}")
    if asked and asked not in supported:
        fail(
            f"STACK={asked}: needs glibc {dotted(STACKS[asked])} or newer (Debian 13, "
            f"Ubuntu 24.04), got {dotted(glibc)}"
        )
    if not supported:
        fail(f"glibc: must be {dotted(min(STACKS.values()))} or newer, got {dotted(glibc)}")
    if asked:
        return asked, "as STACK says"
    if kept in supported:
        return kept, "as .venv was made; STACK=VERSION changes it"
    return supported[-1], f"the newest one for glibc {dotted(glibc)}; STACK=VERSION takes another"


def stack_of(environment):
    """Return the stack that an environment was begun with or has, "" if there is none."""
    begun = environment / ".stack"
    if begun.exists():
        return begun.read_text().strip()
    installed = environment.glob("lib/python*/site-packages/tfx-*.dist-info")
    versions = [folder.name.removeprefix("tfx-").split(".") for folder in installed]
    return ".".join(versions[0][:2]) if versions else ""


def machine_glibc():
    """Return the version of the machine's C library, (0, 0) if it is not glibc."""
    try:
        version = os.confstr("CS_GNU_LIBC_VERSION").split()[1]
    except (AttributeError, IndexError, OSError, ValueError):
        return 0, 0
    return tuple(map(int, version.split(".")[:2]))


def dotted(version):
    """Return a version as text."""
    return ".".join(map(str, version)) if any(version) else "none"


def fail(message):
    """Exit with an error on one line."""
    sys.exit(f"error: {message}")


if __name__ == "__main__":
    main(sys.argv[1:])
