"""A training run that is killed at random steps ends with the weights of an undisturbed one.

tests/benchmarks/killed_training.py does the same at the preset `tiny`, with more kills.
"""

import signal
import time

import numpy as np
import pytest

STEPS = 40
CONFIG = {
    "steps": STEPS,
    "batch": 2,
    "log_every": 4,
    "checkpoint_every": 3,
    "re_pair": True,
    "optimizer": "sgd",
    "learning_rate": 0.01,
}
KILLS = 2


def wait_for(step, file, process):
    while not file.exists() or int(file.read_text() or 0) < step:
        assert process.poll() is None
        time.sleep(0.001)


@pytest.mark.slow
def test_a_killed_training_ends_with_equal_weights(start_training, tmp_path):
    def start(out, folder):
        return start_training(
            tmp_path / out, tmp_path / folder, system="c3_internal", config=CONFIG
        )

    whole = start("whole", "whole")
    steps = sorted(np.random.default_rng(0).choice(np.arange(4, STEPS), KILLS, replace=False))
    for step in steps:
        killed = start("killed", "parts")
        wait_for(step, tmp_path / "parts" / "step", killed)
        killed.send_signal(signal.SIGKILL)
        assert killed.wait() == -signal.SIGKILL
        (tmp_path / "parts" / "step").unlink()
    assert not (tmp_path / "killed.npz").exists()
    resumed = start("resumed", "parts")
    assert [resumed.wait(), whole.wait()] == [0, 0]
    parts, expected = np.load(tmp_path / "resumed.npz"), np.load(tmp_path / "whole.npz")
    # The reports after the last checkpoint are the same too, to the last bit.
    count = len(parts["losses"])
    np.testing.assert_array_equal(parts["losses"], expected["losses"][-count:], err_msg=str(steps))
    for name in set(expected) - {"losses", "chief"}:
        np.testing.assert_array_equal(parts[name], expected[name], err_msg=f"{name} {steps}")
