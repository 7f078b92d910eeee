"""The devices and processes that train a model together."""

import json
import os

import tensorflow as tf

from data_prep.errors import UserError

VARIABLE = "TF_CONFIG"
"""Environment variable that names the processes that train together, and which one this is.

It is TensorFlow's. Vertex AI sets it in every container of a job, also in those of jobs of one.
"""

_ROLES = ("chief", "worker")


def gpus() -> int:
    """Return the number of this machine's GPUs."""
    return len(tf.config.list_physical_devices("GPU"))


def make_strategy() -> tf.distribute.Strategy:
    """Return the strategy for the workers of `TF_CONFIG`, this machine's GPUs, or one device.

    Call it before anything else of TensorFlow, which workers need. It waits for all workers.

    Raises:
        UserError: `TF_CONFIG` is no description of chief and workers.
    """
    if _processes() > 1:
        return tf.distribute.MultiWorkerMirroredStrategy()
    if gpus() > 1:
        return tf.distribute.MirroredStrategy([f"GPU:{number}" for number in range(gpus())])
    return tf.distribute.get_strategy()


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Say whether this process writes logs, checkpoints and the model; a single one does."""
    if not _is_one_of_several(strategy):
        return True
    resolver = strategy.cluster_resolver
    has_chief = "chief" in resolver.cluster_spec().jobs
    return resolver.task_type == "chief" or (
        not has_chief and resolver.task_type == "worker" and resolver.task_id == 0
    )


def gather(strategy: tf.distribute.Strategy, value: int) -> list[int]:
    """Return the value of every worker, after all of them have called this.

    A worker whose peers end in the meantime gets TensorFlow's error.
    """
    if not _is_one_of_several(strategy):
        return [value]
    own = strategy.run(lambda: tf.constant([value], tf.int64))
    return [int(each) for each in strategy.gather(own, axis=0).numpy()]


def check_progress(strategy: tf.distribute.Strategy, step: int) -> None:
    """Check that all workers go on from the same step.

    Raises:
        UserError: they found different checkpoints.
    """
    steps = sorted(set(gather(strategy, step)))
    if len(steps) > 1:
        raise UserError(
            "checkpoints: must lie in a folder that all workers share, got workers at the steps "
            f"{', '.join(map(str, steps))}"
        )


def _is_one_of_several(strategy: tf.distribute.Strategy) -> bool:
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def _processes() -> int:
    """Return the number of processes in `TF_CONFIG`; 1 without it.

    Raises:
        UserError: it is no description of chief and workers.
    """
    text = os.environ.get(VARIABLE, "")
    if not text:
        return 1
    try:
        roles = {role: len(addresses) for role, addresses in json.loads(text)["cluster"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{VARIABLE}: must be JSON with a cluster, got {text!r}") from error
    others = [role for role in roles if role not in _ROLES]
    if others:
        raise UserError(
            f"{VARIABLE}: may have the roles {' and '.join(_ROLES)}, got {', '.join(others)}"
        )
    return sum(roles.values())
