"""The papers' losses over distances: permutation invariance, deterministic control, scores.

Each loss is a Keras layer without weights that returns one value per example. Training, the
`evaluate` signature and the tests use the same definitions.
"""

from typing import Any

import keras
from keras import ops

from models import PACKAGE
from models.typing import Tensor


class _Loss(keras.layers.Layer):
    """A loss without weights, in float32 under every dtype policy."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)


def _pair_losses(to_v1: Tensor, to_v2: Tensor) -> Tensor:
    """Return `l(V1, O_i) + l(V2, O_j)` at `n * i + j`, `[B, n * n]`, out of reach if i = j."""
    n = to_v1.shape[-1]
    pairs = ops.expand_dims(to_v1, 2) + ops.expand_dims(to_v2, 1)
    # A finite penalty, since infinity times zero is NaN.
    return ops.reshape(pairs + 1e6 * ops.eye(n, dtype=pairs.dtype), (-1, n * n))


@keras.saving.register_keras_serializable(PACKAGE)
class PermutationInvariantLoss(_Loss):
    """`L_pil({V1, V2}, O) = min over i != j of l(V1, O_i) + l(V2, O_j)`.

    Call it with the distances `l(V1, O)` and `l(V2, O)`, each `[B, n]`; it returns `[B]`.
    """

    def call(self, to_v1: Tensor, to_v2: Tensor) -> Tensor:
        """Return the loss of the best assignment, `[B]`."""
        return ops.min(_pair_losses(to_v1, to_v2), axis=-1)

    def assign(self, to_v1: Tensor, to_v2: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs assigned to V1 and to V2, int32 `[B]` each."""
        best = ops.argmin(_pair_losses(to_v1, to_v2), axis=-1)
        n = to_v1.shape[-1]
        return ops.cast(best // n, "int32"), ops.cast(best % n, "int32")


@keras.saving.register_keras_serializable(PACKAGE)
class DeterministicControlLoss(_Loss):
    """`L_det({V1, V2}, O) = l(V1, O_1) + l(V2, O_2)`: the target clip comes out in slot 1.

    Call it with the distances `l(V1, O)` and `l(V2, O)`, each `[B, n]`; it returns `[B]`.
    """

    def call(self, to_v1: Tensor, to_v2: Tensor) -> Tensor:
        """Return the loss of the fixed assignment, `[B]`."""
        return to_v1[:, 0] + to_v2[:, 1]

    def assign(self, to_v1: Tensor, to_v2: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs assigned to V1 and to V2, int32 `[B]` each."""
        first = ops.zeros_like(to_v1[:, 0], dtype="int32")
        return first, first + 1


@keras.saving.register_keras_serializable(PACKAGE)
class InternalPredictionLoss(_Loss):
    """`L_reg(V1, s) = sum_i |s_i - l(V1, sg(O_i))|`: the scores regress each output's distance.

    Call it with the scores `s` and the distances `l(V1, O)`, each `[B, n]`; it returns `[B]`. The
    stop-gradient keeps this loss from moving the outputs.
    """

    def call(self, scores: Tensor, to_v1: Tensor) -> Tensor:
        """Return the summed absolute error of the scores, `[B]`."""
        error = ops.cast(scores, "float32") - ops.stop_gradient(to_v1)
        return ops.sum(ops.abs(error), axis=-1)
