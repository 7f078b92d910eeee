"""A training that is killed is taken up where its last checkpoint left it."""

import signal
import time

import numpy as np

STEPS = 40
CONFIG = {
    **{"steps": STEPS, "batch": 2, "log_every": 1, "checkpoint_every": 10, "repair": True},
    **{"optimizer": "sgd", "learning_rate": 0.01},
}


def wait_for(file, process):
    while not file.exists():
        assert process.poll() is None
        time.sleep(0.005)


def test_a_killed_training_goes_on_from_its_checkpoint(start_training, tmp_path):
    def start(out, folder):
        return start_training(tmp_path / out, tmp_path / folder, system="c2", config=CONFIG)

    killed = start("killed", "parts")
    wait_for(tmp_path / "parts" / "checkpoints" / "checkpoint", killed)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    resumed = start("resumed", "parts")
    whole = start("whole", "whole")
    assert [resumed.wait(), whole.wait()] == [0, 0]
    parts = np.load(tmp_path / "resumed.npz")
    expected = np.load(tmp_path / "whole.npz")
    missed = STEPS - len(parts["losses"])
    assert missed in (10, 20, 30)
    np.testing.assert_allclose(parts["losses"], expected["losses"][missed:], atol=1e-4)
    for name in set(expected) - {"losses", "chief"}:
        np.testing.assert_allclose(parts[name], expected[name], atol=1e-4, err_msg=name)
