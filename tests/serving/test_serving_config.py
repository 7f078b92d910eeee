"""TensorFlow Serving's files, read back by what will read them."""

import json
from importlib.metadata import version
from types import SimpleNamespace

import pytest
import yaml
from click.testing import CliRunner
from google.protobuf import text_format
from kubernetes.client import ApiClient
from serving_protos import BatchingParameters, MonitoringConfig
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from data_prep.settings import load
from serving.commands import main
from serving.config.deployment import BatchingSettings, DeploymentSettings

# Flags that tensorflow_model_server 2.16.1 knows; it ignores others.
FLAGS = """
port grpc_socket_path rest_api_port rest_api_num_threads rest_api_timeout_in_ms
rest_api_enable_cors_support enable_batching allow_version_labels_for_unavailable_models
batching_parameters_file enable_per_model_batching_parameters model_config_file
model_config_file_poll_wait_seconds model_name model_base_path num_load_threads
num_unload_threads max_num_load_retries load_retry_interval_micros
file_system_poll_wait_seconds flush_filesystem_caches tensorflow_session_parallelism
tensorflow_session_config_file tensorflow_intra_op_parallelism tensorflow_inter_op_parallelism
use_alts_credentials ssl_config_file platform_config_file per_process_gpu_memory_fraction
saved_model_tags grpc_channel_arguments grpc_max_threads enable_model_warmup
num_request_iterations_for_warmup version monitoring_config_file
remove_unused_fields_from_bundle_metagraph prefer_tflite_model num_tflite_pools
num_tflite_interpreters_per_pool enable_signature_method_name_check
xla_cpu_compilation_enabled enable_profiler thread_pool_factory_config_file mixed_precision
skip_initialize_tpu enable_grpc_healthcheck_service
"""
KINDS = {
    "ConfigMap": "V1ConfigMap",
    "Deployment": "V1Deployment",
    "Service": "V1Service",
    "PodDisruptionBudget": "V1PodDisruptionBudget",
}


@pytest.fixture
def models(tmp_path):
    """A folder as the pipeline leaves it."""
    folder = tmp_path / "a $folder's models"
    push(folder, "separator", 3)
    push(folder, "controlled-separator", 7)
    push(folder, "controlled-separator", 12)
    push(folder, "controlled-separator", "draft")
    push(folder, "controlled-separator", 2**63)
    text = folder / "controlled-separator" / "12" / "saved_model.pb"
    text.rename(text.with_suffix(".pbtxt"))
    return folder


def push(folder, model, number):
    (folder / model / str(number)).mkdir(parents=True)
    (folder / model / str(number) / "saved_model.pb").touch()


