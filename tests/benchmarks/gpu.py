"""Time and train systems under JAX, without TensorFlow, as on a machine with a GPU.

python tests/benchmarks/gpu.py time [--preset small] [--system c2]
python tests/benchmarks/gpu.py train [--preset small] [--system c2] [--steps 2000]

Both print JSON lines. `time` runs every training step in a process with XLA's autotuning and in one
without. `train` mixes rendered videos on the fly, and prints the held-out loss against the seconds
of training. Both need JAX, Keras, and the packages that the networks and the sample import.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import click
import numpy as np
from rendered_mixtures import CLASSES, TYPES, Arrays, ahead, make_batch, render_videos

from models.presets import PRESETS, get_preset
from models.systems import SYSTEMS, get_system

State = tuple[list[Any], list[Any], list[Any]]

TUNING = {"on": "", "off": "--xla_gpu_autotune_level=0"}
PRECISIONS = ("mixed_bfloat16", "float32")

system_option = click.option(
    "--system", "systems", multiple=True, type=click.Choice([*SYSTEMS]), help="May be repeated."
)
precision_option = click.option(
    "--precision", type=click.Choice(PRECISIONS), default=PRECISIONS[0], show_default=True
)
batch_option = click.option(
    "--batch", type=click.IntRange(1), help="Clips per step; the preset's by default."
)


@click.group()
def main() -> None:
    """Time and train systems under JAX."""
    os.environ["KERAS_BACKEND"] = "jax"


class Trainer:
    """A system with its training step, one compiled function of the weights and a batch."""

    def __init__(self, system: str, preset: str, precision: str, **settings: Any) -> None:
        import jax
        import keras

        from models.config import ModelConfig, TrainConfig
        from models.training.optimizers import make_optimizer

        keras.utils.set_random_seed(0)
        keras.config.set_dtype_policy(precision)
        size, row = get_preset(preset), get_system(system)
        labels = [f"class {number}" for number in range(size.classes)]
        config = ModelConfig(system=system, preset=preset)
        self.model = row.task.build(row, config, size.clip, labels)
        self.optimizer = make_optimizer(TrainConfig(precision=precision, **settings), size)
        self.optimizer.build(self.model.trainable_variables)
        self.state: State = (
            [variable.value for variable in self.model.trainable_variables],
            [variable.value for variable in self.model.non_trainable_variables],
            [variable.value for variable in self.optimizer.variables],
        )
        self._step = jax.jit(self._update, donate_argnums=0)
        self._evaluate = jax.jit(self._measure)

    def step(self, batch: Arrays) -> Any:
        """Update the weights; return the batch's mean loss, which may not be computed yet."""
        self.state, loss = self._step(self.state, batch)
        return loss

    def evaluate(self, batch: Arrays) -> np.ndarray:
        """Return each example's loss and the Identity baseline's, `[2, B]`."""
        return np.stack(self._evaluate(self.state, batch))

    def _update(self, state: State, batch: Any) -> tuple[State, Any]:
        import jax

        trained, others, slots = state
        gradient = jax.value_and_grad(self._objective, has_aux=True)
        (loss, others), gradients = gradient(trained, others, batch)
        trained, slots = self.optimizer.stateless_apply(slots, gradients, trained)
        return (trained, others, slots), loss

    def _objective(self, trained: list[Any], others: list[Any], batch: Any) -> tuple[Any, Any]:
        predictions, others = self.model.stateless_call(trained, others, batch, training=True)
        return self.model.measure(batch, predictions, training=True)["objective"].mean(), others

    def _measure(self, state: State, batch: Any) -> tuple[Any, Any]:
        from models.losses.reconstruction import identity_loss

        predictions, _ = self.model.stateless_call(*state[:2], batch, training=False)
        return self.model.measure(batch, predictions)["loss"], identity_loss(batch)


@main.command("time")
@click.option("--preset", "presets", multiple=True, type=click.Choice([*PRESETS]))
@system_option
@precision_option
@batch_option
@click.option("--steps", type=click.IntRange(1), default=10, show_default=True)
def time_steps(presets: tuple[str, ...], systems: tuple[str, ...], **settings: Any) -> None:
    """Time training steps on noise: `small`, `large` and `paper` by default.

    A line holds the milliseconds of a step, its TFLOP/s (three times the forward pass's), their
    share of those of a plain matrix product in the same process, and the seconds of compiling.
    """
    for preset in presets or ("small", "large", "paper"):
        for system in systems or ("centrifuge", "c2", "c3_internal"):
            for autotuning, flag in TUNING.items():
                flags = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()
                words = json.dumps({"preset": preset, "system": system, **settings})
                child = subprocess.run(
                    [sys.executable, __file__, "time-one", words],
                    env={**os.environ, "XLA_FLAGS": flags},
                    capture_output=True,
                    text=True,
                )
                line = {"preset": preset, "system": system, "autotuning": autotuning}
                if child.returncode:
                    lines = child.stderr.strip().splitlines() or [f"exit {child.returncode}"]
                    emit({**line, "error": lines[-1]})
                else:
                    emit({**line, **json.loads(child.stdout.splitlines()[-1])})


