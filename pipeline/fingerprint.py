"""Digests of this project's own code, which TFX's cache does not look at."""

import ast
import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

_ROOT = Path(__file__).parent.parent
# In an image the root is site-packages, whose other packages are not ours.
_PACKAGES = ("components", "data_prep", "models", "pipeline", "serving")
_DOTTED = re.compile(r"^([a-z_]\w*(?:\.\w+)+):\w+$")


def source_digest(*modules: str, root: Path = _ROOT) -> str:
    """Return a digest of everything in this project that some modules run.

    It covers the transitive closure of their imports (see `closure`) and the files beside them
    that are not Python, such as templates.

    Args:
        modules: dotted names, for example `components.mixture_gen.executor`.
        root: folder that holds the project's packages.

    Returns:
        16 hexadecimal digits.

    Raises:
        ValueError: one of the modules does not exist.
    """
    digest = hashlib.sha256()
    for file in _files(closure(*modules, root=root)):
        digest.update(f"{file.relative_to(root).as_posix()}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def closure(*modules: str, root: Path = _ROOT) -> dict[str, Path]:
    """Find the modules of this project that some modules import, directly or not.

    Imports inside functions count, and so do texts such as `"models.networks.c2:c2"`, by which
    registries name what they import later.

    Args:
        modules: dotted names.
        root: folder that holds the project's packages.

    Returns:
        Module to its file, the given modules and the packages around them included, sorted.

    Raises:
        ValueError: one of the modules does not exist.
    """
    for module in modules:
        if _find(module, root) is None:
            raise ValueError(f"module: must be one of this project, got {module!r}")
    found: dict[str, Path] = {}
    waiting = [parent for module in modules for parent in _with_parents(module)]
    while waiting:
        name = waiting.pop()
        file = _find(name, root)
        if file is None or name in found:
            continue
        found[name] = file
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        for reference in _references(file.read_bytes(), package):
            waiting += _with_parents(reference)
    return dict(sorted(found.items()))


def _with_parents(name: str) -> list[str]:
    """Return a dotted name and the packages around it, whose `__init__.py` runs too."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _find(name: str, root: Path) -> Path | None:
    """Return the file of a module of this project, or None if the name is no such module."""
    path = root.joinpath(*name.split("."))
    if name.partition(".")[0] not in _PACKAGES:
        return None
    candidates = (path / "__init__.py", path.with_name(f"{path.name}.py"))
    return next((file for file in candidates if file.is_file()), None)


@lru_cache(maxsize=1024)
def _references(source: bytes, package: str) -> frozenset[str]:
    """Return all dotted names that may be modules that a source file imports.

    Args:
        source: the file's content.
        package: the package that relative imports start from.
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) + 1 - node.level]
            base = ".".join([*(parents if node.level else ()), *filter(None, [node.module])])
            # What is imported from a package may be a module of it.
            names.update(f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.update(_DOTTED.findall(node.value))
    return frozenset(names)


def _files(modules: dict[str, Path]) -> Iterator[Path]:
    """Yield the modules' files, and of each package the files that are not Python."""
    for file in modules.values():
        yield file
        if file.name == "__init__.py":
            yield from _data_files(file.parent)


def _data_files(folder: Path) -> Iterator[Path]:
    """Yield a package's files that are not Python, those of plain folders in it included."""
    for path in sorted(folder.iterdir()):
        hidden = path.name.startswith((".", "__pycache__"))
        if path.is_dir() and not hidden and not (path / "__init__.py").is_file():
            yield from _data_files(path)
        elif path.is_file() and not hidden and path.suffix not in (".py", ".pyc"):
            yield path
