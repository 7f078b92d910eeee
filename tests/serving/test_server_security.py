"""TLS and tokens: a real server and real certificates."""

import ssl

import grpc
import pytest
from certificates import write_certificate
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub
from rest_client import send, serving_rest
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tiny_separator import save_model

from data_prep.errors import UserError
from serving.secret_files import read_token
from serving.server.config_source import SingleModel
from serving.server.security import server_credentials
from serving.server.settings import ServerSettings


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    for name in ("server", "client", "untrusted"):
        write_certificate(folder, name)
    (folder / "token").write_text("s3cret\n")
    save_model(folder / "models" / "3", control=False)
    return folder


def status(channel, token=None):
    """Ask for the model's status, and return the code of the answer."""
    metadata = [("authorization", token)] if token else []
    request = GetModelStatusRequest(model_spec={"name": "separator"})
    try:
        ModelServiceStub(channel).GetModelStatus(request, timeout=20, metadata=metadata)
    except grpc.RpcError as error:
        return error.code().name
    return "OK"


def secure(files, address, client=None):
    keys = {}
    if client:
        keys["private_key"] = (files / f"{client}.key").read_bytes()
        keys["certificate_chain"] = (files / f"{client}.pem").read_bytes()
    root = (files / "server.pem").read_bytes()
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(root, **keys))


def test_tls_and_a_token_are_required_if_configured(files, serve_folder):
    settings = {
        "tls_cert": files / "server.pem",
        "tls_key": files / "server.key",
        "token_file": files / "token",
    }
    with serve_folder(files / "models", **settings) as address:
        with grpc.insecure_channel(address) as channel:
            assert status(channel, "Bearer s3cret") == "UNAVAILABLE"
        with secure(files, address) as channel:
            assert status(channel, "Bearer s3cret") == "OK"
            for wrong in (None, "Bearer other", "Bearer ", "s3cret", "bearer s3cret"):
                assert status(channel, wrong) == "UNAUTHENTICATED"
            # Probes send no tokens.
            health = HealthStub(channel).Check(HealthCheckRequest(), timeout=20)
            assert health.status == HealthCheckResponse.SERVING
            listing = ServerReflectionRequest(list_services="")
            with pytest.raises(grpc.RpcError) as caught:
                list(ServerReflectionStub(channel).ServerReflectionInfo(iter([listing])))
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_clients_need_a_certificate_if_their_authority_is_configured(files, serve_folder):
    settings = {
        "tls_cert": files / "server.pem",
        "tls_key": files / "server.key",
        "tls_client_ca": files / "client.pem",
    }
    with serve_folder(files / "models", **settings) as address:
        for client, code in ((None, "UNAVAILABLE"), ("untrusted", "UNAVAILABLE"), ("client", "OK")):
            with secure(files, address, client) as channel:
                assert status(channel) == code


def test_rest_has_the_same_tls_and_token(files):
    settings = {
        "tls_cert": files / "server.pem",
        "tls_key": files / "server.key",
        "tls_client_ca": files / "client.pem",
        "token_file": files / "token",
    }
    trusted = ssl.create_default_context(cafile=files / "server.pem")
    nameless = ssl.create_default_context(cafile=files / "server.pem")
    trusted.load_cert_chain(files / "client.pem", files / "client.key")
    with serving_rest(SingleModel("separator", files / "models"), **settings) as address:
        path = "/v1/models/separator"
        code, answer = send(address, "GET", path, tls=trusted, Authorization="Bearer s3cret")
        assert (code, len(answer["model_version_status"])) == (200, 1)
        for headers in ({}, {"Authorization": "Bearer other"}):
            code, answer = send(address, "GET", path, tls=trusted, **headers)
            assert (code, answer["error"][:14]) == (401, "authorization:")
        with pytest.raises(OSError):
            send(address, "GET", path, tls=nameless, Authorization="Bearer s3cret")
        with pytest.raises(OSError):
            send(address, "GET", path, Authorization="Bearer s3cret")


@pytest.mark.parametrize(
    ("cert", "key", "client_ca", "words"),
    [
        ("server.pem", None, None, "must have --tls-cert and --tls-key"),
        (None, "server.key", None, "must have --tls-cert and --tls-key"),
        (None, None, "client.pem", "must have --tls-cert and --tls-key"),
        ("server.pem", "client.key", None, "certificate and its key, got .*server.pem and .*"),
        ("token", "server.key", None, "certificate and its key, got .*token and .*server.key"),
        ("server.pem", "server.key", "token", "certificates of authorities, got .*token"),
        ("server.pem", "server.key", "absent", "TLS: must be a file, got .*absent"),
        ("server.pem", "models", None, "TLS: must be a file, got .*models"),
    ],
)
def test_files_that_do_not_make_tls_are_named(files, cert, key, client_ca, words):
    paths = {"tls_cert": cert, "tls_key": key, "tls_client_ca": client_ca}
    chosen = {field: files / name for field, name in paths.items() if name}
    with pytest.raises(UserError, match=words):
        server_credentials(ServerSettings(port=0, **chosen))


def test_without_files_there_is_no_tls():
    assert server_credentials(ServerSettings(port=0)) is None


@pytest.mark.parametrize("content", [b"", b" \n", b"two words", b"\xff\xfe", "schlüssel".encode()])
def test_a_file_without_a_token_is_named(tmp_path, content):
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(UserError, match=f"printable ASCII .*{tmp_path}"):
        read_token(tmp_path / "token")
