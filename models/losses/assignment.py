"""The papers' losses: reconstruction, permutation invariance, deterministic control, scores.

Videos hold values in [-1, 1]. With this range, the mean over frames, pixels and channels, and the
mean of the two gradient directions, the Identity baseline scores the published 0.36 on natural
video; another range or a sum would not compare with the published tables.

Each loss is a Keras layer without weights: truths and outputs in, one scalar an example out.
Training, the `evaluate` signature and the tests read these same definitions.
"""

import keras
from keras import ops

from models import PACKAGE
from models.fused import fused


def reconstruction(truth, outputs):
    """The papers' l(U, V) between one truth and each output.

    `l(U, V) = 1/(2T) sum_t (|U_t - V_t|_1 + |grad U_t - grad V_t|_1)`, norms as means, the
    gradient by forward differences, its two directions averaged.

    Args:
        truth: video `[B, T, H, W, 3]`.
        outputs: videos `[B, n, T, H, W, 3]`.

    Returns:
        Losses `[B, n]`, in float32 whatever the precision of the inputs.
    """
    batch, n, *video = _static_or_dynamic_shape(outputs)
    truth = ops.expand_dims(ops.cast(truth, "float32"), 1)
    # The gradient is linear: grad U - grad V = grad (U - V).
    error = ops.cast(outputs, "float32") - truth
    # Frames are independent here, and fewer axes make faster kernels.
    error = ops.reshape(error, (-1, *video[1:]))
    per_frame = (
        _mean_abs(error)
        + 0.5 * _mean_abs(error[:, 1:] - error[:, :-1])
        + 0.5 * _mean_abs(error[:, :, 1:] - error[:, :, :-1])
    )
    return 0.5 * ops.mean(ops.reshape(per_frame, (batch, n, video[0])), axis=-1)


fused_reconstruction = fused(reconstruction)


def _mean_abs(x):
    return ops.mean(ops.abs(x), axis=(1, 2, 3))


def _static_or_dynamic_shape(x):
    return [d if d is not None else ops.shape(x)[i] for i, d in enumerate(x.shape)]


class _Loss(keras.layers.Layer):
    """A loss without weights, in float32 whatever the dtype policy."""

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)


def _pair_losses(to_v1, to_v2):
    """Return `l(V1, O_i) + l(V2, O_j)` at `n * i + j`, `[B, n * n]`, out of reach where i = j."""
    n = to_v1.shape[-1]
    pairs = ops.expand_dims(to_v1, 2) + ops.expand_dims(to_v2, 1)
    # A finite bar, since infinity times zero is not a number.
    return ops.reshape(pairs + 1e6 * ops.eye(n, dtype=pairs.dtype), (-1, n * n))


@keras.saving.register_keras_serializable(PACKAGE)
class PermutationInvariantLoss(_Loss):
    """`L_pil({V1, V2}, O) = min over i != j of l(V1, O_i) + l(V2, O_j)`.

    Call with the distances `l(V1, O)` and `l(V2, O)`, each `[B, n]`; returns `[B]`.
    """

    def call(self, to_v1, to_v2):
        """Return the best assignment's loss, `[B]`."""
        return ops.min(_pair_losses(to_v1, to_v2), axis=-1)

    def assign(self, to_v1, to_v2):
        """Return the outputs that stand for V1 and for V2, int32 `[B]` each."""
        best = ops.argmin(_pair_losses(to_v1, to_v2), axis=-1)
        n = to_v1.shape[-1]
        return ops.cast(best // n, "int32"), ops.cast(best % n, "int32")


@keras.saving.register_keras_serializable(PACKAGE)
class DeterministicControlLoss(_Loss):
    """`L_det({V1, V2}, O) = l(V1, O_1) + l(V2, O_2)`: the wanted video comes out in slot 1.

    Call with the distances `l(V1, O)` and `l(V2, O)`, each `[B, n]`; returns `[B]`.
    """

    def call(self, to_v1, to_v2):
        """Return the loss of the fixed assignment, `[B]`."""
        return to_v1[:, 0] + to_v2[:, 1]

    def assign(self, to_v1, to_v2):
        """Return the outputs that stand for V1 and for V2, int32 `[B]` each."""
        first = ops.zeros_like(to_v1[:, 0], dtype="int32")
        return first, first + 1


@keras.saving.register_keras_serializable(PACKAGE)
class InternalPredictionLoss(_Loss):
    """`L_reg(V1, s) = sum_i |s_i - l(V1, sg(O_i))|`: the scores regress each output's distance.

    Call with the scores `s` and the distances `l(V1, O)`, each `[B, n]`; returns `[B]`. The
    stop-gradient keeps this loss from moving the outputs.
    """

    def call(self, scores, to_v1):
        """Return the summed absolute error of the scores, `[B]`."""
        error = ops.cast(scores, "float32") - ops.stop_gradient(to_v1)
        return ops.sum(ops.abs(error), axis=-1)
