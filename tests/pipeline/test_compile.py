"""Compiled pipelines, as the platforms' own protos read them."""

import doctest
import json
import subprocess
import sys

import pytest
import yaml
from cloud_settings import COMMON, KUBEFLOW, VERTEX, command_line
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.utils import import_utils

from components.analyses.artifact import AnalysisArtifact
from components.training.job_config import TrainingJob
from data_prep.beam_options import check_options
from data_prep.errors import UserError
from pipeline import create
from pipeline.cloud.compiled_file import write_compiled
from pipeline.cloud.dataflow import beam_args_of
from pipeline.cloud.kubeflow_compilation import compile_for_kubeflow
from pipeline.cloud.platforms import PLATFORMS
from pipeline.cloud.stage_names import stage_names
from pipeline.cloud.vertex_compilation import compile_for_vertex
from pipeline.config import load_config

MACHINES = (
    "cloud.stages.default.cpus=2",
    "cloud.stages.Evaluator={cpus: 3, memory_gb: 16}",
    "cloud.stages.Trainer.cpus=12",
    "cloud.stages.Trainer.memory_gb=85",
    "cloud.stages.Trainer.gpus=2",
    "cloud.stages.Trainer.retries=0",
)


def for_vertex(*settings):
    [document] = compile_for_vertex(load_config("demo", (*VERTEX, *settings)))
    return document


def tasks_of(compiled):
    return compiled["pipelineSpec"]["root"]["dag"]["tasks"]


def containers_of(spec):
    executors = spec["deploymentSpec"]["executors"]
    return {
        name: executors[spec["components"][name]["executorLabel"]]["container"]
        for name in spec["root"]["dag"]["tasks"]
    }


@pytest.fixture(scope="module")
def compiled():
    return for_vertex(
        *MACHINES, "cloud.stages.Trainer.gpu_type=NVIDIA_L4", "cloud.labels={team: vision}"
    )


def test_example_of_create_pipeline_runs():
    failed, tried = doctest.testmod(create)
    assert (failed, tried > 4) == (0, True)


def test_every_stage_is_a_container_with_the_image(compiled):
    assert set(tasks_of(compiled)) <= set(stage_names())
    containers = containers_of(compiled["pipelineSpec"])
    assert {"Index", "MixtureGen", "DataGate", "Trainer", "Evaluator", "Pusher"} <= set(containers)
    assert {each["image"] for each in containers.values()} == {COMMON[0].partition("=")[2]}
    assert "Report" in stage_names()


