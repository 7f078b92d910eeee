"""The client for asyncio against the embedded server."""

import asyncio
import doctest
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from tiny_separator import CLIP

from serving import AsyncSeparationClient, SeparationClient
from serving.errors import ServingError

DOCS = (Path(__file__).parents[2] / "docs/serving.md").read_text()
LOUD = np.full(CLIP.samples, 0.75, np.float32)


def ask(question, *args, **kwargs):
    async def run():
        async with AsyncSeparationClient(*args, **kwargs) as client:
            return await question(client)

    return asyncio.run(run())


def test_requests_run_at_the_same_time_in_one_loop(control_server, video):
    async def separate(client):
        videos = [np.roll(video, k) for k in range(16)]
        return videos, await asyncio.gather(*(client.separate(v, LOUD) for v in videos))

    videos, answers = ask(separate, control_server)
    for sent, answer in zip(videos, answers, strict=True):
        np.testing.assert_array_equal(answer["outputs"], np.stack([sent, 255 - sent]))
        assert answer["chosen"] == 0


def test_both_clients_have_the_same_methods():
    def signatures(kind):
        return {
            name: str(inspect.signature(method))
            for name, method in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert signatures(AsyncSeparationClient) == signatures(SeparationClient)


def test_both_clients_give_the_same_answers(control_server):
    async def facts(client):
        return [
            await client.ready(),
            await client.versions(),
            await client.health(),
            await client.served_version(),
            await client.signatures(),
            await client.description(),
            await client.has_control(),
        ]

    with SeparationClient(control_server) as client:
        expected = [
            client.ready(),
            client.versions(),
            client.health(),
            client.served_version(),
            client.signatures(),
            client.description(),
            client.has_control(),
        ]
    assert ask(facts, control_server) == expected
    assert expected[:4] == [True, expected[1], "SERVING", 3]
    assert [str(status) for status in expected[1]] == ["version 3 AVAILABLE"]


def test_both_clients_raise_the_same_errors(control_server, video):
    requests = (((), {}), ((LOUD,), {"outputs": ["masks"]}), ((LOUD,), {"outputs": ["none"]}))
    for audio, outputs in requests:
        with pytest.raises(ServingError) as here, SeparationClient(control_server) as client:
            client.separate(video, *audio, **outputs)
        with pytest.raises(ServingError) as there:
            ask(lambda c: c.separate(video, *audio, **outputs), control_server)  # noqa: B023
        assert str(here.value) == str(there.value)
        assert type(here.value) is type(there.value)


def test_a_cancelled_request_leaves_the_client_usable(control_server, video):
    async def cancel(client):
        task = asyncio.create_task(client.separate(video, LOUD))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await client.separate(video, LOUD)

    assert ask(cancel, control_server)["chosen"] == 0


def test_a_client_needs_a_running_event_loop():
    with pytest.raises(RuntimeError, match="no running event loop"):
        AsyncSeparationClient("127.0.0.1:8500")


def run_example(text, address):
    test = doctest.DocTestParser().get_doctest(
        text.replace("127.0.0.1:8500", address),
        {"AsyncSeparationClient": AsyncSeparationClient, "asyncio": asyncio, "np": np},
        "example",
        None,
        None,
    )
    return doctest.DocTestRunner().run(test)


def test_the_example_of_the_client_runs(plain_server):
    results = run_example(AsyncSeparationClient.__doc__, plain_server.address)
    assert (results.failed, results.attempted) == (0, 3)


def test_the_example_in_the_documentation_runs(plain_server, video):
    (block,) = re.findall(r"```python\n(.+?)```", DOCS, re.DOTALL)
    names = {"videos": np.stack([video, 255 - video])}
    exec(block.replace("127.0.0.1:8500", plain_server.address), names)
    for sent, got in zip(names["videos"], names["outputs"], strict=True):
        np.testing.assert_array_equal(got, np.stack([sent, 255 - sent]))
