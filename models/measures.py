"""The figures that describe a model: their names, titles and formats.

Kept free of Keras, so that pages and configurations read them without loading it.
"""

import math
from dataclasses import dataclass

_Z_95 = 1.96  # half the width of a normal distribution's 95 % interval, in standard errors


def half_width(variance: float, count: float) -> float:
    """Return half the width of the 95 % interval of a mean over `count` independent examples.

    Args:
        variance: of a single example; below 0, as rounding may leave it, counts as 0.
        count: number of examples.
    """
    return _Z_95 * math.sqrt(max(float(variance), 0.0) / count)


@dataclass(frozen=True)
class Measure:
    """A figure that is measured on every example, or a ratio of two such figures.

    Attributes:
        name: its name in the `evaluate` signature, in TFMA and in stored results.
        title: its name on pages and in tables.
        digits: decimal places; those of the percentage if it is a share.
        is_share: whether it is a share of the examples, in [0, 1].
        ratio_of: names of the two scalars whose means it divides; None if it is itself a scalar.
        chief: whether it leads a summary of the model.
    """

    name: str
    title: str
    digits: int = 3
    is_share: bool = False
    ratio_of: tuple[str, str] | None = None
    chief: bool = False

    def format(self, value: float) -> str:
        """Return the value as text, for example `0.364` or `78 %`."""
        if self.is_share:
            return f"{100 * value:.{self.digits}f} %"
        return f"{value:.{self.digits}f}"


LOSS = Measure("loss", "loss")
IDENTITY_LOSS = Measure("identity_loss", "Identity's loss")
RELATIVE_LOSS = Measure(
    "relative_loss",
    "loss relative to Identity's",
    ratio_of=(LOSS.name, IDENTITY_LOSS.name),
    chief=True,
)
CONTROL_ACCURACY = Measure(
    "control_accuracy", "control accuracy", digits=0, is_share=True, chief=True
)
SCORE_ERROR = Measure("score_error", "score error")
PSNR = Measure("psnr", "PSNR (dB)", digits=1)
SSIM = Measure("ssim", "SSIM", digits=2)
ACCURACY = Measure("accuracy", "accuracy, single videos", digits=0, is_share=True, chief=True)
MIXED_ACCURACY = Measure(
    "mixed_accuracy", "accuracy, mixtures", digits=0, is_share=True, chief=True
)
CROSS_ENTROPY = Measure("cross_entropy", "cross-entropy", digits=2)
ACTION_ACCURACY = Measure("action_accuracy", "action accuracy", digits=0, is_share=True)
"""The accuracy of the action classifier on a separator's outputs."""

MEASURES = {
    measure.name: measure
    for measure in (
        LOSS,
        RELATIVE_LOSS,
        IDENTITY_LOSS,
        CONTROL_ACCURACY,
        SCORE_ERROR,
        PSNR,
        SSIM,
        ACCURACY,
        MIXED_ACCURACY,
        CROSS_ENTROPY,
        ACTION_ACCURACY,
    )
}
"""Every measure by name, in the order of the tables."""
