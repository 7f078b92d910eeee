"""The Muon optimizer for convolutions: momentum that is orthogonalized before it is applied."""

import re
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from models import PACKAGE
from models.typing import Tensor

PREDICTING_LAYERS = (
    "predict/",  # masks, maps of colors, and the compositional head's layers and coefficients
    "rgb/",  # a Centrifuge's outputs
    "scores/head/dense",
    "logits/",
)
"""Patterns of the paths of layers that predict something; AdamW updates their kernels."""

TRANSPOSED_LAYERS = ("_up/",)
"""Patterns of the paths of transposed convolutions, whose kernels are `[..., outputs, inputs]`."""


@keras.saving.register_keras_serializable(PACKAGE)
class KernelMuon(keras.optimizers.Muon):
    """Keras's Muon, extended from matrices to the kernels of convolutions.

    Muon (Jordan et al., 2024) replaces the momentum of a matrix, `M = U S V^T`, by nearly `U V^T`,
    so that all directions move alike. How nearly depends on `ns_steps`. Each iteration multiplies a
    singular value that is a small share of the Frobenius norm by about 3.44, until it is near 1:
    after three, shares of at least 0.02 are between 0.68 and 1.2, and smaller directions move less.
    The scale, `0.2 sqrt(larger side)`, gives the update the size of Adam's (Liu et al., 2025,
    equation 4), so both parts share one learning rate.

    A kernel counts as a matrix with a row per input and tap and a column per output. AdamW, within
    the same optimizer, updates a variable if it has fewer than two axes, which are biases and the
    scales of normalizations, or if its path matches one of `exclude_layers`.

    Args:
        learning_rate: a number or a schedule.
        exclude_layers: regular expressions, searched in the paths of variables.
        transposed_layers: likewise, of transposed convolutions.
        ns_steps: Newton-Schulz iterations, from 1 to 5. Rounding errors grow with every one.
        weight_decay: of orthogonalized kernels.
        adam_weight_decay: of the other variables.
        **kwargs: as for `keras.optimizers.Muon`.

    Raises:
        ValueError: `ns_steps` is out of range.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 3e-3,
        *,
        exclude_layers: Sequence[str] = PREDICTING_LAYERS,
        transposed_layers: Sequence[str] = TRANSPOSED_LAYERS,
        ns_steps: int = 3,
        weight_decay: float | None = None,
        adam_weight_decay: float | None = None,
        **kwargs: Any,
    ) -> None:
        if not 1 <= ns_steps <= 5:
            raise ValueError(f"ns_steps: must be from 1 to 5, got {ns_steps}")
        super().__init__(
            learning_rate,
            exclude_layers=list(exclude_layers),
            ns_steps=ns_steps,
            weight_decay=weight_decay,
            adam_weight_decay=adam_weight_decay,
            **kwargs,
        )
        self.transposed_layers = list(transposed_layers)

    def zeropower_via_newtonschulz5(self, x: Tensor, steps: int) -> Tensor:
        """Return nearly `U V^T` of a matrix `U S V^T`, float32 `[rows, columns]`.

        The Newton-Schulz iteration `X <- X (aI + bG + cG^2)`, with the Gram matrix `G = X^T X`,
        starts at `X / |X|_F`. All its factors are polynomials of the first `G`, so `G` and their
        product are iterated on the smaller side, and meet the long matrix twice in all. Unlike `X`,
        `G` keeps the rounding errors of every step; after five steps they reach 1e-4, after ten
        they have no bound.
        """
        a, b, c = self.muon_a, self.muon_b, self.muon_c
        x = ops.cast(x, "float32")
        x = x / (ops.norm(x) + 1e-7)
        is_tall = x.shape[0] > x.shape[1]
        gram = ops.matmul(ops.transpose(x), x) if is_tall else ops.matmul(x, ops.transpose(x))
        identity = ops.eye(gram.shape[0], dtype="float32")
        product = identity
        for _ in range(steps):
            factor = a * identity + b * gram + c * ops.matmul(gram, gram)
            product = ops.matmul(product, factor)
            gram = ops.matmul(ops.matmul(gram, factor), factor)
        return ops.matmul(x, product) if is_tall else ops.matmul(product, x)

    def _should_use_adamw(self, variable: Any) -> bool:
        return len(variable.shape) < 2 or _matches(variable, self.exclude_layers)

    def _muon_update_step(self, gradient: Tensor, variable: Any, lr: Tensor, m: Any) -> None:
        self.assign(m, self.momentum * m + ops.cast(gradient, m.dtype))
        moved = self.momentum * m + gradient if self.nesterov else ops.convert_to_tensor(m)
        # TensorFlow passes its own variable, which has no path.
        known = self._trainable_variables[self._get_variable_index(variable)]
        is_transposed = _matches(known, self.transposed_layers)
        if is_transposed:
            moved = ops.swapaxes(moved, -1, -2)
        matrix = ops.reshape(moved, (-1, moved.shape[-1]))
        update = self.lr_adjust(self.zeropower_via_newtonschulz5(matrix, self.ns_steps))
        update = ops.reshape(lr * update, moved.shape)
        self.assign_sub(variable, ops.swapaxes(update, -1, -2) if is_transposed else update)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "transposed_layers": self.transposed_layers}


def _matches(variable: Any, patterns: Sequence[str]) -> bool:
    return any(re.search(pattern, variable.path) for pattern in patterns)
