"""Both stacks: one runs the tests, the other is in an environment that `make stacks` creates.

The tests are skipped without it, but fail if ACROSS_STACKS, in CI, names the other stack.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SETTINGS = """
    clip: {frames: 8, fps: 8, height: 48, width: 48, short_side: 54, sample_rate: 8000}
    shares: {transparency: 0.4, occlusion: 0.3, reflection: 0.3}
"""


@dataclass(frozen=True)
class Stack:
    """An environment with a version of TFX."""

    tfx: str
    python: str

    def run(self, *words, code: int = 0) -> subprocess.CompletedProcess:
        command = [self.python, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == code, done.stderr
        return done


def is_ready(environment: Path, lock: Path) -> bool:
    """Whether an environment is complete, and no older than its lock."""
    ready = environment / ".ready"
    return ready.exists() and ready.stat().st_mtime >= lock.stat().st_mtime


@pytest.fixture(scope="session")
def stacks() -> tuple[Stack, Stack]:
    """The older stack and the newer one."""
    own = ".".join(version("tfx").split(".")[:2])
    found = [Stack(own, sys.executable)]
    for lock in (ROOT / "locks").glob("tfx-*.lock"):
        tfx = lock.stem.removeprefix("tfx-")
        environment = ROOT / ".build" / "stacks" / tfx
        if tfx != own and not is_ready(environment, lock):
            required = tfx in os.environ.get("ACROSS_STACKS", "").split()
            stop = pytest.fail if required else pytest.skip
            stop(f"no complete environment with TFX {tfx}; make stacks creates it where it runs")
        if tfx != own:
            found.append(Stack(tfx, str(environment / "bin" / "python")))
    old, new = sorted(found, key=lambda stack: [*map(int, re.findall(r"\d+", stack.tfx))])
    return old, new


@pytest.fixture(scope="session", params=["upgrade", "downgrade"])
def one_then_other(request, stacks) -> tuple[Stack, Stack]:
    """The stacks in both orders."""
    return stacks if request.param == "upgrade" else stacks[::-1]


@pytest.fixture(scope="session")
def data_sets(stacks, tmp_path_factory) -> tuple[Path, Path]:
    """A sample and mixtures of it, made by each stack: `sample` and `mixtures` in its folder."""
    folders = []
    for stack in stacks:
        folder = tmp_path_factory.mktemp(f"tfx-{stack.tfx}")
        (folder / "settings.yaml").write_text(SETTINGS)
        sample, mixtures = folder / "sample", folder / "mixtures"
        words = ("-m", "data_prep", "sample", "--output", sample, "--clips", 12, "--classes", 3)
        stack.run(*words)
        words = ("-m", "data_prep", "generate", "--videos", sample / "videos", "--output", mixtures)
        more = ("--config", folder / "settings.yaml", "--train-mixtures", 16, "--eval-mixtures", 8)
        stack.run(*words, *more)
        folders.append(folder)
    return tuple(folders)
