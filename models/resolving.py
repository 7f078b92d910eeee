"""Names of code, such as `models.networks.c2:c2`, resolved when the code is needed."""

import importlib
from typing import Any


def resolve(name: str) -> Any:
    """Import a class or function.

    A registry that names its code as text loads neither Keras nor TensorFlow.

    Args:
        name: `package.module:attribute`.

    Raises:
        ValueError: the name has another form.
        ImportError: the module or its attribute does not exist.
    """
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise ValueError(f"name of code: must be package.module:attribute, got {name!r}")
    try:
        return getattr(importlib.import_module(module), attribute)
    except AttributeError as error:
        raise ImportError(f"{module} has no attribute {attribute!r}") from error
