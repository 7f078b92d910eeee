"""Digests of the code and packages behind a stage, which TFX's cache does not look at."""

import ast
import hashlib
import importlib.util
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from models.systems import System
from pipeline.package_versions import package_versions

_ROOT = Path(__file__).parent.parent
# In an image the root is site-packages, whose other packages are not ours.
_PACKAGES = ("components", "data_prep", "models", "pipeline", "serving")


def code_digest(*modules: str, packages: Sequence[str] = ()) -> str:
    """Return a digest of everything that some modules run, the packages they import included.

    It is what a cache has to compare: `source_digest` and `package_digest` in one.

    Args:
        modules: see `source_digest`.
        packages: top-level modules of further packages whose versions count.

    Returns:
        16 hexadecimal digits.

    Raises:
        ValueError: one of the modules does not exist.
    """
    both = source_digest(*modules) + package_digest(*modules, packages=packages)
    return hashlib.sha256(both.encode()).hexdigest()[:16]


def package_digest(*modules: str, packages: Sequence[str] = (), root: Path = _ROOT) -> str:
    """Return a digest of the versions of the packages that decide what some modules compute.

    Args:
        modules: see `source_digest`.
        packages: top-level modules of further packages.
        root: likewise.

    Returns:
        16 hexadecimal digits.

    Raises:
        ValueError: one of the modules does not exist.
    """
    sources = [file.read_bytes() for file in closure(*modules, root=root).values()]
    imported = [name for source in sources for name in _references(source, "")]
    found = package_versions([*imported, *packages])
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16]


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
    for name, file in _files(closure(*modules, root=root)):
        digest.update(f"{name}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def training_modules(system: System) -> tuple[str, ...]:
    """Return the modules whose closure trains a system, and not the networks of other systems.

    The system may be registered by another package.
    """
    named = (system.builder, system.task.model_class)
    return (
        "components.training.run_fn",
        *(code.partition(":")[0] for code in named),
        type(system.control).__module__,
    )


def closure(*modules: str, root: Path = _ROOT) -> dict[str, Path]:
    """Find the modules of this project that some modules import, directly or not.

    Imports inside functions count. Texts such as `"models.networks.c2:c2"`, by which registries
    name what they import later, do not: every user of a registry would depend on all its entries.
    Give the entries that are used as modules; see `training_modules`.

    A given module may belong to another package, for example one that registers a system of its
    own; that package is then followed too.

    Args:
        modules: dotted names.
        root: folder that holds the project's packages.

    Returns:
        Module to its file, the given modules and the packages around them included, sorted.

    Raises:
        ValueError: one of the modules does not exist.
    """
    tops = {module.partition(".")[0] for module in modules} - set(_PACKAGES)
    roots = dict.fromkeys(_PACKAGES, root) | {top: _folder_of(top) for top in tops}
    for module in modules:
        if _find(module, roots) is None:
            raise ValueError(f"module: must exist, got {module!r}")
    found: dict[str, Path] = {}
    waiting = [parent for module in modules for parent in _with_parents(module)]
    while waiting:
        name = waiting.pop()
        file = _find(name, roots)
        if file is None or name in found:
            continue
        found[name] = file
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        for reference in _references(file.read_bytes(), package):
            waiting += _with_parents(reference)
    return dict(sorted(found.items()))


def _folder_of(top: str) -> Path:
    """Return the folder that holds another package or module."""
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None:
        raise ValueError(f"module: must exist, got {top!r}")
    file = Path(spec.origin)
    return file.parent.parent if file.name == "__init__.py" else file.parent


def _with_parents(name: str) -> list[str]:
    """Return a dotted name and the packages around it, whose `__init__.py` runs too."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _find(name: str, roots: Mapping[str, Path]) -> Path | None:
    """Return the file of a module that is followed, or None if the name is no such module."""
    root = roots.get(name.partition(".")[0])
    if root is None:
        return None
    path = root.joinpath(*name.split("."))
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
    return frozenset(names)


def _files(modules: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """Yield the modules' files by name, and of each package the files that are not Python."""
    for name, file in modules.items():
        yield name, file
        if file.name == "__init__.py":
            for path in _data_files(file.parent):
                yield f"{name}/{path.relative_to(file.parent).as_posix()}", path


def _data_files(folder: Path) -> Iterator[Path]:
    """Yield a package's files that are not Python, those of plain folders in it included."""
    for path in sorted(folder.iterdir()):
        hidden = path.name.startswith((".", "__pycache__"))
        if path.is_dir() and not hidden and not (path / "__init__.py").is_file():
            yield from _data_files(path)
        elif path.is_file() and not hidden and path.suffix not in (".py", ".pyc"):
            yield path
