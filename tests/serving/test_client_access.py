"""Clients and commands with TLS and tokens, against a real server."""

import asyncio

import numpy as np
import pytest
from certificates import write_certificate
from click.testing import CliRunner
from clients import CLIENTS
from tiny_separator import CLIP, save_model

from data_prep.errors import UserError
from data_prep.media.encoding import write_video
from serving.access import Access, read_access
from serving.commands import main
from serving.errors import AccessError, ServingError


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("access")
    for name in ("server", "client"):
        write_certificate(folder, name)
    (folder / "token").write_text("s3cret\n")
    (folder / "wrong").write_text("other\n")
    save_model(folder / "models" / "3", control=False)
    return folder


@pytest.fixture(scope="module")
def address(files, serve_folder):
    settings = {
        "tls_cert": files / "server.pem",
        "tls_key": files / "server.key",
        "tls_client_ca": files / "client.pem",
        "token_file": files / "token",
    }
    with serve_folder(files / "models", **settings) as address:
        yield address


def access(files, token="token", client="client", **changes):
    paths = {"tls_cert": files / f"{client}.pem", "tls_key": files / f"{client}.key"}
    paths |= {"tls_ca": files / "server.pem", "token_file": files / token}
    return read_access(**paths | changes)


@pytest.mark.parametrize("client_of", CLIENTS)
def test_a_client_with_a_certificate_and_a_token_is_served(client_of, files, address, video):
    async def separate():
        async with client_of(address, access=access(files)) as client:
            await client.wait_ready(20)
            return await client.separate(video)

    answer = asyncio.run(separate())
    np.testing.assert_array_equal(answer["outputs"][0], video)


@pytest.mark.parametrize("client_of", CLIENTS)
def test_a_wrong_token_is_an_error_at_once(client_of, files, address):
    async def wait():
        async with client_of(address, access=access(files, token="wrong")) as client:
            await client.wait_ready(20)

    with pytest.raises(AccessError, match=f"separator at {address}: UNAUTHENTICATED: "):
        asyncio.run(wait())


@pytest.mark.parametrize("client_of", CLIENTS)
@pytest.mark.parametrize(
    "changes",
    [
        {"tls_ca": "client.pem"},  # which did not sign the server's certificate
        {"tls_cert": "server.pem", "tls_key": "server.key"},  # not signed by the authority
        {"tls_cert": None, "tls_key": None},
        {"tls_ca": None, "tls_cert": None, "tls_key": None},
    ],
)
def test_a_connection_without_the_right_certificates_is_unavailable(
    client_of, changes, files, address
):
    paths = {key: name and files / name for key, name in changes.items()}

    async def wait():
        async with client_of(address, access=access(files, **paths)) as client:
            await client.wait_ready(0.3)

    with pytest.raises(ServingError, match=f"within 0.3 s: no server answers at {address}"):
        asyncio.run(wait())


def test_a_certificate_needs_its_key_and_tls():
    for parts, words in (
        ({"tls_cert": b"", "tls_ca": b""}, "a certificate and its key"),
        ({"tls_key": b"", "tls_ca": b""}, "a certificate and its key"),
        ({"tls_cert": b"", "tls_key": b""}, "the server's authorities"),
    ):
        with pytest.raises(UserError, match=f"^TLS: must have {words}, got only"):
            Access(**parts)


def test_secrets_are_not_shown():
    shown = repr(Access(b"ca", b"cert", b"secret", "secret"))
    assert "secret" not in shown
    assert "cert" in shown


def test_the_command_separates_over_tls(files, address, tmp_path):
    frames = np.zeros((CLIP.frames, CLIP.height, CLIP.width, 3), np.uint8)
    write_video(tmp_path / "video.mp4", frames, fps=CLIP.fps)
    command = ["separate", str(tmp_path / "video.mp4"), "--output", str(tmp_path / "out")]
    command += ["--server", address, "--version", "3"]
    for option, name in (
        ("--tls-ca", "server.pem"),
        ("--tls-cert", "client.pem"),
        ("--tls-key", "client.key"),
        ("--token-file", "token"),
    ):
        command += [option, str(files / name)]
    wrong = CliRunner().invoke(main, [*command[:-1], str(files / "wrong")])
    assert "UNAUTHENTICATED" in wrong.stderr
    missing = CliRunner().invoke(main, [*command, "--version", "2", "--wait", "0.2"])
    assert "NOT_FOUND" in missing.stderr
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "output_2.mp4").is_file()
