"""Several models, and configurations that change while the server runs."""

import shutil

import grpc
import pytest
from click.testing import CliRunner
from google.protobuf import text_format
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest, ReloadConfigResponse
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub
from tiny_separator import save_model

from serving.client import SeparationClient
from serving.commands import main
from serving.config.models_config import ModelsConfig
from serving.server.config_source import ConfigFile
from serving.server.errors import StatusError
from serving.server.reloads import Reloads


@pytest.fixture(scope="module")
def pushed(tmp_path_factory):
    """A saved version to copy."""
    path = tmp_path_factory.mktemp("pushed") / "1"
    save_model(path, control=False)
    return path


@pytest.fixture
def models(tmp_path, pushed):
    """A folder of two models, as the pipeline leaves it."""
    folder = tmp_path / "models"
    for model, version in (("separator", 1), ("separator", 2), ("other", 7)):
        shutil.copytree(pushed, folder / model / str(version))
    return folder


def run(*words):
    result = CliRunner().invoke(main, [*map(str, words)])
    assert result.exit_code == 0, result.output
    return result.output


def version_of(address, model, **spec):
    """Return the version that answers."""
    asked = ModelSpec(name=model, **spec)
    request = GetModelMetadataRequest(model_spec=asked, metadata_field=["signature_def"])
    with grpc.insecure_channel(address) as channel:
        response = PredictionServiceStub(channel).GetModelMetadata(request, timeout=20)
    return response.model_spec.version.value


def refusal(address, model, **spec):
    with pytest.raises(grpc.RpcError) as caught:
        version_of(address, model, **spec)
    return caught.value.code().name


def test_labels_are_promoted_and_rolled_back(models, serve_folder, tmp_path, video, pushed):
    run("configure", "--models", models, "--output", tmp_path / "deploy")
    with serve_folder(ConfigFile(models / "models.config"), poll_seconds=0.05) as address:
        where = ("--models", models, "--model", "separator", "--server", address)
        assert version_of(address, "separator", version_label="stable") == 2
        assert version_of(address, "other") == 7
        shutil.copytree(pushed, models / "separator" / "3")
        assert run("promote", 3, "--label", "canary", *where) == (
            "separator: canary is version 3, was 2\n"
        )
        assert version_of(address, "separator", version_label="stable") == 2
        assert version_of(address, "separator") == 3
        assert run("promote", 3, *where) == "separator: stable is version 3, was 2\n"
        assert run("rollback", *where) == "separator: stable is version 2, was 3\n"
        with SeparationClient(address, "separator", label="stable") as client:
            assert client.separate(video)["outputs"].shape == (2, *video.shape)
        assert version_of(address, "separator", version_label="stable") == 2
        assert version_of(address, "separator", version_label="previous") == 2
        assert refusal(address, "separator", version_label="blue") == "INVALID_ARGUMENT"
        assert refusal(address, "other", version_label="previous") == "INVALID_ARGUMENT"


def test_a_version_that_cannot_be_loaded_is_not_promoted(models, serve_folder, tmp_path):
    run("configure", "--models", models, "--output", tmp_path / "deploy")
    (models / "separator" / "3").mkdir()
    (models / "separator" / "3" / "saved_model.pb").write_bytes(b"not a model")
    with serve_folder(ConfigFile(models / "models.config"), poll_seconds=0.05) as address:
        where = ("--models", models, "--model", "separator", "--server", address)
        result = CliRunner().invoke(main, ["promote", "3", *map(str, where)])
        assert result.exit_code == 1
        assert "version 3 must load, got " in result.stderr
        assert version_of(address, "separator", version_label="stable") == 2


def entry(folder, model, rest=""):
    path = folder / model
    return f'config {{ name: "{model}" base_path: "{path}" model_platform: "tensorflow" {rest} }}'


def reload(address, *entries):
    text = f'config {{ model_config_list {{ {" ".join(entries)} }} }} metric_names: ["a", "b", "a"]'
    with grpc.insecure_channel(address) as channel:
        return ModelServiceStub(channel).HandleReloadConfigRequest(
            text_format.Parse(text, ReloadConfigRequest()), timeout=60
        )


def test_a_client_replaces_the_configuration(models, serve_folder):
    with serve_folder(models / "separator") as address:
        both = (entry(models, "other"), entry(models, "separator"))
        expected = 'status { } metric { name: "a" int64_value_increase: 0 } metric { name: "b" '
        expected += "int64_value_increase: 0 }"
        assert reload(address, *both) == text_format.Parse(expected, ReloadConfigResponse())
        assert version_of(address, "separator") == 2
        assert version_of(address, "other") == 7

        policy = "model_version_policy { specific { versions: [1] } }"
        reload(address, entry(models, "separator", policy))
        assert version_of(address, "separator") == 1
        assert refusal(address, "other") == "NOT_FOUND"

        rest = 'model_version_policy { all { } } version_labels { key: "stable" value: 2 }'
        reload(address, entry(models, "separator", rest))
        assert version_of(address, "separator", version_label="stable") == 2
        assert version_of(address, "separator", version={"value": 1}) == 1
        reload(address)
        assert refusal(address, "separator") == "NOT_FOUND"


def test_a_new_model_that_cannot_be_served_is_an_error_and_the_others_stay(
    models, serve_folder, pushed
):
    with serve_folder(models / "separator", poll_seconds=0.05) as address:
        (models / "empty").mkdir()
        with pytest.raises(grpc.RpcError, match="model empty: must have a version") as caught:
            reload(address, entry(models, "separator"), entry(models, "empty"))
        assert caught.value.code() is grpc.StatusCode.UNKNOWN
        assert version_of(address, "separator") == 2
        shutil.copytree(pushed, models / "empty" / "4")
        reload(address, entry(models, "separator"), entry(models, "empty"))
        assert version_of(address, "empty") == 4


def test_a_configuration_that_is_refused_changes_nothing(models, serve_folder):
    with serve_folder(models / "separator") as address:
        with pytest.raises(grpc.RpcError, match="must be listed once"):
            reload(address, entry(models, "other"), entry(models, "other"))
        assert version_of(address, "separator") == 2
        assert refusal(address, "other") == "NOT_FOUND"


class Context:
    """A call whose client goes at once, or has gone already."""

    def __init__(self, gone):
        self.gone = gone

    def add_callback(self, callback):
        if not self.gone:
            callback()
        return not self.gone


@pytest.mark.parametrize("gone", [True, False])
def test_a_call_whose_client_has_gone_does_not_wait(gone):
    with pytest.raises(StatusError) as caught:
        Reloads().reload(ModelsConfig.empty(), Context(gone))
    assert caught.value.code is grpc.StatusCode.CANCELLED
