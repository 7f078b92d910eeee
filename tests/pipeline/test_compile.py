import json
import subprocess
import sys

import pytest
import yaml
from tfx.utils import import_utils

from components.analyses.artifact import Analysis
from pipeline.config import load_config
from pipeline.runners.vertex import compile_for_vertex


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    output = tmp_path_factory.mktemp("compiled") / "pipeline.json"
    compile_for_vertex(load_config("demo", ["vertex.image=registry/image:1"]), output)
    return json.loads(output.read_text())


def test_compiled_pipeline_has_every_stage_with_the_image(compiled):
    spec = compiled["pipelineSpec"]
    tasks = set(spec["root"]["dag"]["tasks"])
    assert {"MixtureGen", "DataGate", "Trainer", "Evaluator", "Pusher"} <= tasks
    executors = spec["deploymentSpec"]["executors"]
    images = {e["container"]["image"] for e in executors.values() if "container" in e}
    assert images == {"registry/image:1"}
    resources = executors["Trainer_executor"]["container"]["resources"]
    assert resources["accelerator"] == {"count": "1", "type": "NVIDIA_TESLA_A100"}


def test_trainer_waits_for_the_gate(compiled):
    trainer = compiled["pipelineSpec"]["root"]["dag"]["tasks"]["Trainer"]
    assert "DataGate" in trainer["dependentTasks"]


def test_schema_lies_beside_the_pipeline(tmp_path):
    schema = compile_for_vertex(load_config("demo"), tmp_path / "new" / "pipeline.yaml")
    assert schema == tmp_path / "new" / "schema.pbtxt"
    assert 'name: "v1_frames"' in schema.read_text()


@pytest.mark.parametrize(
    ("settings", "stage"),
    [
        (["analysis.control_shifts=[-0.5, 0, 0.5]"], "ControlShift"),
        (["system=i3d", "separators.c2=gs://bucket/serving/1"], "ActionRecognition"),
    ],
)
def test_analyses_are_compiled_for_the_system_they_fit(compiled, settings, stage, tmp_path):
    output = tmp_path / "pipeline.json"
    compile_for_vertex(load_config("demo", settings), output)
    spec = json.loads(output.read_text())["pipelineSpec"]
    assert stage not in compiled["pipelineSpec"]["root"]["dag"]["tasks"]
    assert "Pusher" in spec["root"]["dag"]["tasks"][stage]["dependentTasks"]
    [output] = spec["components"][stage]["outputDefinitions"]["artifacts"].values()
    title = yaml.safe_load(output["artifactType"]["instanceSchema"])["title"]
    # By its name the platform's runner imports the type.
    assert import_utils.import_class_by_path(title) is Analysis


def test_nothing_of_this_machine_is_compiled_in(compiled, request):
    assert str(request.config.rootpath) not in json.dumps(compiled)


def test_other_endings_are_an_error_on_one_line(tmp_path):
    words = ["compile", "--config", "demo", "--output", str(tmp_path / "pipeline.txt")]
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "must be a .json or .yaml file" in done.stderr
