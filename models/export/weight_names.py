"""Names of weights that are the same in every process."""

import re
from collections.abc import Iterable

import keras


def stable_names(paths: Iterable[str]) -> dict[str, str]:
    """Return the Keras path of each weight -> its stable name.

    A layer without a name is numbered by Keras over all networks of a process, such as `conv3d_7`.
    Its stable name counts the layers of its class in its parent instead.

    Args:
        paths: all paths of a network's weights, such as `scores/encoder/conv3d_7/kernel`.

    Example:
        >>> list(stable_names(["head/dense_4/kernel", "head/dense_9/kernel"]).values())
        ['head/dense_0/kernel', 'head/dense_1/kernel']
    """
    found: dict[tuple[str, str], set[int]] = {}
    parts = {path: path.split("/") for path in paths}
    for names in parts.values():
        for depth, name in enumerate(names):
            if match := _AUTOMATIC.fullmatch(name):
                siblings = found.setdefault(("/".join(names[:depth]), match[1]), set())
                siblings.add(_number(match))
    order = {key: sorted(numbers) for key, numbers in found.items()}

    def stable(names: list[str], depth: int) -> str:
        match = _AUTOMATIC.fullmatch(names[depth])
        if match is None:
            return names[depth]
        numbers = order["/".join(names[:depth]), match[1]]
        return f"{match[1]}_{numbers.index(_number(match))}"

    return {
        path: "/".join(stable(names, depth) for depth in range(len(names)))
        for path, names in parts.items()
    }


def _number(match: re.Match[str]) -> int:
    return int(match[2] or 0)


def _snake_case(name: str) -> str:
    """Return the name that Keras gives to a layer of a class."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


_CLASSES = [
    "Functional",
    "Sequential",
    *(name for name, found in vars(keras.layers).items() if isinstance(found, type)),
]
_AUTOMATIC = re.compile(rf"({'|'.join(map(_snake_case, _CLASSES))})(?:_(\d+))?")
