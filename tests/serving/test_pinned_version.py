"""A whole video is separated by one version of the model, whatever the server loads meanwhile."""

import asyncio
import shutil
import time

import av
import numpy as np
import pytest
from tiny_separator import CLIP, save_model

from data_prep.errors import UserError
from data_prep.media.encoding import write_video
from serving import AsyncSeparationClient, SeparationClient
from serving.separation.opened_run import opened_run
from serving.server.config_source import ConfigFile
from serving.versions import State

CONFIG = """
model_config_list {{ config {{
  name: "separator" base_path: "{}" model_platform: "tensorflow"
  model_version_policy {{ all {{}} }}
}} }}
"""
GRAY, OFFSET, LATER_OFFSET = 60, 255, 200
GONE = r"must be completed by version 3, which began it, got .*NOT_FOUND.*; serve that version"


@pytest.fixture
def served(tmp_path, serve_folder):
    """Serve every version in a folder; give the folder and the address."""
    folder = tmp_path / "models"
    save_model(folder / "3", control=False, offset=OFFSET)
    (tmp_path / "models.config").write_text(CONFIG.format(folder))
    with serve_folder(ConfigFile(tmp_path / "models.config"), poll_seconds=0.05) as address:
        yield folder, address


@pytest.fixture
def client(served):
    with SeparationClient(served[1]) as client:
        yield client


@pytest.fixture
def video(tmp_path):
    frames = np.full((20, CLIP.height, CLIP.width, 3), GRAY, np.uint8)
    write_video(tmp_path / "video.mp4", frames, fps=CLIP.fps)
    return str(tmp_path / "video.mp4")


def wait_for(client, states):
    end = time.monotonic() + 60
    while {v.version: v.state for v in client.versions()} != states:
        assert time.monotonic() < end
        time.sleep(0.02)


def push(served, client):
    """Load version 4, whose second output is darker."""
    folder, _ = served
    save_model(folder.parent / "saved", control=False, offset=LATER_OFFSET)
    (folder.parent / "saved").rename(folder / "4")
    wait_for(client, {3: State.AVAILABLE, 4: State.AVAILABLE})


def end_version_3(served, client):
    shutil.rmtree(served[0] / "3")
    wait_for(client, {3: State.END, 4: State.AVAILABLE})


def interrupt(client, video, output):
    """Begin a separation, and leave it before the first part."""
    with pytest.raises(KeyboardInterrupt), opened_run(client, video, str(output)):
        raise KeyboardInterrupt


def brightness(output):
    with av.open(str(output / "output_2.mp4")) as container:
        return [f.to_ndarray(format="rgb24").mean() for f in container.decode(video=0)]


def test_a_version_that_is_loaded_during_a_run_is_not_asked(served, client, video, tmp_path):
    with opened_run(client, video, str(tmp_path / "out")) as run:
        push(served, client)
        run.complete()
    np.testing.assert_allclose(brightness(tmp_path / "out"), OFFSET - GRAY, atol=2)


def test_a_run_resumes_with_the_version_that_began_it(served, client, video, tmp_path):
    interrupt(client, video, tmp_path / "out")
    push(served, client)
    with opened_run(client, video, str(tmp_path / "out")) as run:
        run.complete()
    np.testing.assert_allclose(brightness(tmp_path / "out"), OFFSET - GRAY, atol=2)


def test_a_version_that_is_gone_is_named(served, client, video, tmp_path):
    output = str(tmp_path / "out")
    with pytest.raises(UserError, match=GONE), opened_run(client, video, output) as run:
        push(served, client)
        end_version_3(served, client)
        run.complete()
    with pytest.raises(UserError, match=GONE), opened_run(client, video, output):
        pass


def test_another_version_must_not_be_asked_for(served, client, video, tmp_path):
    interrupt(client, video, tmp_path / "out")
    push(served, client)
    words = "whose version must be the same, 3, got 4"
    with SeparationClient(served[1], version=4) as other, pytest.raises(UserError, match=words):
        interrupt(other, video, tmp_path / "out")


def test_clients_of_one_version_share_a_connection(served, client):
    push(served, client)
    clip = np.full((CLIP.frames, CLIP.height, CLIP.width, 3), GRAY, np.uint8)

    async def outputs():
        async with AsyncSeparationClient(served[1], label="unknown") as client:
            return [await client.at_version(version).separate(clip) for version in (3, 4)]

    answers = [client.at_version(version).separate(clip) for version in (3, 4)]
    answers += asyncio.run(outputs())
    levels = [int(answer["outputs"][1].max()) for answer in answers]
    assert levels == [OFFSET - GRAY, LATER_OFFSET - GRAY] * 2
    assert [client.at_version(3).version, client.version] == [3, None]
