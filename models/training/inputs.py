"""Input pipeline: batches in a seeded order that can resume at any step."""

from collections.abc import Callable

import tensorflow as tf

from data_prep import storage
from data_prep.config import ClipConfig
from data_prep.errors import UserError
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.records.info import DatasetInfo
from data_prep.records.tensors import parse
from data_prep.stack import check_tensorflow_store
from models.config import AugmentConfig
from models.training.augmentation import augmented

Tensors = dict[str, tf.Tensor]

_OPTIONS = tf.data.Options()
# An iterator waits at its end for the tuning thread, which sleeps for up to a minute.
_OPTIONS.autotune.enabled = False
_PASSES = 1  # folded into the keys of passes, which batches of the same number must not share


def find_files(patterns: list[str]) -> list[str]:
    """Return the files that match the patterns, sorted.

    Raises:
        UserError: there are none, or TensorFlow cannot read them where they are.
    """
    for pattern in patterns:
        check_tensorflow_store("records", pattern)
    files = sorted(path for pattern in patterns for path in storage.glob(pattern))
    if not files:
        raise UserError(
            f"records: must match at least one file, got none for {', '.join(patterns)}"
        )
    return files


def read_info(files: list[str]) -> DatasetInfo:
    """Read the data set's `info.json`, which is beside the folders of its splits.

    Raises:
        UserError: it is missing, or no description of a data set.
    """
    folder = storage.parent(storage.parent(files[0]))
    return DatasetInfo.read(storage.join(folder, "info.json"))


def read_once(files: list[str], clip: ClipConfig, *, batch: int) -> tf.data.Dataset:
    """Read every record once, in order; the last batch may be smaller.

    Args:
        files: TFRecord files.
        clip: the shape of their clips.
        batch: examples per batch.

    Returns:
        A dataset of batches, see `data_prep.records.tensors.parse`.
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
    re_pair: bool = False,
    augment: AugmentConfig | None = None,
    prepare: Callable[[Tensors], Tensors] = lambda batch: batch,
) -> tf.data.Dataset:
    """Read records endlessly, each pass in a different order.

    Everything random depends on the seed and the number of the batch alone: skipping `k` batches
    continues a run that was interrupted after `k` batches. Only the used part of the current pass
    is read again for that.

    Args:
        files: TFRecord files.
        clip: the shape of their clips.
        records: number of records in the files.
        batch: examples per batch; all batches are full.
        buffer: records that are shuffled together, drawn from four files at a time.
        seed: decides the order, the crops of records with a margin, the pairs and the changes.
        skip: batches to leave out at the start.
        re_pair: pair the clips of each batch again; see `re_paired`.
        augment: random changes to the clips, none by default; see `augmented`.
        prepare: applied to each batch, several of them in parallel.

    Returns:
        An infinite dataset of batches, see `data_prep.records.tensors.parse`.
    """
    passes_done, used = divmod(skip * batch, records)

    def one_pass(number: tf.Tensor) -> tf.data.Dataset:
        key = tf.random.experimental.stateless_fold_in(tf.stack([seed, number]), _PASSES)
        order = tf.random.experimental.stateless_shuffle(files, seed=key)
        # Dataset.shuffle would need a seed that is known beforehand.
        return (
            tf.data.Dataset.from_tensor_slices(order)
            .interleave(tf.data.TFRecordDataset, cycle_length=4, block_length=1)
            .batch(buffer)
            .enumerate()
            .flat_map(
                lambda i, strings: tf.data.Dataset.from_tensor_slices(shuffle(key, i, strings))
            )
        )

    def shuffle(key: tf.Tensor, i: tf.Tensor, strings: tf.Tensor) -> tf.Tensor:
        key = tf.random.experimental.stateless_fold_in(key, i)
        return tf.random.experimental.stateless_shuffle(strings, seed=key)

    def read(number: tf.Tensor, strings: tf.Tensor) -> Tensors:
        key = tf.stack([seed, number])
        crops, pairs, changes = tf.unstack(tf.random.experimental.stateless_split(key, 3))
        examples = parse(strings, clip, seed=crops)
        if re_pair:
            examples = re_paired(examples, pairs)
        if augment is not None:
            examples = augmented(examples, augment, changes)
        return prepare(examples)

    return (
        tf.data.Dataset.range(passes_done, tf.int64.max)
        .flat_map(one_pass)
        .skip(used)
        .batch(batch, drop_remainder=True)
        .enumerate(start=skip)
        .map(read, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .prefetch(2)
        .with_options(_OPTIONS)
    )


def divisible(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Return batches that several devices and workers share among themselves."""
    options = tf.data.Options()
    # No worker may read a part of the files only: the seed decides the order of all.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.with_options(options)


