import doctest
import json
import subprocess
import sys

import pytest
import yaml
from tfx.utils import import_utils

from components.analyses.artifact import AnalysisArtifact
from pipeline import create
from pipeline.config import load_config
from pipeline.runners.vertex import compile_for_vertex


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    output = tmp_path_factory.mktemp("compiled") / "pipeline.json"
    compile_for_vertex(load_config("demo", ["vertex.image=registry/image:1"]), output)
    return json.loads(output.read_text())


def test_example_of_create_pipeline_runs():
    failed, tried = doctest.testmod(create)
    assert (failed, tried > 4) == (0, True)


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


@pytest.mark.parametrize(
    ("system", "kind"),
    [("c2", "separator"), ("c3_internal", "controlled-separator"), ("i3d", "classifier")],
)
def test_every_kind_is_pushed_to_its_own_folder(system, kind, tmp_path):
    output = tmp_path / "pipeline.json"
    compile_for_vertex(load_config("demo", [f"model.system={system}"]), output)
    spec = json.loads(output.read_text())["pipelineSpec"]
    assert f'gs://BUCKET/serving/{kind}\\"' in json.dumps(spec["root"]["dag"]["tasks"]["Pusher"])
    assert spec["pipelineInfo"]["name"].startswith(f"{kind}-8x48x48")


def test_schema_is_written_beside_the_pipeline(tmp_path):
    schema = compile_for_vertex(load_config("demo"), tmp_path / "new" / "pipeline.yaml")
    assert schema == tmp_path / "new" / "schema.pbtxt"
    assert 'name: "v1_frames"' in schema.read_text()


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
def test_analyses_are_compiled_for_the_system_they_fit(compiled, settings, stage, tmp_path):
    output = tmp_path / "pipeline.json"
    compile_for_vertex(load_config("demo", settings), output)
    spec = json.loads(output.read_text())["pipelineSpec"]
    assert stage not in compiled["pipelineSpec"]["root"]["dag"]["tasks"]
    assert "Pusher" in spec["root"]["dag"]["tasks"][stage]["dependentTasks"]
    [output] = spec["components"][stage]["outputDefinitions"]["artifacts"].values()
    title = yaml.safe_load(output["artifactType"]["instanceSchema"])["title"]
    # The platform's runner imports the type by its name.
    assert import_utils.import_class_by_path(title) is AnalysisArtifact


def test_report_reads_every_analysis(tmp_path):
    output = tmp_path / "pipeline.json"
    compile_for_vertex(load_config("demo", ["analyses.control_shift.shifts=[0]"]), output)
    tasks = json.loads(output.read_text())["pipelineSpec"]["root"]["dag"]["tasks"]
    assert "ControlShift" in tasks["Report"]["dependentTasks"]


def test_nothing_of_this_machine_is_compiled_in(compiled, request):
    assert str(request.config.rootpath) not in json.dumps(compiled)


def test_other_suffixes_are_an_error_on_one_line(tmp_path):
    words = ["compile", "--config", "demo", "--output", str(tmp_path / "pipeline.txt")]
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "must be a .json or .yaml file" in done.stderr