def test_the_platforms_protos_read_it_without_an_unknown_field(compiled):
    job = json_format.ParseDict(compiled, pipeline_spec_pb2.PipelineJob())
    json_format.ParseDict(compiled["pipelineSpec"], pipeline_spec_pb2.PipelineSpec())
    json_format.ParseDict(
        compiled["pipelineSpec"]["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig()
    )
    assert job.runtime_config.gcs_output_directory == "gs://my-bucket/layered-video/artifacts"
    assert job.labels["team"] == "vision"


def test_each_stage_has_its_machine_and_retries(compiled):
    containers = containers_of(compiled["pipelineSpec"])
    trainer = containers.pop("Trainer")["resources"]
    assert trainer["accelerator"] == {"count": "2", "type": "NVIDIA_L4"}
    assert (trainer["cpuLimit"], trainer["memoryLimit"]) == (12, 85)
    assert containers.pop("Evaluator")["resources"] == {"cpuLimit": 3, "memoryLimit": 16}
    for container in containers.values():
        assert container["resources"] == {"cpuLimit": 2, "memoryLimit": 16}
    retries = {name: task.get("retryPolicy") for name, task in tasks_of(compiled).items()}
    assert retries.pop("Trainer") is None
    assert {each["backoffMaxDuration"] for each in retries.values()} == {"3600s"}
    assert {each["maxRetryCount"] for each in retries.values()} == {2}


def test_the_index_is_never_cached_and_hands_over_the_manifest(compiled):
    tasks = tasks_of(compiled)
    caching = {name: task.get("cachingOptions", {}) for name, task in tasks.items()}
    assert caching.pop("Index") == {}
    assert all(options["enableCache"] for options in caching.values())
    output = tasks["MixtureGen"]["inputs"]["parameters"]["manifest"]["taskOutputParameter"]
    assert output == {"producerTask": "Index", "outputParameterKey": "manifest"}
    assert output["producerTask"] in tasks


def test_trainer_waits_for_the_gate(compiled):
    assert "DataGate" in tasks_of(compiled)["Trainer"]["dependentTasks"]


def test_beam_uses_all_cpus_of_the_machine_by_default(compiled):
    args = containers_of(compiled["pipelineSpec"])["MixtureGen"]["args"]
    assert {"--direct_num_workers=2", "--direct_running_mode=multi_processing"} <= set(args)
    evaluator = containers_of(compiled["pipelineSpec"])["Evaluator"]["args"]
    assert "--direct_num_workers=3" in evaluator


def test_dataflows_options_follow_from_the_settings():
    config = load_config(
        "demo",
        (
            *VERTEX,
            "cloud.dataflow.machine_type=n2-standard-4",
            "cloud.vertex.service_account=runs@my-project.iam.gserviceaccount.com",
            "cloud.labels={team: vision}",
        ),
    )
    args = beam_args_of(config.cloud, "MixtureGen")
    check_options(args)
    assert {
        "--runner=DataflowRunner",
        "--project=my-project",
        "--region=us-central1",
        "--temp_location=gs://my-bucket/layered-video/temp",
        "--sdk_container_image=registry.example/layered-video:1.4",
        "--worker_machine_type=n2-standard-4",
        "--service_account_email=runs@my-project.iam.gserviceaccount.com",
        "--labels=team=vision",
        "--no_use_public_ips",
    } <= set(args)


def test_kubeflow_gets_two_documents_if_pods_need_more_than_containers():
    gpu = "cloud.stages.Trainer.gpu_type=nvidia.com/gpu"
    [alone] = compile_for_kubeflow(load_config("demo", (*KUBEFLOW, *MACHINES, gpu)))
    json_format.ParseDict(alone, pipeline_spec_pb2.PipelineSpec())
    accelerator = containers_of(alone)["Trainer"]["resources"]["accelerator"]
    assert (accelerator["resourceType"], accelerator["resourceCount"]) == ("nvidia.com/gpu", "2")
    assert alone["defaultPipelineRoot"] == "gs://my-bucket/layered-video/artifacts"
    more = (
        "cloud.stages.Trainer.spot=true",
        "cloud.stages.Trainer.timeout_hours=2",
        "cloud.stages.Trainer.node_labels={cloud.google.com/gke-accelerator: nvidia-l4}",
    )
    spec, platform = compile_for_kubeflow(load_config("demo", (*KUBEFLOW, *MACHINES, gpu, *more)))
    json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
    [(label, pod)] = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].items()
    assert label == spec["components"]["Trainer"]["executorLabel"]
    assert pod["nodeSelector"]["labels"] == {
        "cloud.google.com/gke-accelerator": "nvidia-l4",
        "cloud.google.com/gke-spot": "true",
    }
    assert pod["activeDeadlineSeconds"] == "7200"


@pytest.mark.parametrize(
    ("system", "kind"),
    [("c2", "separator"), ("c3_internal", "controlled-separator"), ("i3d", "classifier")],
)
def test_every_kind_is_pushed_to_its_own_folder(system, kind):
    compiled = for_vertex(f"model.system={system}")
    folder = f'gs://my-bucket/layered-video/serving/{kind}\\"'
    tasks = tasks_of(compiled)
    assert folder in json.dumps(tasks["Pusher"])
    assert folder.rstrip('\\"') in json.dumps(tasks["Evaluator"])
    assert compiled["displayName"].startswith(f"{kind}-8x48x48")


@pytest.mark.parametrize(
    ("settings", "stage"),
    [
        (["analyses.control_shift.shifts=[-0.5, 0, 0.5]"], "ControlShift"),
        (
            ["model.system=i3d", "analyses.action_recognition.separators.c2=gs://bucket/serving/1"],
            "ActionRecognition",
        ),
    ],
)
def test_analyses_are_compiled_for_the_system_they_fit(compiled, settings, stage):
    found = for_vertex(*settings)
    assert stage in stage_names()
    assert stage not in tasks_of(compiled)
    assert "Pusher" in tasks_of(found)[stage]["dependentTasks"]
    assert stage in tasks_of(found)["Report"]["dependentTasks"]
    component = found["pipelineSpec"]["components"][stage]
    [output] = component["outputDefinitions"]["artifacts"].values()
    title = yaml.safe_load(output["artifactType"]["instanceSchema"])["title"]
    # The platform's runner imports the type by its name.
    assert import_utils.import_class_by_path(title) is AnalysisArtifact


def test_mixtures_of_another_run_are_imported_without_an_index():
    tasks = tasks_of(for_vertex("mixtures=gs://my-bucket/mixtures"))
    assert "ImportMixtures" in tasks
    assert not {"Index", "MixtureGen"} & set(tasks)


