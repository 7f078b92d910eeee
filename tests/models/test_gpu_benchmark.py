"""tests/benchmarks/gpu.py, which needs no GPU to run, so that it runs where there is one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu.py"
TINY = ("--preset", "tiny", "--system", "centrifuge", "--precision", "float32", "--steps", "2")


def lines(*arguments):
    """Run the script, and return what it prints."""
    command = [sys.executable, str(SCRIPT), *arguments]
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(SCRIPT.parents[2])}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_training_prints_held_out_losses_beside_identitys():
    first, second = lines("train", *TINY, "--every", "1", "--videos", "16", "--held-out", "2")
    assert (first["step"], second["step"]) == (1, 2)
    for line in (first, second):
        for kind in ("transparency", "occlusion"):
            assert 0 < line[kind] < 2
            assert 0.1 < line[f"{kind}_identity"] < 1
    assert first["occlusion_identity"] == second["occlusion_identity"]
