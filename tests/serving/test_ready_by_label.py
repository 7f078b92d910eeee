"""A model is ready for a client with a label once the label's version takes requests."""

import asyncio

import pytest
from click.testing import CliRunner
from clients import CLIENTS
from tiny_separator import save_model

from serving.commands import main
from serving.errors import ServingError
from serving.server.config_source import ConfigFile

CONFIG = """
model_config_list {{ config {{
  name: "separator" base_path: "{}" model_platform: "tensorflow"
  model_version_policy {{ specific {{ versions: [1, 2] }} }}
  version_labels {{ key: "canary" value: 1 }}
  version_labels {{ key: "stable" value: 2 }}
}} }}
"""


@pytest.fixture
def served(tmp_path, serve_folder):
    """Serve the label `canary` before `stable`; give the folder of the models and the address."""
    save_model(tmp_path / "models" / "1", control=False)
    (tmp_path / "models.config").write_text(CONFIG.format(tmp_path / "models"))
    with serve_folder(ConfigFile(tmp_path / "models.config"), poll_seconds=0.05) as address:
        yield tmp_path / "models", address


@pytest.mark.parametrize("client_of", CLIENTS)
def test_the_version_of_the_label_is_waited_for(client_of, served, tmp_path):
    folder, address = served

    async def ask():
        async with client_of(address, label="canary") as canary:
            assert await canary.ready()
        async with client_of(address, label="stable") as stable:
            assert not await stable.ready()
            with pytest.raises(ServingError, match=r"not ready within 0\.3 s: .*NOT_FOUND"):
                await stable.wait_ready(0.3)
            save_model(tmp_path / "saved", control=False)
            (tmp_path / "saved").rename(folder / "2")
            await stable.wait_ready(60)
            assert await stable.served_version() == 2

    asyncio.run(ask())


def test_status_is_that_of_the_label(served):
    _, address = served
    result = CliRunner().invoke(main, ["status", "--server", address, "--label", "stable"])
    assert result.exit_code == 1
    assert f"separator at {address}: does not take requests\n" in result.stdout
    assert "version 1 AVAILABLE\n" in result.stdout
