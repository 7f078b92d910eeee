"""Records are the same bytes, whatever instructions the processor has."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from record_digests import digests

pytestmark = pytest.mark.slow

PRESENT = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
AVX512 = [name for name in PRESENT if name.startswith("AVX512")]


@pytest.fixture(scope="module")
def expected() -> list[str]:
    return digests()


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param(
            {"NPY_DISABLE_CPU_FEATURES": " ".join(AVX512), "OPENBLAS_CORETYPE": "Haswell"},
            marks=pytest.mark.skipif(not AVX512, reason="needs a processor with AVX-512"),
        ),
        {
            "NPY_DISABLE_CPU_FEATURES": " ".join(PRESENT),
            "OPENBLAS_CORETYPE": "Prescott",
            "JSIMD_FORCENONE": "1",  # of libjpeg-turbo, which encodes the frames
        },
    ],
    ids=["without AVX-512", "with SSE3 alone"],
)
def test_a_record_does_not_depend_on_instruction_sets(environment, expected):
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("record_digests.py"))],
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == expected
