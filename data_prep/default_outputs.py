"""The outputs of an exported separator that its clients request by default.

The exported model is warmed up with the very same request, because TensorFlow prepares the graph
again for every new set of outputs.
"""

from collections.abc import Iterable

# Layers, coefficients and masks are many times their size.
_NAMES = ("outputs", "scores", "chosen")


def default_outputs(names: Iterable[str]) -> list[str]:
    """Return the outputs to request, in the order of the request.

    Args:
        names: the outputs of the model.

    Example:
        >>> default_outputs({"chosen", "layers", "masks", "outputs"})
        ['outputs', 'chosen']
    """
    known = set(names)
    return [name for name in _NAMES if name in known]
