"""Ctrl-C at any moment of a command's start."""

import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("package", ["data_prep", "models", "pipeline", "serving"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_interrupted_while_it_loads_is_one_line(package, number):
    # The probe says when the guard stands; Python itself cannot be guarded before that.
    code = (
        "import runpy, sys, signal\n"
        "class Tell:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'click':\n"
        "            print('loading', flush=True)\n"
        "            signal.pause()\n"
        "sys.meta_path.insert(0, Tell())\n"
        f"runpy.run_module({package!r}, run_name='__main__', alter_sys=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "loading\n"
    time.sleep(0.1)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "error: interrupted\n")
