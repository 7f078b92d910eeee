"""What a precision needs of TensorFlow before it is loaded."""

import os


def prepare(precision: str) -> None:
    """Set the environment for a precision; call it before TensorFlow is imported.

    oneDNN's bfloat16 gradients of small 3-D convolutions on a CPU are now and then far off:
    bfloat16 goes without it.

    Args:
        precision: Keras's dtype policy.
    """
    if precision == "mixed_bfloat16":
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
