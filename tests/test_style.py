"""Rules of CONTRIBUTING that can be read off the syntax of the code."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from components.analyses.registry import ANALYSES
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from models.control import CONTROL_MODES, NO_CONTROL
from models.networks.masking import MASKINGS
from models.networks.normalization import NORMALIZATIONS
from models.networks.scores import SCORE_HEADS
from models.systems import SYSTEMS
from models.tasks.registry import TASKS
from models.training.optimizers import OPTIMIZERS, SCHEDULES

ROOT = Path(__file__).parent.parent
PACKAGES = ("data_prep", "models", "components", "pipeline", "serving")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]

# File names whose folder says what they are about; every other name occurs once.
REPEATED_NAMES = {
    "__init__",
    "__main__",
    "artifact",
    "commands",
    "component",
    "config",
    "errors",
    "executor",
    "registry",
    "settings",
}
# Class names that occur twice: a video in a manifest and on a page, and an entry of either.
REPEATED_CLASSES = {"Entry", "Video"}

# Other settings can be "none" too.
KINDS = {*ANALYSES, *CONTROL_MODES, *MIXTURE_TYPES, *SYSTEMS, *TASKS} - {NO_CONTROL.name}
KINDS |= {*MASKINGS, *NORMALIZATIONS, *OPTIMIZERS, *SCHEDULES, *SCORE_HEADS} - {NO_CONTROL.name}


def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


def place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{node.lineno}"


def test_file_names_occur_once():
    counts = Counter(path.stem for path in FILES)
    assert {name for name, count in counts.items() if count > 1} <= REPEATED_NAMES


def test_class_names_occur_once():
    classes = [node for path in FILES for node in nodes(path) if isinstance(node, ast.ClassDef)]
    counts = Counter(node.name for node in classes if not node.name.startswith("_"))
    assert {name for name, count in counts.items() if count > 1} <= REPEATED_CLASSES


def test_every_argument_and_return_is_annotated():
    missing = []
    for path in FILES:
        for node in nodes(path):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            arguments = node.args
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            every += filter(None, [arguments.vararg, arguments.kwarg])
            missing += [
                f"{place(path, node)} {node.name}({argument.arg})"
                for argument in every
                if argument.annotation is None and argument.arg not in ("self", "cls")
            ]
            if node.returns is None and node.name != "__init__":
                missing.append(f"{place(path, node)} {node.name}: return value")
    assert missing == []


def test_nothing_compares_a_kind_by_name():
    """Systems, mixture types, optimizers and all else in a registry are objects, not strings."""
    found = []
    for path in FILES:
        for node in nodes(path):
            if isinstance(node, ast.Compare):
                parts = [node.left, *node.comparators]
            elif isinstance(node, ast.MatchValue):
                parts = [node.value]
            else:
                continue
            constants = [leaf for part in parts for leaf in ast.walk(part)]
            values = {leaf.value for leaf in constants if isinstance(leaf, ast.Constant)}
            if values & KINDS:
                found.append(f"{place(path, node)}: {ast.unparse(node)}")
    assert found == []


@pytest.mark.parametrize("kind", ["Separator", "Classifier"])
def test_nothing_asks_for_the_class_of_a_model(kind):
    for path in FILES:
        for node in nodes(path):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
                assert kind not in ast.unparse(node.args[1]), place(path, node)
