"""The image of Beam's workers holds what data_prep imports, and no image runs as root."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
# What others bring along, and what only readers of tensors import, which run nowhere on an engine.
BROUGHT = {"google": "apache-beam", "google_crc32c": "gcsfs", "grpc": "apache-beam"}
NOT_ON_WORKERS = {"tensorflow"}


def required() -> set[str]:
    lines = (ROOT / "data_prep" / "requirements.in").read_text().splitlines()
    return {re.match(r"[\w-]+", line)[0] for line in lines if not line.startswith("#")}


def imported() -> set[str]:
    names = set()
    for path in (ROOT / "data_prep").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module.partition(".")[0])
    return names - {"data_prep", *sys.stdlib_module_names} - NOT_ON_WORKERS


STACKS = sorted(path.stem.removeprefix("tfx-") for path in (ROOT / "locks").glob("*.lock"))


def locked(stack: str) -> dict[str, str]:
    text = (ROOT / "locks" / f"tfx-{stack}.lock").read_text()
    return dict(re.findall(r"^([\w-]+)(?:\[.*?\])?==(\S+)", text, re.M))


def test_workers_have_what_data_prep_imports():
    providers = packages_distributions()
    found = {n: {BROUGHT.get(n), *map(str.lower, providers[n])} for n in imported()}
    lacking = {name for name, packages in found.items() if not packages & required()}
    assert lacking == set()
    for stack in STACKS:
        assert required() <= locked(stack).keys()


@pytest.mark.parametrize("stack", STACKS)
def test_each_stack_has_the_boot_program_of_its_beam(stack):
    text = (ROOT / "Dockerfile").read_text()
    [beam] = re.findall(rf"^FROM apache/beam_python3.11_sdk:(\S+) AS beam-{stack}$", text, re.M)
    assert beam == locked(stack)["apache-beam"]
    assert re.search(rf"^FROM \S+ AS python-{stack}$", text, re.M)


def test_images_are_stages_that_do_not_run_as_root():
    text = (ROOT / "Dockerfile").read_text()
    named = re.findall(r"^FROM \S+ AS (\S+)$", text, re.M)
    assert named[-1] == "gpu"  # what a build without --target makes
    base = text[text.index("AS base") :]
    assert re.findall(r"^USER (.+)$", base, re.M) == ["1000"]
    for stage in ("worker", "serve", "gpu"):
        assert f"FROM base AS {stage}" in text