def configure(models, output, **settings):
    """Write the files, and return the command's output."""
    words = ["configure", "--models", str(models), "--output", str(output)]
    if settings:
        config = models.parent / "deployment.yaml"
        config.write_text(yaml.safe_dump(settings))
        words += ["--config", str(config)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    return result.output


def served(models):
    """Return the models of `models.config` by name."""
    text = (models / "models.config").read_text()
    config = text_format.Parse(text, ModelServerConfig())
    return {model.name: model for model in config.model_config_list.config}


def compose(output):
    return yaml.safe_load((output / "compose.yaml").read_text())["services"]["serving"]


def kubernetes(output):
    """Return the manifests by kind, those of a kind in their order."""
    found = {}
    for manifest in yaml.safe_load_all((output / "kubernetes.yaml").read_text()):
        found.setdefault(manifest["kind"], []).append(manifest)
    return found


def container(output):
    (deployment,) = kubernetes(output)["Deployment"]
    (found,) = deployment["spec"]["template"]["spec"]["containers"]
    return found


def test_every_model_starts_with_its_newest_version(models, tmp_path):
    output = configure(models, tmp_path / "out")
    assert output.splitlines()[-2:] == [
        "controlled-separator: canary 12, stable 12",
        "separator: canary 3, stable 3",
    ]
    found = served(models)
    assert found.keys() == {"separator", "controlled-separator"}
    model = found["controlled-separator"]
    assert model.base_path == "/models/controlled-separator"
    assert model.model_platform == "tensorflow"
    assert list(model.model_version_policy.specific.versions) == [12]
    assert dict(model.version_labels) == {"stable": 12, "canary": 12}


def test_written_again_new_models_join_those_with_labels(models, tmp_path):
    configure(models, tmp_path / "out")
    push(models, "separator", 4)
    push(models, "classifier", 1)
    configure(models, tmp_path / "out")
    labels = {name: dict(model.version_labels) for name, model in served(models).items()}
    assert labels == {
        "controlled-separator": {"stable": 12, "canary": 12},
        "separator": {"stable": 3, "canary": 3},
        "classifier": {"stable": 1, "canary": 1},
    }


@pytest.mark.parametrize(
    ("largest", "sizes"), [(1, [1]), (2, [1, 2]), (4, [1, 2, 4]), (6, [1, 2, 4, 6])]
)
def test_batches_are_bounded_and_their_sizes_end_at_the_largest(models, tmp_path, largest, sizes):
    batching = BatchingSettings(max_batch_size=largest, max_enqueued_batches=9, threads=3)
    configure(models, tmp_path, batching=batching.model_dump())
    text = (tmp_path / "batching_parameters.txt").read_text()
    found = text_format.Parse(text, BatchingParameters())
    assert found.max_batch_size.value == largest
    assert list(found.allowed_batch_sizes) == sizes
    assert found.max_enqueued_batches.value == 9
    assert found.num_batch_threads.value == 3
    assert found.batch_timeout_micros.value == 5_000


def test_metrics_are_where_prometheus_looks(models, tmp_path):
    configure(models, tmp_path)
    text = (tmp_path / "monitoring_config.txt").read_text()
    found = text_format.Parse(text, MonitoringConfig()).prometheus_config
    assert found.enable
    (deployment,) = kubernetes(tmp_path)["Deployment"]
    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] == found.path
    assert f"--rest_api_port={annotations['prometheus.io/port']}" in compose(tmp_path)["command"]


def test_the_image_is_the_release_of_the_api_and_no_newer_than_tensorflow():
    release = version("tensorflow-serving-api")
    serving, tensorflow = (
        [int(part) for part in text.split(".")[:2]] for text in (release, version("tensorflow"))
    )
    assert serving <= tensorflow
    assert DeploymentSettings().tagged_image == f"tensorflow/serving:{release}"
    assert DeploymentSettings(gpus=1).tagged_image == f"tensorflow/serving:{release}-gpu"


def test_flags_are_those_of_the_server_and_name_files_that_it_sees(models, tmp_path):
    configure(models, tmp_path, cpus=6, poll_seconds=3)
    words = compose(tmp_path)["command"]
    assert container(tmp_path)["args"] == words
    flags = dict(word.removeprefix("--").split("=", 1) for word in words)
    assert flags.keys() <= {*FLAGS.split()}
    assert len(flags) == len(words)
    assert flags["model_config_file"] == "/models/models.config"
    assert flags["model_config_file_poll_wait_seconds"] == "3"
    assert flags["tensorflow_intra_op_parallelism"] == "6"
    mounts = {
        mount["target"]: mount["source"].replace("$$", "$")
        for mount in compose(tmp_path)["volumes"]
    }
    assert mounts == {"/models": str(models), "/config": "."}
    (config,) = kubernetes(tmp_path)["ConfigMap"]
    for flag in ("batching_parameters_file", "monitoring_config_file"):
        name = flags[flag].removeprefix("/config/")
        # YAML ends a block with one newline, and so does the file.
        assert config["data"][name] == (tmp_path / name).read_text()


