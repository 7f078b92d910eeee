"""Imports follow the directions that CONTRIBUTING states."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Package -> the packages that it may import.
MAY_IMPORT = {
    "data_prep": set(),
    "models": {"data_prep"},
    "components": {"data_prep", "models"},
    "serving": {"data_prep"},
    "pipeline": {"components", "data_prep", "models", "serving"},
}
FILES = [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]

# Registries name what they import later as "package.module:name".
DOTTED = re.compile(r"([A-Za-z_]\w*(?:\.\w+)*):\w+")


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def imported(nodes: list[ast.AST]) -> Iterator[str]:
    """Yield the dotted names that some syntax nodes import or refer to in strings."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports must be absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            match = DOTTED.fullmatch(node.value)
            if match and match[1].partition(".")[0] in MAY_IMPORT:
                yield match[1]


def all_imports(path: Path) -> set[str]:
    """Return all that a file imports, also inside functions and by name in strings."""
    return set(imported(list(ast.walk(ast.parse(path.read_text())))))


def imports_at_load(path: Path) -> set[str]:
    """Return the modules of this project that are imported when a file is loaded."""
    names = set(imported(ast.parse(path.read_text()).body))
    return {own for own in map(own_module, names) if own}


def own_module(name: str) -> str | None:
    """Return the module of this project that a dotted name belongs to."""
    while name:
        if name in MODULES:
            return name
        name = name.rpartition(".")[0]
    return None


def top(name: str) -> str:
    return name.partition(".")[0]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_between_packages_point_one_way(package):
    allowed = MAY_IMPORT[package] | {package}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in FILES
        if path.relative_to(ROOT).parts[0] == package
        for name in sorted(all_imports(path))
        if top(name) in MAY_IMPORT and top(name) not in allowed
    ]
    assert wrong == []


def test_the_directions_have_no_cycle():
    TopologicalSorter(MAY_IMPORT).prepare()


def test_modules_do_not_import_each_other_in_a_circle():
    graph = {module: imports_at_load(path) - {module} for module, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_names_in_strings_are_modules_of_this_project():
    for path in FILES:
        for name in all_imports(path):
            if top(name) in MAY_IMPORT:
                assert own_module(name), f"{path}: {name}"


def test_networks_and_losses_use_keras_alone():
    allowed = {"keras", "numpy", *MAY_IMPORT, *sys.stdlib_module_names}
    for path in FILES:
        if path.relative_to(ROOT).parts[:2] in (("models", "networks"), ("models", "losses")):
            others = {top(name) for name in all_imports(path)} - allowed
            assert not others, f"{path.relative_to(ROOT)} imports {others}"


def test_every_required_package_is_imported():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = {re.match(r"[\w-]+", text)[0].lower() for text in project["dependencies"]}
    names = {top(name) for path in FILES for name in all_imports(path)}
    providers = packages_distributions()
    found = {
        distribution.lower().replace("_", "-")
        for name in names - MAY_IMPORT.keys()
        for distribution in providers.get(name, ())
    }
    # tfx_bsl imports dill without requiring it.
    assert required - found <= {"dill"}
