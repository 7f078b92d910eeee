"""Every setting of a cloud run that cannot be right is refused in one line."""

import pytest
from cloud_settings import kubeflow_config, vertex_config

from components.analyses.registry import ANALYSES
from data_prep.errors import UserError
from pipeline.cloud.checks import (
    check_for_kubeflow,
    check_for_vertex,
    check_kubeflow_connection,
    check_vertex_connection,
)
from pipeline.cloud.machine_checks import accelerators
from pipeline.cloud.stage_names import component_name, stage_names

TRAINING = "cloud.vertex.training={machine_type: a2-highgpu-1g"
GPUS = "cloud.stages.Trainer={gpus: 1, gpu_type: nvidia.com/gpu}"
DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    "override",
    [
        "cloud.image=image:1",
        "cloud.image=registry.example:5000/team/image:v1.2-rc_3",
        f"cloud.image=registry.example/image@{DIGEST}",
        f"cloud.image=registry.example/image:latest@{DIGEST}",
        "cloud.labels={team: video, cost-center: a_1}",
        "cloud.stages={default: {cpus: 8}, Trainer: {gpus: 1, gpu_type: NVIDIA_L4}}",
        "cloud.annotations=[gs://my-bucket/train.csv]",
        "cloud.serving=gs://other-bucket/serving",
        "cloud.videos=https://example.com/videos",
        "cloud.vertex.project=example.com:my-project",
        "cloud.vertex.region=northamerica-northeast1",
        "cloud.vertex.endpoint=https://private.example/path",
        "cloud.vertex.training={gpus: 0, gpu_types: [], workers: 2}",
        "cloud.vertex.training={}",
        f"{TRAINING}, gpu_types: [NVIDIA_L4, NVIDIA_TESLA_T4], machine_types: "
        "{NVIDIA_L4: g2-standard-8}}",
        "cloud.dataflow={machine_type: n2-standard-8}",
    ],
)
def test_right_settings_for_vertex(override):
    check_for_vertex(vertex_config(override))