def test_nothing_of_this_machine_is_compiled_in(compiled, request):
    assert str(request.config.rootpath) not in json.dumps(compiled)


def test_files_hold_what_was_compiled(compiled, tmp_path):
    write_compiled([compiled], tmp_path / "p.json")
    assert json.loads((tmp_path / "p.json").read_text()) == compiled
    documents = [compiled["pipelineSpec"], {"platforms": {}}]
    write_compiled(documents, tmp_path / "p.yaml")
    assert list(yaml.safe_load_all((tmp_path / "p.yaml").read_text())) == documents


@pytest.mark.parametrize(
    ("target", "settings", "name"), [("vertex", VERTEX, "p.json"), ("kubeflow", KUBEFLOW, "p.yaml")]
)
def test_the_command_writes_a_file(target, settings, name, tmp_path):
    output = tmp_path / "new" / name
    words = f"compile --target {target} --output {output} {command_line(settings)}"
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *words.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert str(output) in done.stdout
    assert output.stat().st_size > 1000


def test_a_compiled_pipeline_starts_from_a_model_it_can_reach(tmp_path):
    found = for_vertex("model.initial=gs://bucket/serving/separator/3")
    assert "gs://bucket/serving/separator/3" in json.dumps(found)
    pushed = json.dumps(tasks_of(for_vertex("model.initial=pushed"))["Trainer"])
    served = "gs://my-bucket/layered-video/serving/controlled-separator"
    assert served in pushed
    assert served not in json.dumps(tasks_of(for_vertex())["Trainer"])
    with pytest.raises(UserError, match=r"model\.initial: must be a URI or pushed in a compiled"):
        for_vertex(f"model.initial={tmp_path}")


KINETICS = (
    "cloud.image=us-central1-docker.pkg.dev/my-project/video/layered-video:1.4",
    "cloud.root=gs://my-bucket/layered-video",
    "cloud.videos=gs://my-bucket/kinetics-600",
    "cloud.annotations=[gs://my-bucket/train.csv]",
    "cloud.vertex.project=my-project",
    "cloud.vertex.region=us-central1",
    "cloud.vertex.service_account=runs@my-project.iam.gserviceaccount.com",
)


def test_every_setting_of_kinetics_reaches_the_compiled_pipeline():
    as_it_is = load_config("kinetics")
    for platform in PLATFORMS.values():
        with pytest.raises(UserError, match=r"PROJECT|BUCKET"):
            platform.check(as_it_is)
    config = load_config("kinetics", KINETICS)
    PLATFORMS["vertex"].check_connection(config)
    PLATFORMS["vertex"].check(config)
    [compiled] = PLATFORMS["vertex"].compile(config)
    tasks = tasks_of(compiled)
    containers = containers_of(compiled["pipelineSpec"])
    assert "ControlShift" in tasks
    assert compiled["labels"]["team"] == "video"
    for name, stage in config.cloud.stages.items():
        for found in [name] if name in tasks else set(tasks) - set(config.cloud.stages):
            resources = containers[found]["resources"]
            assert resources == {"cpuLimit": stage.cpus, "memoryLimit": stage.memory_gb}
            assert tasks[found]["retryPolicy"]["maxRetryCount"] == stage.retries
    for name in ("MixtureGen", "StatisticsGen", "Evaluator"):
        args = containers[name]["args"]
        check_options([arg for arg in args if arg.startswith("--") and "json" not in arg][1:])
        assert {"--runner=DataflowRunner", "--max_num_workers=16"} <= set(args)
    trainer = tasks["Trainer"]["inputs"]["parameters"]["custom_config"]["runtimeValue"]["constant"]
    job = TrainingJob.model_validate_json(json.loads(trainer)["job"])
    assert job.config == config.cloud.vertex.training
    assert job.service_account == config.cloud.vertex.service_account
    assert (job.project, job.region, job.image) == (
        "my-project",
        "us-central1",
        config.cloud.image,
    )
    assert "TrainingJobExecutor" in " ".join(containers["Trainer"]["args"])


def test_kinetics_is_compiled_for_kubeflow():
    settings = (
        *KINETICS,
        "cloud.stages.Trainer={cpus: 12, memory_gb: 85, gpus: 1, gpu_type: nvidia.com/gpu}",
        "cloud.kubeflow.endpoint=https://kubeflow.example.com",
    )
    config = load_config("kinetics", settings)
    PLATFORMS["kubeflow"].check(config)
    [spec] = PLATFORMS["kubeflow"].compile(config)
    trainer = containers_of(spec)["Trainer"]
    assert trainer["resources"]["accelerator"]["resourceCount"] == "1"
    assert "GenericExecutor" in " ".join(trainer["args"])
