"""From a batch of records to losses: what training, the `evaluate` signature and the tests read."""

import keras
from keras import ops

from data_prep.mixing.compose import compose
from models.losses.assignment import (
    DeterministicControlLoss,
    InternalPredictionLoss,
    PermutationInvariantLoss,
    fused_reconstruction,
    reconstruction,
)
from models.quality import psnr, ssim
from models.scalars import SEPARATION_SCALARS
from models.systems import System


def from_uint8(video):
    """Turn colours in 0..255 into the networks' values in [-1, 1]."""
    return ops.cast(video, "float32") / 127.5 - 1.0


def to_uint8(video):
    """Turn values in [-1, 1] into colours in 0..255, rounded."""
    return ops.cast(ops.round(ops.clip((video + 1.0) * 127.5, 0.0, 255.0)), "uint8")


class Separator(keras.Model):
    """A separator's network with its losses.

    Args:
        network: the system's model: `video` (and `sound`) to `outputs` (and `scores`).
        system: the system, which says how it is controlled.

    A call on a batch of records (`v1`, `v2`: uint8 `[B, T, H, W, 3]`; `alpha`: float32
    `[B, T, H, W, 1]`; `sound1`: float32 `[B, S]`) returns the network's predictions, with
    `mixture` in [-1, 1] beside them.
    """

    inputs_read = ("v1", "v2", "alpha", "sound1")
    reported = ("objective", "loss", "score_error", "control_accuracy")
    replicas = 1
    scalars = SEPARATION_SCALARS

    def __init__(self, network: keras.Model, system: System, **kwargs):
        # Pixels, truths and distances stay float32 whatever the policy; the network casts its own.
        super().__init__(autocast=False, **kwargs)
        self.built = True  # the network is
        self.network = network
        self.system = system
        deterministic = system.control == "deterministic"
        self.assigned = DeterministicControlLoss() if deterministic else PermutationInvariantLoss()
        self.regression = InternalPredictionLoss()
        self.trackers = {name: keras.metrics.Mean(name=name) for name in self.reported}

    def call(self, batch, training=False):
        """Mix and separate."""
        v1, v2 = from_uint8(batch["v1"]), from_uint8(batch["v2"])
        mixture = compose(v1, v2, batch["alpha"])
        inputs = {"video": mixture}
        if self.system.hears:
            inputs["sound"] = batch["sound1"]
        return {**self.network(inputs, training=training), "mixture": mixture}

    def measure(self, batch, predictions, training=False):
        """Compute every scalar of an example, each float32 `[B]`.

        Returns:
            `loss`: the reconstruction loss by the system's assignment (`L_pil` or `L_det`);
            `score_error`: `L_reg`, 0 without scores;
            `control_accuracy`: 1 where the chosen output is nearer to V1 than to V2, else 0;
            `objective`: what training minimises;
            except in training, `psnr` and `ssim`: the means over V1 and V2, each against the
            output that the assignment takes for it.
        """
        v1, v2 = from_uint8(batch["v1"]), from_uint8(batch["v2"])
        distance = fused_reconstruction if training else reconstruction
        to_v1 = distance(v1, predictions["outputs"])
        to_v2 = distance(v2, predictions["outputs"])
        loss = self.assigned(to_v1, to_v2)
        score_error = ops.zeros_like(loss)
        if self.system.control == "internal":
            score_error = self.regression(predictions["scores"], to_v1)
        slot = ops.one_hot(choose(predictions), to_v1.shape[-1])
        nearer = ops.sum(slot * (to_v2 - to_v1), axis=-1) > 0
        scalars = {
            "loss": loss,
            "score_error": score_error,
            "control_accuracy": ops.cast(nearer, "float32"),
            "objective": loss + score_error,
        }
        if not training:
            slots = self.assigned.assign(to_v1, to_v2)
            pairs = [
                (truth, _take(predictions["outputs"], slot))
                for truth, slot in zip((v1, v2), slots, strict=True)
            ]
            for name, quality in (("psnr", psnr), ("ssim", ssim)):
                scalars[name] = 0.5 * sum(quality(truth, output) for truth, output in pairs)
        return scalars

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the mean objective, and keep the means of what is reported.

        Of several replicas each returns its share: their gradients are summed.
        """
        scalars = self.measure(x, y_pred, training)
        for name, tracker in self.trackers.items():
            tracker.update_state(scalars[name])
        return ops.mean(scalars["objective"]) / self.replicas

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Return the running means of the reported scalars."""
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def evaluate_batch(self, batch) -> dict:
        """Compute the scalars of each example that analysis reads, float32 `[B]`.

        Returns:
            `loss`, `psnr`, `ssim`, `score_error` and `control_accuracy` of `measure`, and
            `identity_loss`, the loss of the Identity baseline on the same mixture.
        """
        scalars = self.measure(batch, self(batch, training=False))
        scalars["identity_loss"] = identity_loss(batch)
        return {name: scalars[name] for name in self.scalars}


def _take(outputs, slots):
    """Return one output of each example: `[B, n, ...]` by `[B]` to `[B, ...]`."""
    slots = ops.reshape(slots, (-1, *[1] * (len(outputs.shape) - 1)))
    return ops.squeeze(ops.take_along_axis(outputs, slots, axis=1), axis=1)


def choose(predictions):
    """Return the chosen output of each example, int32 `[B]`.

    The smallest score where there are scores, else the first slot: which deterministic control
    trains to be the wanted one, and which is a coin flip without control.
    """
    outputs = predictions["outputs"]
    if "scores" in predictions:
        return ops.cast(ops.argmin(predictions["scores"], axis=-1), "int32")
    return ops.zeros(ops.shape(outputs)[:1], dtype="int32")


def identity_loss(batch):
    """Return the loss of the Identity baseline, `l(V1, V) + l(V2, V)`, float32 `[B]`."""
    v1, v2 = from_uint8(batch["v1"]), from_uint8(batch["v2"])
    mixture = ops.expand_dims(compose(v1, v2, batch["alpha"]), 1)
    return (reconstruction(v1, mixture) + reconstruction(v2, mixture))[:, 0]
