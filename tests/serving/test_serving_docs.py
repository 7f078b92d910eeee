"""docs/serving.md names settings, commands and files that exist."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from data_prep.settings import load
from serving.commands import main
from serving.config.deployment import DeploymentSettings
from serving.config.deployment_files import write_deployment

TEXT = (Path(__file__).parents[2] / "docs/serving.md").read_text()
COMMANDS = re.findall(r"^    python -m serving (.+)$", TEXT.replace("\\\n", " "), re.MULTILINE)


def test_the_settings_are_a_deployment():
    (block,) = re.findall(r"```yaml\n(.+?)```", TEXT, re.DOTALL)
    values = yaml.safe_load(block)
    assert load(DeploymentSettings, values, "docs").model_fields_set == values.keys()


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_parses(words):
    verb, *arguments = shlex.split(words.removesuffix("&"), comments=True)
    main.commands[verb].make_context(verb, arguments)


def test_the_files_are_those_that_are_written(tmp_path):
    written = write_deployment(str(tmp_path / "models"), DeploymentSettings(), str(tmp_path))
    named = re.findall(r"^\| `deploy/([\w.]+)` \|", TEXT, re.MULTILINE)
    assert named == [Path(uri).name for uri in written]


def test_every_option_of_the_server_is_explained():
    section = TEXT.partition("## The embedded server")[2].partition("### ")[0]
    options = {option for found in main.commands["serve"].params for option in found.opts}
    assert options <= set(re.findall(r"`(--[a-z-]+)", section)) | {"--port"}
