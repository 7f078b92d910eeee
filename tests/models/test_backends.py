"""Networks and losses under TensorFlow and JAX agree."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

PROBE = Path(__file__).with_name("backend_probe.py")
ROOT = PROBE.parents[2]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Results of each backend; the processes run side by side."""
    folder = tmp_path_factory.mktemp("backends")
    paths = {backend: folder / f"{backend}.npz" for backend in ("tensorflow", "jax")}
    processes = [
        subprocess.Popen(
            [sys.executable, PROBE, path],
            cwd=ROOT,
            env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for backend, path in paths.items()
    ]
    for process in processes:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
    return {backend: dict(np.load(path)) for backend, path in paths.items()}


def test_backends_agree(results):
    ours, theirs = results.values()
    assert ours.keys() == theirs.keys()
    assert len(ours) > 100
    for key, value in ours.items():
        np.testing.assert_allclose(theirs[key], value, atol=1e-4, err_msg=key)


def test_training_computes_what_inference_does(results):
    # Only training scores the clips themselves.
    more = ("c3_internal/none/True/clip_scores", "c3_internal/none/True/objective")
    for backend, arrays in results.items():
        for key in (key for key in arrays if "/none/True/" in key and not key.startswith(more)):
            expected = arrays[key.replace("/True/", "/False/")]
            np.testing.assert_allclose(arrays[key], expected, atol=1e-4, err_msg=f"{backend} {key}")
