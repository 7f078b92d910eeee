"""A model of one stack works in the other, and a training run of one continues in the other."""

import json
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
STEPS = 6
STOPPED = 3  # exit code of the probe


def train(stack, records, folder, *, stop=STEPS, code=0):
    """Train in a folder; return the losses by step, and the step that training resumed from."""
    stack.run(HERE / "train_and_export.py", records, folder, stop, code=code)
    if code:
        return None
    found = json.loads((folder / "losses.json").read_text())
    return {int(step): loss for step, loss in found["losses"].items()}, found["resumed_from"]


@pytest.fixture(scope="module")
def records(data_sets):
    return data_sets[0] / "mixtures"


@pytest.fixture(scope="module")
def trained(stacks, records, tmp_path_factory):
    """A folder with a model, and the losses of its training, by stack."""
    folders = {stack: tmp_path_factory.mktemp(f"trained-{stack.tfx}") for stack in stacks}
    return {stack: (folder, train(stack, records, folder)[0]) for stack, folder in folders.items()}


def test_a_model_gives_equal_outputs_in_the_other_stack(one_then_other, trained, records, tmp_path):
    own, other = one_then_other
    model = trained[own][0] / "model" / "1"
    for stack in one_then_other:
        stack.run(HERE / "call_model.py", records, model, tmp_path / f"{stack.tfx}.npz")
    expected, found = (np.load(tmp_path / f"{stack.tfx}.npz") for stack in (own, other))
    assert set(expected) == set(found) >= {"outputs", "layers", "scores", "chosen", "evaluate_loss"}
    for name in expected:
        values, others = expected[name], found[name]
        assert (values.dtype, values.shape) == (others.dtype, others.shape), name
        if values.dtype == np.uint8:
            assert np.abs(values.astype(int) - others).max() <= 1, name
        elif np.issubdtype(values.dtype, np.floating):
            np.testing.assert_allclose(others, values, rtol=1e-5, atol=1e-5, err_msg=name)
        else:
            np.testing.assert_array_equal(others, values, err_msg=name)


def test_a_checkpoint_continues_in_the_other_stack(one_then_other, trained, records, tmp_path):
    own, other = one_then_other
    train(own, records, tmp_path, stop=4, code=STOPPED)
    losses, resumed_from = train(other, records, tmp_path)
    assert resumed_from == 4
    assert losses.keys() == {5, 6}
    _, expected = trained[own]
    assert losses == pytest.approx({step: expected[step] for step in losses}, rel=1e-4)
