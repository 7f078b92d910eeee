"""A training that is killed is taken up where its last checkpoint left it."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

PROBE = Path(__file__).with_name("distributed_probe.py")
STEPS = 40
CONFIG = {
    **{"steps": STEPS, "batch": 2, "log_every": 1, "checkpoint_every": 10, "repair": True},
    **{"optimizer": "sgd", "learning_rate": 0.01},
}


def start(records, folder, name):
    settings = {
        **{"system": "c2", "devices": [], "config": CONFIG, "folder": str(folder)},
        **{"train": records.train, "eval": records.eval},
    }
    return subprocess.Popen([sys.executable, str(PROBE), str(folder / name), json.dumps(settings)])


def wait_for(file, process):
    while not file.exists():
        assert process.poll() is None
        time.sleep(0.005)


def test_a_killed_training_goes_on_from_its_checkpoint(records, tmp_path):
    killed = start(records, tmp_path / "parts", "killed")
    wait_for(tmp_path / "parts" / "checkpoints" / "checkpoint", killed)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    resumed = start(records, tmp_path / "parts", "resumed")
    whole = start(records, tmp_path / "whole", "whole")
    assert [resumed.wait(), whole.wait()] == [0, 0]
    parts = np.load(tmp_path / "parts" / "resumed.npz")
    expected = np.load(tmp_path / "whole" / "whole.npz")
    missed = STEPS - len(parts["losses"])
    assert missed in (10, 20, 30)
    np.testing.assert_allclose(parts["losses"], expected["losses"][missed:], atol=1e-4)
    for name in set(expected) - {"losses", "chief"}:
        np.testing.assert_allclose(parts[name], expected[name], atol=1e-4, err_msg=name)