def test_manifests_have_the_fields_that_kubernetes_knows(models, tmp_path):
    configure(models, tmp_path, gpus=2)
    client = ApiClient()
    found = kubernetes(tmp_path)
    assert found.keys() == KINDS.keys()
    for kind, manifests in found.items():
        for manifest in manifests:
            text = SimpleNamespace(data=json.dumps(manifest))
            known = client.deserialize(text, KINDS[kind])
            assert client.sanitize_for_serialization(known) == manifest


def test_servers_are_replaced_without_a_gap(models, tmp_path):
    configure(models, tmp_path, replicas=3, drain_seconds=20)
    found = kubernetes(tmp_path)
    (deployment,) = found["Deployment"]
    spec = deployment["spec"]
    assert spec["replicas"] == 3
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > 20
    server = container(tmp_path)
    assert server["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "20"]
    # Every connection is renewed, elsewhere, while the server drains.
    assert "--grpc_channel_arguments=grpc.max_connection_age_ms=10000" in server["args"]
    assert "--enable_grpc_healthcheck_service=true" in server["args"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert server[probe]["grpc"] == {"port": 8500}
    labels = spec["template"]["metadata"]["labels"]
    selectors = [service["spec"]["selector"] for service in found["Service"]]
    (budget,) = found["PodDisruptionBudget"]
    selectors += [spec["selector"]["matchLabels"], budget["spec"]["selector"]["matchLabels"]]
    assert selectors == [labels] * 4


def test_another_batching_replaces_the_servers(models, tmp_path):
    digests = set()
    for size in (4, 4, 8):
        configure(models, tmp_path, batching={"max_batch_size": size})
        (deployment,) = kubernetes(tmp_path)["Deployment"]
        digests.add(deployment["spec"]["template"]["metadata"]["annotations"]["config-digest"])
    assert len(digests) == 2


@pytest.mark.parametrize("gpus", [0, 2])
def test_resources(models, tmp_path, gpus):
    configure(models, tmp_path, gpus=gpus, cpus=6, memory_gib=24)
    limits = {"cpu": "6", "memory": "24Gi"}
    resources = container(tmp_path)["resources"]
    assert resources["requests"] == limits
    assert resources["limits"] == limits | ({"nvidia.com/gpu": "2"} if gpus else {})
    found = compose(tmp_path)["deploy"]["resources"]
    assert found["limits"] == {"cpus": "6", "memory": "24g"}
    devices = [{"driver": "nvidia", "count": 2, "capabilities": ["gpu"]}]
    assert ("reservations" in found) == bool(gpus)
    assert not gpus or found["reservations"]["devices"] == devices
    assert compose(tmp_path)["image"] == container(tmp_path)["image"]


def test_models_in_an_object_store_are_not_mounted(tmp_path):
    from data_prep import storage

    storage.write_bytes("memory://bucket/serving/separator/5/saved_model.pb", b"")
    words = ["configure", "--models", "memory://bucket/serving", "--output", str(tmp_path)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert (
        "--model_config_file=memory://bucket/serving/models.config" in compose(tmp_path)["command"]
    )
    assert [mount["target"] for mount in compose(tmp_path)["volumes"]] == ["/config"]
    assert [mount["name"] for mount in container(tmp_path)["volumeMounts"]] == ["config"]
    text = storage.read_text("memory://bucket/serving/models.config")
    (model,) = text_format.Parse(text, ModelServerConfig()).model_config_list.config
    assert model.base_path == "memory://bucket/serving/separator"


def test_names_that_yaml_would_read_as_something_else(models, tmp_path):
    configure(models, tmp_path, name="true", claim="123")
    (deployment,) = kubernetes(tmp_path)["Deployment"]
    assert deployment["metadata"]["name"] == "true"
    volume = deployment["spec"]["template"]["spec"]["volumes"][1]
    assert volume["persistentVolumeClaim"]["claimName"] == "123"
    assert load(DeploymentSettings, {"name": "true"}, "x").name == "true"