def test_a_file_is_compiled_without_a_project():
    check_for_vertex(vertex_config("cloud.vertex={}"))
    with pytest.raises(UserError, match="project"):
        check_vertex_connection(vertex_config("cloud.vertex={}").cloud)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("cloud.image=''", "cloud.image: must be an image with a version's tag or a digest"),
        ("cloud.image=image", "cloud.image: must be an image with a version's tag"),
        ("cloud.image=registry.example:5000/image", "cloud.image: must be an image with"),
        ("cloud.image=image:latest", "latest changes between runs, got 'image:latest'"),
        ("cloud.image='my image:1'", "cloud.image: must be an image"),
        ("cloud.image=image@sha256:12", "cloud.image: must be an image"),
        ("cloud.root=''", "cloud.root: must be a URI that every machine can read"),
        ("cloud.root=my-bucket/x", "cloud.root: must be a URI that every machine can read, such"),
        ("cloud.root=/data/x", "cloud.root: must be a URI that every machine can read"),
        ("cloud.root=file:///data/x", "cloud.root: must be a URI that every machine can read"),
        ("cloud.root=s3://my-bucket/x", "cloud.root: must begin with gs://, got s3://my-bucket/x"),
        ("cloud.root=gs://BUCKET/x", "cloud.root: must name your bucket, got the placeholder gs"),
        ("cloud.root=gs://MY_BUCKET/x", "cloud.root: must name your bucket, got the placeholder"),
        ("cloud.root=gs:///x", "cloud.root: must name a bucket, got 'gs:///x'"),
        ("cloud.videos=''", "cloud.videos: must be a URI that every machine can read"),
        ("cloud.videos=videos", "cloud.videos: must be a URI that every machine can read"),
        ("cloud.videos=foo://x", "cloud.videos: must have a scheme that is known, got foo://x"),
        ("cloud.annotations=[train.csv]", "cloud.annotations: must be a URI"),
        ("cloud.serving=gs://BUCKET/x", "cloud.serving: must name your bucket"),
        ("mixtures=mixtures", "mixtures: must be a URI that every machine can read"),
        ("cloud.labels={1a: b}", "cloud.labels: a name must begin with a letter, got '1a'"),
        (
            f"cloud.labels={{{', '.join(f'a{n}: b' for n in range(65))}}}",
            "cloud.labels: must be at most 64 labels, got 65",
        ),
        ("cloud.stages={Train: {}}", "cloud.stages: must be among default, Index, MixtureGen,"),
        ("cloud.stages={Trainer: {gpus: 1}}", "Trainer.gpu_type: must be given with gpus: 1"),
        ("cloud.stages={Trainer: {gpu_type: NVIDIA_L4}}", "Trainer.gpus: must be at least 1"),
        (GPUS, "Trainer.gpu_type: must be one of NVIDIA_"),
        ("cloud.stages={Trainer: {gpus: 1, gpu_type: TPU_V3}}", "must be one of NVIDIA_"),
        ("cloud.stages={default: {spot: true}}", "spot: must be unset for Vertex AI, got True;"),
        ("cloud.stages={default: {timeout_hours: 3}}", "cloud.vertex.training.timeout_hours"),
        ("cloud.stages={default: {node_labels: {a: b}}}", "cpus, memory_gb and gpu_type"),
        ("cloud.vertex.project=''", "cloud.vertex.project: must be the ID of a Google Cloud"),
        ("cloud.vertex.project=PROJECT", "cloud.vertex.project: must be the ID of a Google"),
        ("cloud.vertex.region=''", "cloud.vertex.region: must be a Google Cloud region such as"),
        ("cloud.vertex.region=us-central1-a", "cloud.vertex.region: must be a Google Cloud region"),
        ("cloud.vertex.service_account=me", "cloud.vertex.service_account: must be a service"),
        ("cloud.vertex.network=default", "cloud.vertex.network: must be projects/NUMBER/global"),
        ("cloud.vertex.encryption_key=key", "cloud.vertex.encryption_key: must be projects/P"),
        (
            "cloud.vertex.encryption_key=projects/p/locations/eu/keyRings/r/cryptoKeys/k",
            "cloud.vertex.encryption_key: must be in us-central1, got eu",
        ),
        ("cloud.vertex.endpoint=localhost:80", "cloud.vertex.endpoint: must be an address such"),
        ("cloud.vertex.endpoint=http://user@host", "cloud.vertex.endpoint: must be an address"),
        (f"{TRAINING}, gpu_types: [L4]}}", "training.gpu_types: must be one of NVIDIA_"),
        (f"{TRAINING}, gpu_types: []}}", "gpu_types: must name a type with gpus: 1, got none"),
        (f"{TRAINING}, gpus: 0, gpu_types: [NVIDIA_L4]}}", "gpus: must be at least 1"),
        (f"{TRAINING}, gpu_types: [NVIDIA_L4, NVIDIA_L4]}}", "gpu_types: must differ"),
        (f"{TRAINING}, machine_types: {{NVIDIA_L4: g2-standard-4}}}}", "must be for gpu_types"),
        ("cloud.vertex.training={machine_type: big}", "must be a machine type such as n2-stand"),
        ("cloud.vertex.training={workers: 3}", "batch: must be divisible by the 3 devices, got 8"),
        (f"{TRAINING}, gpus: 8, workers: 2}}", "batch: must be divisible by the 16 devices, got 8"),
        ("cloud.stages={Trainer: {gpus: 3, gpu_type: NVIDIA_L4}}", "by the 3 devices, got 8"),
        ("cloud.beam_args=[--colour]", "--colour: must be an option of"),
        ("cloud.dataflow={machine_type: big}", "cloud.dataflow.machine_type: must be a machine"),
        ("cloud.dataflow={image: 'image:latest'}", "cloud.dataflow.image: must be an image"),
    ],
)
def test_wrong_settings_for_vertex(override, words):
    config = vertex_config(override)
    with pytest.raises(UserError) as error:
        check_vertex_connection(config.cloud)
        check_for_vertex(config)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "override",
    [
        GPUS,
        "cloud.stages={default: {spot: true, timeout_hours: 3, node_labels: {disk: ssd}}}",
        "cloud.kubeflow={namespace: team-1, service_account: runner}",
    ],
)
def test_right_settings_for_kubeflow(override):
    check_for_kubeflow(kubeflow_config(override))


