"""Records become batches, in an order that the seed decides and that can be taken up anywhere."""

import json
import os

import tensorflow as tf

from data_prep.config import ClipConfig
from data_prep.errors import UserError
from data_prep.records.record import parse

_SECOND_CLIP = ("v2", "sound2")
_OPTIONS = tf.data.Options()
# An iterator waits for the thread that tunes it, which sleeps for up to a minute, when it ends.
_OPTIONS.autotune.enabled = False


def find_files(patterns: list[str]) -> list[str]:
    """Return the files that match the patterns, sorted.

    Raises:
        UserError: there are none.
    """
    files = sorted(path for pattern in patterns for path in tf.io.gfile.glob(pattern))
    if not files:
        raise UserError(f"no records: nothing matches {', '.join(patterns)}")
    return files


def read_info(files: list[str]) -> dict:
    """Return the data set's `info.json`, which stands beside the folders of its splits.

    Raises:
        UserError: there is none.
    """
    path = os.path.join(os.path.dirname(os.path.dirname(files[0])), "info.json")
    try:
        with tf.io.gfile.GFile(path) as file:
            return json.load(file)
    except tf.errors.OpError as error:
        raise UserError(f"{path}: the records' info.json is missing: {error.message}") from error


def read_once(files: list[str], clip: ClipConfig, *, batch: int) -> tf.data.Dataset:
    """Read every record once, in order; the last batch may be smaller.

    Args:
        files: TFRecord files.
        clip: the shape of their clips.
        batch: examples a batch.

    Returns:
        A dataset of the batches that `data_prep.records.record.parse` makes.
    """
    return (
        tf.data.TFRecordDataset(files)
        .batch(batch)
        .map(lambda serialized: parse(serialized, clip), num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(1)
        .with_options(_OPTIONS)
    )


def read_shuffled(
    files: list[str],
    clip: ClipConfig,
    *,
    records: int,
    batch: int,
    buffer: int,
    seed: int,
    skip: int = 0,
    repair: bool = False,
) -> tf.data.Dataset:
    """Read records for ever, each epoch in an order of its own.

    The order is a function of the seed alone: skipping `k` batches gives what a run that was
    stopped after `k` batches would have got next. Only what the current epoch has already used
    is read again for that.

    Args:
        files: TFRecord files.
        clip: the shape of their clips.
        records: number of records in the files, an epoch.
        batch: examples a batch; all batches are full.
        buffer: records that are shuffled together, drawn from four files at a time.
        seed: decides the order.
        skip: batches to leave out at the start.
        repair: see `repaired`.

    Returns:
        An endless dataset of the batches that `data_prep.records.record.parse` makes.
    """
    epochs_done, used = divmod(skip * batch, records)

    def epoch(number):
        key = tf.stack([tf.constant(seed, tf.int64), number])
        order = tf.random.experimental.stateless_shuffle(files, seed=key)
        # Not Dataset.shuffle: its seed must be a number known beforehand.
        return (
            tf.data.Dataset.from_tensor_slices(order)
            .interleave(tf.data.TFRecordDataset, cycle_length=4, block_length=1)
            .batch(buffer)
            .enumerate()
            .flat_map(lambda i, strings: tf.data.Dataset.from_tensor_slices(mix(key, i, strings)))
        )

    def mix(key, i, strings):
        key = tf.random.experimental.stateless_fold_in(key, i)
        return tf.random.experimental.stateless_shuffle(strings, seed=key)

    serialized = (
        tf.data.Dataset.range(epochs_done, tf.int64.max)
        .flat_map(epoch)
        .skip(used)
        .batch(batch, drop_remainder=True)
    )

    def read(number, strings):
        examples = parse(strings, clip)
        return repaired(examples, tf.stack([seed, number])) if repair else examples

    return (
        serialized.enumerate(start=skip)
        .map(read, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .prefetch(2)
        .with_options(_OPTIONS)
    )


def repaired(batch: dict[str, tf.Tensor], seed: tf.Tensor) -> dict[str, tf.Tensor]:
    """Pair the clips of a batch anew: every V2 moves on by so many places, from 0 to all but one.

    The alpha and the control sound belong to V1 and stay with it. Where the new pair would show
    one source video twice, or one class where the old pair showed two, the old pair stays.

    Args:
        batch: a batch of `data_prep.records.record.parse`.
        seed: int64 `[2]`, decides by how many places V2 moves.

    Returns:
        The batch with its V2, sound and provenance moved.
    """
    size = tf.shape(batch["v2"])[0]
    places = tf.random.stateless_uniform([], seed, 0, size, dtype=tf.int32)
    moved = {
        key: tf.roll(value, places, axis=0)
        for key, value in batch.items()
        if key.startswith("v2") or key in _SECOND_CLIP
    }
    same_class = moved["v2_label"] == batch["v1_label"]
    had_same_class = batch["v2_label"] == batch["v1_label"]
    fits = (moved["v2_source"] != batch["v1_source"]) & (had_same_class | ~same_class)
    chosen = {
        key: tf.where(tf.reshape(fits, [-1] + [1] * (value.shape.rank - 1)), value, batch[key])
        for key, value in moved.items()
    }
    chosen["class_pair"] = batch["v1_label"] + "+" + chosen["v2_label"]
    return {**batch, **chosen}


def with_classes(batch: dict[str, tf.Tensor], labels: list[str]) -> dict[str, tf.Tensor]:
    """Add `v1_class`, int32 `[B]`: the place of V1's label among the labels, -1 if it is none."""
    same = batch["v1_label"][:, None] == tf.constant(labels)[None]
    known = tf.reduce_any(same, axis=1)
    place = tf.argmax(same, axis=1, output_type=tf.int32)
    return {**batch, "v1_class": tf.where(known, place, -1)}
