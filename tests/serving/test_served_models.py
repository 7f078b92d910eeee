"""Configurations of the embedded server: what is refused, and what a change of one does."""

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from serving.config.models_config import ModelsConfig
from serving.server.errors import StatusError
from serving.server.model_settings import read_models
from serving.server.served_models import ServedModels
from serving.server.version_policy import AllVersions, LatestVersions, SpecificVersions


class FakeModel:
    def __init__(self, path):
        self.closed = False

    def close(self):
        self.closed = True


def config(*entries):
    text = "".join(f"config {{ {entry} }}" for entry in entries)
    proto = text_format.Parse(f"model_config_list {{ {text} }}", ModelServerConfig())
    return ModelsConfig(proto)


def entry(folder, name="separator", rest=""):
    return f'name: "{name}" base_path: "{folder}" model_platform: "tensorflow" {rest}'


def specific(*versions, **labels):
    """Return a policy of specific versions and labels, in text format."""
    text = "".join(f"versions: {version} " for version in versions)
    text = f"model_version_policy {{ specific {{ {text} }} }}"
    for label, version in labels.items():
        text += f'version_labels {{ key: "{label}" value: {version} }}'
    return text


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("", LatestVersions(1)),
        ("model_version_policy { }", LatestVersions(1)),
        ("model_version_policy { latest { } }", LatestVersions(1)),
        ("model_version_policy { latest { num_versions: 3 } }", LatestVersions(3)),
        ("model_version_policy { all { } }", AllVersions()),
        (specific(), SpecificVersions()),
        (specific(7, 2), SpecificVersions(frozenset({2, 7}))),
    ],
)
def test_a_policy_is_read(text, policy):
    [model] = read_models(config(entry("/m", rest=text)))
    assert model.policy == policy


def test_the_old_field_names_the_platform_too():
    [model] = read_models(config('name: "a" base_path: "file:///m" model_type: TENSORFLOW'))
    assert str(model.folder) == "/m"


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([entry("/a"), entry("/b")], "model separator: must be listed once, got 2 entries"),
        ([entry("models/a")], "base_path must be an absolute path on this machine, got models/a"),
        ([entry("")], "base_path must be an absolute path on this machine, got none"),
        ([entry("gs://bucket/a")], "on this machine, got gs://bucket/a"),
        ([entry("file://host/a")], "model separator: base_path: file://host/a: must be file:///"),
        (['name: "a" base_path: "/a"'], "model a: must have model_platform tensorflow, got none"),
        (
            ['name: "a" base_path: "/a" model_platform: "other"'],
            "must have model_platform tensorflow, got other",
        ),
        (
            ['name: "a" base_path: "/a" model_type: OTHER'],
            "must have model_platform tensorflow, got other",
        ),
        ([entry("/a", rest="model_type: TENSORFLOW")], "got tensorflow and tensorflow"),
    ],
)
def test_a_wrong_configuration_is_refused_as_by_tensorflow_serving(entries, words):
    with pytest.raises(StatusError, match=words) as caught:
        read_models(config(*entries))
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture
def folder(tmp_path):
    for version in (1, 2, 3):
        (tmp_path / str(version)).mkdir()
        (tmp_path / str(version) / "saved_model.pb").touch()
    return tmp_path


def follow(models, *entries):
    models.configure(read_models(config(*entries)))
    for found in models.folders.values():
        found.refresh()


def used(models, **spec):
    with models.use(ModelSpec(**spec)) as (version, _):
        return version


def refusal(models, **spec):
    with pytest.raises(StatusError) as caught:
        used(models, **spec)
    return caught.value.code.name, caught.value.message


def test_labels_move_only_to_available_versions(folder):
    models = ServedModels(FakeModel)
    follow(models, entry(folder, rest=specific(1, stable=1, canary=1)))
    assert used(models, name="separator", version_label="stable") == 1
    wrong = entry(folder, rest=specific(2, stable=1, canary=2))
    with pytest.raises(StatusError, match=r"label canary of model separator: .* got 2") as caught:
        follow(models, wrong, entry(folder, "other"))
    assert caught.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert models.folders.keys() == {"separator"}
    models.folders["separator"].refresh()
    assert used(models, name="separator", version_label="canary") == 1

    follow(models, entry(folder, rest=specific(1, 2, stable=1, canary=1)))
    follow(models, entry(folder, rest=specific(1, 2, stable=1, canary=2)))
    assert used(models, name="separator", version_label="canary") == 2
    follow(models, entry(folder, rest=specific(2, stable=2)))
    assert used(models, name="separator", version_label="stable") == 2
    assert refusal(models, name="separator", version_label="canary") == (
        "INVALID_ARGUMENT",
        "Unrecognized servable version label: canary",
    )


def test_a_new_label_may_come_before_its_version(folder):
    models = ServedModels(FakeModel)
    follow(models, entry(folder, rest=specific(1, 9, next=9)))
    assert refusal(models, name="separator", version_label="next") == (
        "NOT_FOUND",
        "Servable not found for request: Specific(separator, 9)",
    )


def test_a_model_that_is_left_out_ends_and_its_states_stay(folder):
    models = ServedModels(FakeModel)
    follow(models, entry(folder), entry(folder, "other", specific(1, stable=1)))
    follow(models, entry(folder))
    assert refusal(models, name="other")[0] == "NOT_FOUND"
    assert refusal(models, name="other", version_label="stable")[0] == "INVALID_ARGUMENT"
    assert [status.state.name for status in models.statuses(ModelSpec(name="other")).values()] == [
        "END"
    ]
    follow(models, entry(folder), entry(folder, "other", specific(2, stable=2)))
    assert used(models, name="other", version_label="stable") == 2


def test_a_model_that_is_left_out_is_closed_after_its_last_request(folder):
    models = ServedModels(FakeModel)
    follow(models, entry(folder))
    with models.use(ModelSpec(name="separator")) as (_, in_use):
        follow(models)
        models.end_removed()
        assert not in_use.closed
    models.end_removed()
    assert in_use.closed