def test_s3_needs_a_tensorflow_that_knows_it(monkeypatch):
    config = kubeflow_config("cloud.root=s3://my-bucket/x")
    monkeypatch.setattr("data_prep.stack.version", lambda package: "2.16.2")
    check_for_kubeflow(config)
    monkeypatch.setattr("data_prep.stack.version", lambda package: "2.21.0")
    with pytest.raises(
        UserError, match=r"cloud\.root: must begin with gs:// with TensorFlow 2\.21"
    ):
        check_for_kubeflow(config)
    with pytest.raises(UserError, match=r"cloud\.serving: must begin with gs://"):
        check_for_kubeflow(kubeflow_config("cloud.serving=s3://my-bucket/x"))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("cloud.root=my-bucket/x", "cloud.root: must be a URI that every machine can read"),
        ("cloud.stages={Trainer: {gpus: 1, gpu_type: NVIDIA_L4}}", "such as nvidia.com/gpu, got"),
        ("cloud.kubeflow.namespace=My_Team", "cloud.kubeflow.namespace: must be a Kubernetes name"),
        ("cloud.kubeflow.service_account=a/b", "cloud.kubeflow.service_account: must be a Kube"),
        ("cloud.kubeflow.experiment=' '", "cloud.kubeflow.experiment: must be a name"),
        ("cloud.dataflow={}", "cloud.vertex.project: must be the ID of a Google Cloud project"),
        ("cloud.image=image:latest", "cloud.image: must be an image with a version's tag"),
    ],
)
def test_wrong_settings_for_kubeflow(override, words):
    with pytest.raises(UserError) as error:
        check_for_kubeflow(kubeflow_config(override))
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.batch=5", "batch: must be divisible by the 2 devices, got 5"),
        ("train.accumulate=2", "accumulate: must be 1 on several devices, got 2 on 2"),
        ("train.precision=mixed_float16", "mixed_float16: needs a single device, got 2"),
    ],
)
def test_what_several_devices_cannot_train_is_refused_before_they_are_paid_for(override, words):
    gpus = "cloud.stages.Trainer={gpus: 2, gpu_type: nvidia.com/gpu}"
    check_for_kubeflow(kubeflow_config(override))
    with pytest.raises(UserError, match=words):
        check_for_kubeflow(kubeflow_config(override, gpus))
    check_for_vertex(vertex_config(override))
    with pytest.raises(UserError, match=words):
        check_for_vertex(vertex_config(override, "cloud.vertex.training={workers: 2}"))


@pytest.mark.parametrize("endpoint", ["''", "localhost:8888", "ftp://host", "http://"])
def test_wrong_endpoints_of_kubeflow(endpoint):
    config = kubeflow_config(f"cloud.kubeflow.endpoint={endpoint}")
    with pytest.raises(UserError, match=r"cloud.kubeflow.endpoint: must be the address of the API"):
        check_kubeflow_connection(config.cloud)


def test_dataflow_needs_a_folder_on_google_cloud():
    config = kubeflow_config("cloud.dataflow={}", "cloud.root=s3://my-bucket/x")
    with pytest.raises(UserError, match=r"cloud.root: must begin with gs://"):
        check_for_kubeflow(config)


def test_dataflow_is_the_only_runner():
    config = vertex_config("cloud.dataflow={}", "cloud.beam_args=[--runner=FlinkRunner]")
    with pytest.raises(UserError, match=r"must name no runner with cloud.dataflow"):
        check_for_vertex(config)


def test_given_mixtures_need_no_videos():
    check_for_vertex(vertex_config("cloud.videos=''", "mixtures=gs://my-bucket/mixtures"))


def test_accelerators_are_those_of_vertex_ai():
    assert {"NVIDIA_L4", "NVIDIA_TESLA_A100", "NVIDIA_H100_80GB"} <= set(accelerators())


@pytest.mark.slow
def test_an_analysis_is_a_stage_by_the_name_of_its_component():
    for name, analysis in ANALYSES.items():
        module = __import__(analysis.code_module, fromlist=["component"])
        assert hasattr(module, component_name(name))
        assert component_name(name) in stage_names()


def test_the_stage_trains_or_a_job_does():
    gpu = "cloud.stages.Trainer={gpus: 1, gpu_type: NVIDIA_L4}"
    with pytest.raises(UserError, match=r"Trainer\.gpus: must be 0 with cloud"):
        check_for_vertex(vertex_config("cloud.vertex.training={}", gpu))
    with pytest.raises(UserError, match=r"Trainer\.gpus: must be at least 1 on Kubeflow"):
        check_for_kubeflow(kubeflow_config("cloud.vertex.training={}"))
    check_for_kubeflow(kubeflow_config("cloud.vertex.training={}", GPUS))


@pytest.mark.slow
def test_mixtures_of_another_run_have_no_videos_to_read():
    overrides = ("mixtures=gs://my-bucket/mixtures", "analyses.control_shift={}")
    with pytest.raises(UserError, match=r"analyses\.control_shift: must be left out"):
        check_for_vertex(vertex_config(*overrides))


def test_a_slash_at_the_end_of_a_folder_means_nothing():
    cloud = vertex_config("cloud.root=gs://my-bucket/video/").cloud
    assert (cloud.root, cloud.models) == ("gs://my-bucket/video", "gs://my-bucket/video/serving")