@main.command("time-one", hidden=True)
@click.argument("settings", type=json.loads)
def time_one(settings: dict[str, Any]) -> None:
    """Time one training step in this process."""
    import jax

    from models.config import ModelConfig
    from models.tools.benchmark import TRAINING_PASSES, _synthetic_batch, matrix_rate
    from models.tools.cost import forward_flops

    preset, system, precision = (settings[name] for name in ("preset", "system", "precision"))
    size = settings["batch"] or get_preset(preset).batch
    rate = matrix_rate(precision)
    trainer = Trainer(system, preset, precision)
    noise = _synthetic_batch(ModelConfig(system=system, preset=preset), size)
    step = partial(trainer.step, trainer.model.select(noise))
    compiling = seconds_of(lambda: jax.block_until_ready(step()))
    jax.block_until_ready(step())
    # Steps follow each other without waiting for the host, as in training.
    started = time.perf_counter()
    for _ in range(settings["steps"]):
        step()
    jax.block_until_ready(trainer.state)
    seconds = (time.perf_counter() - started) / settings["steps"]
    speed = TRAINING_PASSES * size * forward_flops(trainer.model.network) / seconds
    emit(
        {
            "device": jax.devices()[0].device_kind,
            "precision": precision,
            "batch": size,
            "ms": round(1e3 * seconds, 3),
            "tflops": round(speed / 1e12, 4),
            "share_of_matrix_product": round(speed / rate, 4),
            "compile_seconds": round(compiling - seconds, 1),
        }
    )


@main.command()
@click.option("--preset", type=click.Choice([*PRESETS]), default="small", show_default=True)
@system_option
@precision_option
@batch_option
@click.option("--steps", type=click.IntRange(1), default=2_000, show_default=True)
@click.option("--every", type=click.IntRange(1), default=100, help="Steps between two lines.")
@click.option("--videos", type=click.IntRange(2 * CLASSES), default=240, show_default=True)
@click.option("--held-out", type=click.IntRange(1), default=64, help="Held-out mixtures.")
@click.option("--optimizer", type=click.Choice(["sgd", "adam", "adamw", "muon"]))
@click.option("--learning-rate", type=float, help="Comes with --optimizer.")
def train(
    preset: str,
    systems: tuple[str, ...],
    precision: str,
    batch: int | None,
    steps: int,
    every: int,
    videos: int,
    held_out: int,
    optimizer: str | None,
    learning_rate: float | None,
) -> None:
    """Train `c2` and `centrifuge`, and print the held-out loss.

    A line holds the step, the seconds of training without the first step and the evaluations, the
    mean training loss since the last line, and for each mixture type the held-out loss and the
    Identity baseline's.
    """
    if (optimizer is None) != (learning_rate is None):
        raise click.UsageError("--optimizer and --learning-rate: must come together")
    systems = systems or ("c2", "centrifuge")
    for name in systems:
        if not get_system(name).task.separates_layers or get_system(name).uses_audio:
            raise click.UsageError(f"--system: must be a separator without audio, got {name}")
    clip, size = get_preset(preset).clip, batch or get_preset(preset).batch
    trained_on = render_videos("train", videos, clip)
    evaluated_on = render_videos("eval", videos // 4, clip)
    batches = range(-(-held_out // size))
    evaluated = [make_batch(evaluated_on, "eval", number, size, clip) for number in batches]
    make = partial(make_batch, trained_on, "train", size=size, clip=clip)
    settings = {"steps": steps, "optimizer": optimizer, "learning_rate": learning_rate}
    for name in systems:
        with ThreadPoolExecutor(max(1, (os.cpu_count() or 2) - 1)) as threads:
            trainer = Trainer(name, preset, precision, **settings)
            train_one(name, trainer, ahead(threads, make), evaluated, steps, every)


def train_one(
    name: str,
    trainer: Trainer,
    batches: Iterator[Arrays],
    evaluated: list[Arrays],
    steps: int,
    every: int,
) -> None:
    """Train a system, and print a line every few steps."""
    import jax

    losses, seconds, started = [], 0.0, time.perf_counter()
    for step, batch in zip(range(1, steps + 1), batches, strict=False):
        losses.append(trainer.step(batch))
        if step == 1:
            jax.block_until_ready(losses)
            compiling, started = time.perf_counter() - started, time.perf_counter()
        if step % every and step != steps:
            continue
        loss = float(np.mean(jax.device_get(losses)))
        seconds += time.perf_counter() - started
        line = {"system": name, "step": step, "seconds": round(seconds, 2), "loss": round(loss, 4)}
        found = np.concatenate([trainer.evaluate(each) for each in evaluated], axis=1)
        for first, kind in enumerate(TYPES):
            own, identity = found[:, first :: len(TYPES)].mean(axis=1).tolist()
            line |= {kind: round(own, 4), f"{kind}_identity": round(identity, 4)}
        emit({**line, "first_step_seconds": round(compiling, 1)})
        losses, started = [], time.perf_counter()


def seconds_of(action: Callable[[], object]) -> float:
    """Return the seconds that an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def emit(line: dict[str, Any]) -> None:
    """Print a line of JSON."""
    click.echo(json.dumps(line))


if __name__ == "__main__":
    main()
