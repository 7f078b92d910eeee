"""Action classifier: trained on single videos, also measured on mixtures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from keras import ops

from data_prep.mixing.compose import compose
from models.networks.i3d import cross_entropy
from models.pixels import from_uint8
from models.tasks.trainable import Batch, InputSpecs, TrainableModel
from models.typing import Tensor

if TYPE_CHECKING:
    from data_prep.config import ClipConfig


class Classifier(TrainableModel):
    """An action classifier's network with its loss.

    A call takes a prepared batch: `v1`, `v2` uint8 `[B, T, H, W, 3]`, `alpha` float32
    `[B, T, H, W, 1]` in [0, 1], `v1_class` int32 `[B]`. It returns the `logits` of V1 alone.

    Args:
        network: from `video` `[B, T, H, W, 3]` in [-1, 1] to `logits` `[B, K]`.
        system: the system.
        preset: the network's size.
        labels: names of the classes, in the order of the logits.
    """

    reported = ("objective", "accuracy")

    @property
    def inputs_read(self) -> tuple[str, ...]:
        """The features of a prepared batch that the model reads."""
        return ("v1", "v2", "alpha", "v1_class")

    def prepare(self, batch: Batch) -> dict[str, Tensor]:
        """Add `v1_class`, int32 `[B]`: the index of V1's label, -1 if it is unknown."""
        import tensorflow as tf

        same = batch["v1_label"][:, None] == tf.constant(list(self.labels))[None]
        index = tf.argmax(same, axis=1, output_type=tf.int32)
        return {**batch, "v1_class": tf.where(tf.reduce_any(same, axis=1), index, -1)}

    def call(self, batch: Batch, training: bool = False) -> dict[str, Tensor]:
        """Classify V1."""
        return self.network({"video": from_uint8(batch["v1"])}, training=training)

    def measure(
        self, batch: Batch, predictions: dict[str, Tensor], training: bool = False
    ) -> dict[str, Tensor]:
        """Compute `objective`, the cross-entropy, and `accuracy`, 0 or 1; float32 `[B]`."""
        return {
            "objective": cross_entropy(batch["v1_class"], predictions["logits"]),
            "accuracy": _is_right(batch["v1_class"], predictions["logits"]),
        }

    def evaluate_batch(self, batch: Batch, predictions: dict[str, Tensor]) -> dict[str, Tensor]:
        """Compute the scalars that the `evaluate` signature returns, float32 `[B]` each.

        Args:
            batch: a prepared batch.
            predictions: what a call on it returned.

        Returns:
            `cross_entropy` and `accuracy` on V1 alone; `mixed_accuracy` of V1's class on the
            mixture. An unknown class counts as wrong, with the cross-entropy of a guess.
        """
        scalars = self.measure(batch, predictions)
        mixture = compose(from_uint8(batch["v1"]), from_uint8(batch["v2"]), batch["alpha"])
        mixed = self.network({"video": mixture}, training=False)["logits"]
        known = ops.greater_equal(batch["v1_class"], 0)
        return {
            "cross_entropy": ops.where(known, scalars["objective"], math.log(len(self.labels))),
            "accuracy": scalars["accuracy"],
            "mixed_accuracy": _is_right(batch["v1_class"], mixed),
        }

    def serving_inputs(self, clip: ClipConfig) -> InputSpecs:
        """Return `video`, uint8."""
        return {"video": ((clip.frames, clip.height, clip.width, 3), "uint8")}

    def serve(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Classify uint8 videos.

        Args:
            inputs: `video` uint8 `[B, T, H, W, 3]`.

        Returns:
            `probabilities` float32 `[B, K]`, and `label` string `[B]`, the most probable class.
        """
        import tensorflow as tf

        logits = self.network({"video": from_uint8(inputs["video"])}, training=False)["logits"]
        labels = tf.gather(tf.constant(list(self.labels)), tf.argmax(logits, axis=-1))
        return {"probabilities": tf.nn.softmax(logits), "label": labels}


def _is_right(classes: Tensor, logits: Tensor) -> Tensor:
    guess = ops.argmax(logits, axis=-1)
    return ops.cast(ops.equal(ops.cast(guess, "int32"), ops.cast(classes, "int32")), "float32")
