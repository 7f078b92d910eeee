"""What differs between the stacks, the sets of packages that the locks pin."""

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

from data_prep.errors import UserError
from data_prep.notices import without_notices
from data_prep.storage.uris import is_local, split_scheme

_LAST_WITH_FILE_SYSTEMS = 2, 16
"""Version of TensorFlow that the compiled part of tensorflow-io is built for."""
_SCHEMES = ("gs",)
"""Remote stores that TensorFlow itself reads and writes."""


def check_tensorflow_store(key: str, uri: str) -> None:
    """Check that TensorFlow, and so TFX, can read and write a store.

    tensorflow-io adds stores such as S3 to one version of TensorFlow alone.

    Args:
        key: what is to be read or written, for the message.
        uri: its place.

    Raises:
        UserError: TensorFlow lacks the store.
    """
    if is_local(uri) or _tensorflow() <= _LAST_WITH_FILE_SYSTEMS:
        return
    scheme, _ = split_scheme(uri)
    if scheme not in _SCHEMES:
        found = ".".join(map(str, _tensorflow()))
        raise UserError(
            f"{key}: must begin with gs:// with TensorFlow {found}, which knows no {scheme}://; "
            f"the stack of TFX 1.16 does (make setup STACK=1.16), got {uri}"
        )


def silence_import() -> None:
    """Let TensorFlow print no notices while it is imported.

    Versions after 2.16 print some before they heed `TF_CPP_MIN_LOG_LEVEL`.
    """
    if "tensorflow" in sys.modules or _tensorflow() <= _LAST_WITH_FILE_SYSTEMS:
        return
    if not any(isinstance(finder, _SilentFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _SilentFinder())


class _SilentFinder(MetaPathFinder):
    """Finds TensorFlow as the other finders do, to be imported in silence."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "tensorflow":
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = filter(None, (finder.find_spec(name, path, target) for finder in others))
        spec = next(found, None)
        if spec is not None and spec.loader is not None:
            silent = _silent(spec.loader.exec_module)
            spec.loader.exec_module = silent  # type: ignore[assignment, method-assign]
        return spec


def _silent(execute: Callable[[ModuleType], Any]) -> Callable[[ModuleType], None]:
    """Return a function that executes a module without its notices."""

    def execute_silently(module: ModuleType) -> None:
        with without_notices():
            execute(module)

    return execute_silently


def _tensorflow() -> tuple[int, int]:
    """Return TensorFlow's major and minor version, zeros if it is not installed."""
    try:
        major, minor, *_ = version("tensorflow").split(".")
    except PackageNotFoundError:
        return 0, 0
    return int(major), int(minor)
