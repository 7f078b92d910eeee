"""The action classifier of the downstream task: what it is trained on, and what is measured."""

import math

import keras
from keras import ops

from data_prep.mixing.compose import compose
from models.networks.i3d import cross_entropy
from models.scalars import CLASSIFICATION_SCALARS
from models.tasks.separation import from_uint8


class Classifier(keras.Model):
    """I3D with its loss: trained on single videos, measured on mixtures of them too.

    Args:
        network: `video` `[B, T, H, W, 3]` in [-1, 1] to `logits` `[B, K]`.
        labels: the classes' names, in the logits' order.

    A call on a batch of records (`v1`, `v2`: uint8 `[B, T, H, W, 3]`; `alpha`) returns the
    `logits` of V1 alone.
    """

    inputs_read = ("v1", "v2", "alpha", "v1_class")
    reported = ("objective", "accuracy")
    replicas = 1
    scalars = CLASSIFICATION_SCALARS

    def __init__(self, network: keras.Model, labels: list[str], **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.built = True
        self.network = network
        self.labels = list(labels)
        self.trackers = {name: keras.metrics.Mean(name=name) for name in self.reported}

    def call(self, batch, training=False):
        """Classify V1."""
        return self.network({"video": from_uint8(batch["v1"])}, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the mean cross-entropy, and keep the means of what is reported.

        Of several replicas each returns its share: their gradients are summed.
        """
        losses = cross_entropy(x["v1_class"], y_pred["logits"])
        self.trackers["objective"].update_state(losses)
        self.trackers["accuracy"].update_state(_right(x["v1_class"], y_pred["logits"]))
        return ops.mean(losses) / self.replicas

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Return the running means of the reported scalars."""
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def evaluate_batch(self, batch) -> dict:
        """Compute the scalars of each example that analysis reads, float32 `[B]`.

        Returns:
            `cross_entropy` and `accuracy` on V1 alone; `mixed_accuracy` of V1's class on the
            mixture. A class that is not among the labels cannot be named rightly, and has the
            cross-entropy of a guess.
        """
        logits = self(batch, training=False)["logits"]
        mixture = compose(from_uint8(batch["v1"]), from_uint8(batch["v2"]), batch["alpha"])
        mixed = self.network({"video": mixture}, training=False)["logits"]
        return {
            "cross_entropy": ops.where(
                ops.greater_equal(batch["v1_class"], 0),
                cross_entropy(batch["v1_class"], logits),
                math.log(len(self.labels)),
            ),
            "accuracy": _right(batch["v1_class"], logits),
            "mixed_accuracy": _right(batch["v1_class"], mixed),
        }


def _right(classes, logits):
    guess = ops.argmax(logits, axis=-1)
    return ops.cast(ops.equal(ops.cast(guess, "int32"), ops.cast(classes, "int32")), "float32")
