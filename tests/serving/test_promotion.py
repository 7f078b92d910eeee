"""Labels that move from version to version, with servers that follow the file."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import pytest
from click.testing import CliRunner
from labeled_server import MODEL, LabeledServer

from serving.channel import open_channel
from serving.client import SeparationClient
from serving.commands import main
from serving.config.models_config import ModelsConfig
from serving.config.promotion import promote, roll_back
from serving.config.replicas import Replicas
from serving.errors import RefusedError, ServingError
from serving.wire import GetModelMetadataRequest, GetModelMetadataResponse, ModelSpec


@pytest.fixture
def models(tmp_path):
    """A folder with three versions of a model, the first of which is served."""
    for version in (1, 2, 3):
        (tmp_path / MODEL / str(version)).mkdir(parents=True)
        (tmp_path / MODEL / str(version) / "saved_model.pb").touch()
    config = ModelsConfig.empty().with_model(MODEL, f"/models/{MODEL}", {"stable": 1, "canary": 1})
    config.write(str(tmp_path / "models.config"))
    return tmp_path


def labels(models):
    return ModelsConfig.read(str(models / "models.config")).labels(MODEL)


def move(models, *servers, to=None, label="stable", timeout=10):
    """Promote a version, or roll back."""
    with Replicas([server.address for server in servers], MODEL) as replicas:
        if to is None:
            return roll_back(str(models), replicas, label, timeout)
        return promote(str(models), replicas, label, to, timeout)


class SteadyClient:
    """Asks for the stable version without a pause, and keeps the versions that answer."""

    def __init__(self, server):
        self.versions, self._server = [], server
        self._stop = threading.Event()
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self):
        self._asking = self._thread.submit(self._ask)
        return self

    def __exit__(self, *error):
        self._stop.set()
        self._asking.result()  # raises what a request raised

    def _ask(self):
        spec = ModelSpec(name=MODEL, version_label="stable")
        with open_channel(self._server.address) as channel:
            call = channel.unary_unary(
                "/tensorflow.serving.PredictionService/GetModelMetadata",
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=GetModelMetadataResponse.FromString,
            )
            while not self._stop.is_set():
                response = call(GetModelMetadataRequest(model_spec=spec), timeout=10)
                self.versions.append(response.model_spec.version.value)


def test_a_release_and_its_rollback_leave_no_request_without_an_answer(models):
    config = models / "models.config"
    with LabeledServer(config) as server, SteadyClient(server) as client:
        moved = move(models, server, to=2, label="canary")
        assert (moved.label, moved.before, moved.after) == ("canary", 1, 2)
        assert server.labels == labels(models) == {"stable": 1, "canary": 2}
        assert server.available() == {1, 2}
        moved = move(models, server, to=2)
        assert (moved.before, moved.after) == (1, 2)
        assert server.labels == labels(models) == {"stable": 2, "canary": 2, "previous": 1}
        move(models, server, to=3, label="canary")
        assert server.available() == {1, 2, 3}
        moved = move(models, server)
        assert (moved.before, moved.after) == (2, 1)
        assert server.labels == labels(models) == {"stable": 1, "canary": 3, "previous": 1}
        move(models, server, label="canary")
        assert server.labels == labels(models) == {"stable": 1, "canary": 1, "previous": 1}
        assert server.refused == []
    assert [version for version, _ in groupby(client.versions)] == [1, 2, 1]


def served_version(server, label):
    with SeparationClient(server.address, MODEL, 10, label) as client:
        return client.served_version()


def test_a_client_asks_for_the_version_with_its_label(models):
    with LabeledServer(models / "models.config") as server:
        assert served_version(server, "stable") == 1
        move(models, server, to=2, label="canary")
        assert served_version(server, "stable") == 1
        assert served_version(server, "canary") == 2
        with pytest.raises(RefusedError, match="Unrecognized servable version label"):
            served_version(server, "blue")


def test_a_label_waits_for_the_slowest_server(models):
    config = models / "models.config"
    with LabeledServer(config) as quick, LabeledServer(config, load_seconds=1) as slow:
        move(models, quick, slow, to=2)
        assert quick.labels == slow.labels == {"stable": 2, "canary": 1, "previous": 1}
        assert quick.refused == slow.refused == []


def test_a_failure_on_any_server_ends_the_wait(models):
    config = models / "models.config"
    with LabeledServer(config) as slow, LabeledServer(config, broken={2}) as broken:
        slow.load_seconds = 60
        with pytest.raises(ServingError, match=f"{broken.address}: version 2 must load"):
            move(models, slow, broken, to=2)
        assert 2 not in slow.available()


def test_a_savedmodel_may_be_text(models):
    version = models / MODEL / "2"
    (version / "saved_model.pb").rename(version / "saved_model.pbtxt")
    with LabeledServer(models / "models.config") as server:
        assert move(models, server, to=2).after == 2


def test_a_version_that_cannot_be_loaded_changes_nothing(models):
    config = models / "models.config"
    before = config.read_text()
    with LabeledServer(config, load_seconds=1, broken={2}) as server:
        for _ in range(2):  # the error of the first time does not end the second one early
            with pytest.raises(ServingError, match="version 2 must load, got no such file"):
                move(models, server, to=2)
            assert config.read_text() == before
            while 2 in server.wanted:
                time.sleep(0.01)
        assert server.labels == {"stable": 1, "canary": 1}
        assert 1 in server.available()


def test_a_server_that_loads_too_slowly_or_does_not_answer_changes_nothing(models):
    config = models / "models.config"
    before = config.read_text()
    with LabeledServer(config, load_seconds=3) as server:
        with pytest.raises(ServingError, match=r"version 2 is (not loaded|LOADING) after 0\.5 s"):
            move(models, server, to=2, timeout=0.5)
        assert config.read_text() == before
    with pytest.raises(ServingError, match=f"{server.address}: UNAVAILABLE|DEADLINE"):
        move(models, server, to=2, timeout=0.1)
    assert config.read_text() == before


def test_a_server_that_does_not_read_the_labels_is_named(models):
    with (
        LabeledServer(models / "models.config", moves_labels=False) as server,
        pytest.raises(ServingError, match=r"stable is version 1, not 2 after 1 s") as error,
    ):
        move(models, server, to=2, timeout=1)
    assert server.address in str(error.value)


def run(command, models, *words):
    return CliRunner().invoke(main, [command, *words, "--models", str(models)])


def test_the_commands_say_what_moved(models):
    with LabeledServer(models / "models.config") as server:
        where = ("--model", MODEL, "--server", server.address)
        result = run("promote", models, "2", *where)
        assert (result.exit_code, result.output) == (0, f"{MODEL}: stable is version 2, was 1\n")
        result = run("rollback", models, *where)
        assert (result.exit_code, result.output) == (0, f"{MODEL}: stable is version 1, was 2\n")
        result = run("rollback", models, *where)
        assert result.exit_code == 1
        assert result.stderr == (
            "error: rollback of stable: must point to another version than previous, got 1 for "
            "both\n"
        )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("promote", "4"), "version: must be a folder that holds saved_model.pb or "),
        (("promote", "2", "--model", "other"), "model: must be one of separator, got other"),
        (("rollback",), "rollback of stable: must have a version labeled previous, got none"),
        (("promote", "2", "--server", "nowhere.invalid:1"), "server: must be a known host, got "),
        (("promote", "2", "--server", "nowhere"), "server: must be HOST:PORT, got nowhere"),
    ],
)
def test_a_wrong_move_is_an_error_before_anything_changes(models, words, message):
    before = (models / "models.config").read_text()
    result = run(words[0], models, *words[1:])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {message}")
    assert (models / "models.config").read_text() == before
    assert {path.name for path in models.iterdir()} == {MODEL, "models.config"}


def test_a_file_that_is_no_configuration_is_named(models):
    (models / "models.config").write_text("model_config_list { config { color: 1 } }")
    result = run("promote", models, "2")
    assert result.exit_code == 1
    assert "models.config: must be a ModelServerConfig in protobuf's text format: " in result.stderr
