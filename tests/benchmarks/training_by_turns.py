"""Train a system by turns with another process; `learning.py` starts both and reads the results.

A line on stdin begins a turn. A line of JSON on stdout ends it: empty, the results, or an error.
The packages are those of the checkout that comes first in PYTHONPATH, so only what all versions
have is used: `load_config`, `train` with a callback, and the trained model's own `measure`.
"""

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

TURN = 5.0
"""CPU seconds of training in a turn."""
SHARES = (0.25, 0.5, 0.75)
"""Shares of the budget after which the held-out loss is measured."""
END = 1.0
"""The share that stands for the end of training."""
MEASURED = 0.1
"""CPU seconds that are measured beforehand, as a share of the budget."""
FEWEST = 10
"""Steps that are measured beforehand, at least."""
MANY = 1_000_000
"""Steps of a run that is stopped before."""
BATCH = 16
"""Held-out mixtures that are evaluated together."""

Job = dict[str, Any]
Results = dict[str, Any]
Losses = dict[str, float]
"""Mixture type -> loss."""


class Clock:
    """Adds up the steps of a training run, and their CPU and wall seconds between pauses."""

    def __init__(self) -> None:
        self.cpu = self.wall = 0.0
        self.steps = 0
        self.resume()

    def resume(self) -> None:
        """Go on after a pause."""
        self._last = time.process_time(), time.perf_counter()

    def step(self) -> None:
        """Add a step with the seconds since the last one or the pause."""
        cpu, wall = self._last
        self.resume()
        self.cpu += self._last[0] - cpu
        self.wall += self._last[1] - wall
        self.steps += 1


def do_job(job: Job, wait: Callable[[], None]) -> Results:
    """Train for a job's CPU seconds, and evaluate on the way.

    Args:
        job: what to train, and where.
        wait: called after a turn; returns when the next one begins.
    """
    budget = job["seconds"]
    losses: dict[str, Losses] = {}
    due = list(SHARES)

    def stop_soon(clock: Clock, model: Any) -> None:
        if clock.steps >= FEWEST and clock.cpu >= MEASURED * budget:
            model.stop_training = True

    def evaluate_if_due(clock: Clock, model: Any) -> None:
        if due and clock.cpu >= due[0] * budget:
            losses[str(due.pop(0))] = evaluate(model, job)[0]

    job = {**job, "records": link_records(job)}
    clock, _ = train_run(job, "first", MANY, wait, stop_soon)
    steps = 1 + max(1, int(budget * clock.steps / clock.cpu))  # the first one does not count
    clock, model = train_run(job, "run", steps, wait, evaluate_if_due)
    losses[str(END)], identity = evaluate(model, job)
    return {
        "steps": steps,
        "cpu": clock.cpu,
        "cpu_per_step": clock.cpu / clock.steps,
        "wall_per_step": clock.wall / clock.steps,
        "losses": losses,
        "identity": identity,
    }


def link_records(job: Job) -> str:
    """Link a job's records into its folder, without the settings that only other versions have.

    A checkout refuses a description with settings that it does not know, even if it can read the
    records.
    """
    from data_prep.config import DataConfig

    records, folder = Path(job["records"]), Path(job["folder"], "records")
    folder.mkdir()
    for split in ("train", "eval"):
        (folder / split).symlink_to(records / split)
    info = json.loads((records / "info.json").read_text())
    fields = DataConfig.model_fields
    info["settings"] = {key: value for key, value in info["settings"].items() if key in fields}
    (folder / "info.json").write_text(json.dumps(info))
    return str(folder)


def train_run(
    job: Job,
    name: str,
    steps: int,
    wait: Callable[[], None],
    after_step: Callable[[Clock, Any], None],
) -> tuple[Clock, Any]:
    """Train a system, and call a function after each step; return the clock and the model."""
    import keras

    from data_prep.errors import UserError
    from models.training.inputs import find_files
    from models.training.train import train

    # Checkpoints and images come at the end, after the clock has stopped.
    settings = ("steps", "checkpoint_every", "image_every")
    config = load_job(job, *(f"train.{setting}={steps}" for setting in settings))
    if not config.task.separates_layers:
        raise UserError(f"system: must separate layers, got {config.system.name}")
    if config.train.accumulate > 1:
        raise UserError(f"accumulate: must be 1, got {config.train.accumulate}")
    clock = Clock()

    class AfterStep(keras.callbacks.Callback):
        traced = False
        turn_ends = TURN

        def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
            if self.traced:
                clock.step()
                after_step(clock, self.model)
                if clock.cpu >= self.turn_ends:
                    self.turn_ends = clock.cpu + TURN
                    wait()
            self.traced = True
            clock.resume()

    trained = train(
        config.model,
        config.train,
        config.data.clip,
        train_files=find_files([f"{job['records']}/train/*"]),
        eval_files=find_files([f"{job['records']}/eval/*"]),
        logs=f"{job['folder']}/{name}/logs",
        checkpoints=f"{job['folder']}/{name}/checkpoints",
        callbacks=[AfterStep()],
    )
    if not clock.steps:
        raise UserError(f"system: must have weights to train, got {config.system.name}")
    return clock, trained


def evaluate(model: Any, job: Job) -> tuple[Losses, Losses]:
    """Return the held-out losses: the model's and the Identity baseline's."""
    import numpy as np
    import tensorflow as tf

    from data_prep.mixing.mixture_types import MIXTURE_TYPES
    from models.losses.reconstruction import identity_loss
    from models.training.inputs import find_files, read_once

    @tf.function(autograph=False)
    def measure(batch: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        return model.measure(batch, model(batch, training=False))["loss"], identity_loss(batch)

    found = defaultdict(list)
    files = find_files([f"{job['records']}/eval/*"])
    for batch in read_once(files, load_job(job).data.clip, batch=BATCH):
        pairs = tf.stack(measure(model.select(model.prepare(batch))), axis=1).numpy()
        for kind, pair in zip(batch["mixture_type"].numpy(), pairs.tolist(), strict=True):
            found[kind.decode()].append(pair)
    kinds = sorted(found, key=list(MIXTURE_TYPES).index)
    means = {kind: np.mean(found[kind], axis=0).tolist() for kind in kinds}
    own, identity = ({kind: means[kind][i] for kind in means} for i in range(2))
    return own, identity


def load_job(job: Job, *settings: str) -> Any:
    """Return this version's pipeline configuration with a job's settings and further ones."""
    from pipeline.config import load_config

    return load_config(job["config"], [*job["settings"], *settings])


def main(text: str) -> None:
    """Do a job by turns."""
    messages = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no message

    def begin() -> None:
        if not sys.stdin.readline():
            sys.exit("the process that gives the turns has ended")

    def end(message: Results) -> None:
        print(json.dumps(message), file=messages, flush=True)

    def wait() -> None:
        end({})
        begin()

    begin()
    from data_prep.cli import prepare_libraries
    from data_prep.errors import UserError

    prepare_libraries()
    job = json.loads(text)
    import models

    assert Path(models.__file__).is_relative_to(job["checkout"]), models.__file__
    try:
        end(do_job(job, wait))
    except UserError as error:
        end({"error": str(error)})


if __name__ == "__main__":
    main(sys.argv[1])
