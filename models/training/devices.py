"""The devices that train a model together."""

import os

import tensorflow as tf


def gpus() -> int:
    """Return the number of this machine's GPUs."""
    return len(tf.config.list_physical_devices("GPU"))


def make_strategy() -> tf.distribute.Strategy:
    """Return the strategy for the workers of `TF_CONFIG`, this machine's GPUs, or one device."""
    if os.environ.get("TF_CONFIG"):
        return tf.distribute.MultiWorkerMirroredStrategy()
    if gpus() > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Say whether this process writes logs, checkpoints and the model; a single one does."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return True
    has_chief = "chief" in resolver.cluster_spec().jobs
    return resolver.task_type == "chief" or (
        not has_chief and resolver.task_type == "worker" and resolver.task_id == 0
    )
