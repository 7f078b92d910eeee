"""README and CONTRIBUTING name files, commands, options and settings that exist."""

import importlib
import re
import shlex
from itertools import pairwise
from pathlib import Path

import click
import pytest

from models.tasks.registry import TASKS
from pipeline.config import PipelineConfig, load_config

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()

PACKAGES = "data_prep|models|components|pipeline|serving|tests|docs"


def paths() -> list[str]:
    """Return the files and folders that are named, without those of a recipe or a run."""
    created = {*re.findall(r"```python (\S+)", CONTRIBUTING)}
    pushed = tuple(f"serving/{kind}" for kind in TASKS)
    found = {*re.findall(rf"[`(]((?:{PACKAGES})/[\w./-]*)", README + CONTRIBUTING)}
    return sorted(path for path in found - created if not path.startswith(pushed))


def commands() -> list[list[str]]:
    """Return the words of every `python -m` command of README; the recipes' are run elsewhere."""
    lines = re.findall(
        r"^ +(?:[A-Z_]+=\S+ )?python -m (.+)$", re.sub(r" \\\n +", " ", README), re.MULTILINE
    )
    return [shlex.split(line.removesuffix("&"), comments=True) for line in lines]


def settings() -> list[str]:
    """Return the dotted settings that README names."""
    sections = "|".join(PipelineConfig.model_fields)
    return sorted({*re.findall(rf"`((?:{sections})\.\w+)`", README)})


@pytest.mark.parametrize("path", paths())
def test_paths_exist(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_commands_parse(words):
    package, verb, *arguments = words
    group = importlib.import_module(f"{package}.commands").main
    try:
        group.commands[verb].make_context(verb, arguments)
    except click.BadParameter as error:
        assert "does not exist" in str(error)
    values = [value for option, value in pairwise(words) if option == "--set"]
    assert not values or load_config("demo", values)


@pytest.mark.parametrize("setting", settings())
def test_settings_exist(setting):
    section, key = setting.split(".")
    assert key in PipelineConfig.model_fields[section].annotation.model_fields


def test_something_is_checked():
    assert len(paths()) > 10
    assert len(commands()) > 12
    assert len(settings()) > 8