def re_paired(batch: Tensors, seed: tf.Tensor) -> Tensors:
    """Pair the clips of a batch again: give every mixture another V2 of its group.

    The control audio belongs to V1 and stays with it. The alpha belongs to the clip in front,
    from which it was made: it moves with a V2 that is in front, and stays otherwise. So the
    groups are

    - for each mixture type, its mixtures with V2 in front;
    - all other mixtures whose types alter the clip in the back alike, which is V2 if V1 is in
      front. Most types leave it as it is.

    The new V2 is of another source video than V1. It has V1's label if and only if the old V2 has
    it, so the number of mixtures of one class stays the same.

    Args:
        batch: a batch of `data_prep.records.tensors.parse`.
        seed: int64 `[2]`, decides how many places on among these V2s the new one is.

    Returns:
        The batch with its V2, that clip's audio and its provenance moved.
    """
    size = tf.shape(batch["v2"])[0]
    places = tf.random.stateless_uniform([], seed, 0, size, dtype=tf.int32)
    origin = _moved_within(_suits(batch), places)
    moving = {key for key in batch if key.startswith("v2")} | {"audio2"}
    moved = {key: tf.gather(batch[key], origin) for key in moving}
    behind = batch["front"][:, None, None, None, None] != 2
    moved["alpha"] = tf.where(behind, batch["alpha"], tf.gather(batch["alpha"], origin))
    moved["class_pair"] = batch["v1_label"] + "+" + moved["v2_label"]
    return {**batch, **moved}


def _suits(batch: Tensors) -> tf.Tensor:
    """Return whether row i may get the V2 of row j, bool `[B, B]`; its own always suits."""
    source, label = (batch[f"v1_{key}"][:, None] for key in ("source", "label"))
    group = _groups(batch)
    suits = group[:, None] == group[None]
    suits &= source != batch["v2_source"][None]
    one_class = batch["v1_label"] == batch["v2_label"]
    suits &= (label == batch["v2_label"][None]) == one_class[:, None]
    return suits | tf.eye(tf.size(group), dtype=tf.bool)


def _groups(batch: Tensors) -> tf.Tensor:
    """Number the mixtures, `[B]`; those with the same number may exchange their V2."""
    kinds = list(MIXTURE_TYPES.values())
    same = batch["mixture_type"][:, None] == tf.constant([kind.name for kind in kinds])[None]
    unknown = len(kinds)
    kind = tf.where(tf.reduce_any(same, axis=1), tf.argmax(same, axis=1), unknown)
    alterations = [kind.alter_back for kind in kinds]
    treatments = [alterations.index(alteration) for alteration in alterations]
    treatment = tf.gather(tf.constant([*treatments, unknown], tf.int64), kind)
    return tf.where(batch["front"] == 2, unknown + 1 + kind, treatment)


def _moved_within(suits: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """Return for each row the one so many places before it among those that suit, cyclically.

    Args:
        suits: bool `[B, B]`, with a true diagonal.
        places: int32, at least 0.

    Returns:
        int32 `[B]`, a permutation if the rows that suit each other form groups.
    """
    found = tf.cast(suits, tf.int32)
    rank = tf.cumsum(found, axis=1) - 1  # of each column among those that suit the row
    wanted = (tf.linalg.diag_part(rank) - places) % tf.reduce_sum(found, axis=1)
    chosen = tf.cast(rank == wanted[:, None], tf.int32) * found
    return tf.argmax(chosen, axis=1, output_type=tf.int32)
