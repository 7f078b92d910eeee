"""What is refused before anything runs, each in one line that names the thing."""

import copy
import json

import pytest
from tiny_pipelines import OLD, Tiny, from_pipeline, from_task, spec_of

from data_prep.errors import UserError
from pipeline.compiled.compiled_reader import read_compiled
from pipeline.compiled.place_mapping import parse_places

SPEC = spec_of(
    {
        "A": Tiny(parameters={"x": "1"}, writes=["out"], returns={"p": "STRING"}),
        "B": Tiny(parameters={"y": from_task("A", "p")}, artifacts={"a": "A.out"}),
    }
)


def read(value, tmp_path, places=()):
    path = tmp_path / "file.json"
    path.write_text(json.dumps(value))
    return read_compiled(str(path), parse_places(places))


def message(value, tmp_path):
    with pytest.raises(UserError) as raised:
        read(value, tmp_path)
    text = str(raised.value)
    assert text.startswith(f"{tmp_path}/file.json: ")
    assert "\n" not in text
    return text.removeprefix(f"{tmp_path}/file.json: ")


def task(spec, name="A"):
    return spec["root"]["dag"]["tasks"][name]


def executor(spec):
    return spec["deploymentSpec"]["executors"]["A_executor"]


def inputs(spec, name="A"):
    return task(spec, name)["inputs"]


def component(spec):
    return spec["components"]["A"]


JOB = "components.training.job_executor.TrainingJobExecutor"
RESOLVER = {"resolver": {"outputArtifactQueries": {"model": {"filter": "state=LIVE"}}}}
HOOK = {"preCacheCheck": {"command": ["python"]}}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda s: s.update(color=1), 'no field named "color"'),
        (lambda s: task(s).update(color=1), 'no field named "color" at "PipelineSpec.root.dag.ta'),
        (lambda s: executor(s)["container"].update(color=1), 'no field named "color"'),
        (lambda s: s.update(components=3), "must have the fields of a PipelineSpec"),
        (lambda s: s.update(pipelineInfo={}), "pipelineInfo.name: must be the pipeline's name"),
        (lambda s: s["root"].update(dag={}), "root.dag.tasks: must hold at least one task"),
        # executors
        (
            lambda s: s["deploymentSpec"]["executors"].update(A_executor=RESOLVER),
            "task A: executor that runs here: must be one of container, importer, got 'resolver'",
        ),
        (
            lambda s: executor(s)["container"].update(lifecycle=HOOK),
            "task A: lifecycle.preCacheCheck: must be empty to run here",
        ),
        (lambda s: executor(s)["container"].pop("command"), "task A: command: must be given to"),
        (lambda s: s["deploymentSpec"]["executors"].pop("A_executor"), "task A: executor: must be"),
        (lambda s: s["components"].pop("A"), "task A: componentRef: must name a component"),
        (
            lambda s: s["components"].update(A={"dag": {}}),
            "task A: component A: must have an executorLabel to run here, got none",
        ),
        (
            lambda s: executor(s)["container"]["args"].append("{{$.inputs.color}}"),
            "task A: placeholder: must be one that is known here, got '{{$.inputs.color}}'",
        ),
        (
            lambda s: executor(s)["container"]["args"].append('{"IfPresent": {}}'),
            "task A: placeholder: must be no structure to run here, got '{\"IfPresent\": {}}'",
        ),
        (
            lambda s: executor(s)["container"]["args"].append("--runner=DataflowRunner"),
            "task A: --runner=DataflowRunner: must run on this machine; compile with cloud.data",
        ),
        (
            lambda s: executor(s)["container"]["args"].append(JOB),
            f"task A: {JOB}: must run on this machine; compile with cloud.vertex.training=null",
        ),
        # tasks
        (
            lambda s: task(s).update(triggerPolicy={"condition": "1 == 1"}),
            "task A: triggerPolicy.condition: must be empty to run here",
        ),
        (
            lambda s: task(s).update(triggerPolicy={"strategy": "WHEN_THE_MOON_IS_FULL"}),
            "WHEN_THE_MOON_IS_FULL",
        ),
        (
            lambda s: task(s).update(parameterIterator={"itemInput": "x"}),
            "task A: parameterIterator: must be empty to run here",
        ),
        (
            lambda s: task(s).update(cachingOptions={"cacheKey": "k"}),
            "task A: cachingOptions.cacheKey: must be empty to run here",
        ),
        (
            lambda s: s["root"]["dag"]["tasks"].update({"../A": task(s)}),
            "task ../A: name: must be letters, digits, '.', '-' and '_', got '../A'",
        ),
        # dependencies
        (
            lambda s: task(s).update(dependentTasks=["C"]),
            "task A: must depend on tasks of the pipeline, got C",
        ),
        (
            # As TFX's compiler names the producers of parameters.
            lambda s: inputs(s, "B")["parameters"].update(y=from_task("A_task", "p")),
            "task B: must depend on tasks of the pipeline, got A_task",
        ),
        (
            lambda s: inputs(s, "B")["parameters"].update(y=from_task("A", "q")),
            "task B: input y: must be an output parameter of A, got q",
        ),
        (
            lambda s: inputs(s, "B")["artifacts"]["a"]["taskOutputArtifact"].update(
                outputArtifactKey="no"
            ),
            "task B: input a: must be an output artifact of A, got no",
        ),
        (
            lambda s: task(s).update(dependentTasks=["B"]),
            "tasks: must not depend on each other in a circle, got ",
        ),
        (
            lambda s: inputs(s, "B")["artifacts"].update(a={"componentInputArtifact": "x"}),
            "task B: componentInputArtifact: must be empty to run here",
        ),
        # parameters
        (
            lambda s: inputs(s)["parameters"].update(x={"runtimeValue": {"constant": 1}}),
            "task A: parameter x: must be a text, got 1",
        ),
        (lambda s: inputs(s)["parameters"].pop("x"), "task A: parameter x: must have a value"),
        (
            lambda s: inputs(s)["parameters"].update(z=inputs(s)["parameters"]["x"]),
            "task A: parameters: must be those of the component, got z",
        ),
        (
            lambda s: inputs(s)["parameters"].update(x=from_pipeline("who")),
            "task A: parameter x: the pipeline's parameter who must have a value, got none",
        ),
        (
            lambda s: inputs(s)["parameters"].update(x={"taskFinalStatus": {}}),
            "parameter x: source that can be read here: must be one of runtime_value, ",
        ),
        (
            lambda s: component(s)["inputDefinitions"]["parameters"].update(x={}),
            "task A: parameter x: must have one of the types NUMBER_INTEGER, ",
        ),
        (
            lambda s: component(s)["outputDefinitions"]["artifacts"]["out"].update(
                isArtifactList=True
            ),
            "task A: output artifact out: must be one artifact with metadata to run here",
        ),
    ],
)
def test_what_cannot_run_here_is_refused(change, expected, tmp_path):
    spec = copy.deepcopy(SPEC)
    change(spec)
    assert expected in message(spec, tmp_path)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], "must be a compiled pipeline, a PipelineJob as JSON or a PipelineSpec as YAML, got"),
        ({"a": 1}, "must be a compiled pipeline, "),
        ({"pipelineSpec": 1}, "must be a compiled pipeline, "),
        ({"pipelineSpec": SPEC, "runtimeConfig": {"parameters": 1}}, "RuntimeConfig"),
        (
            {"pipelineSpec": SPEC, "runtimeConfig": {"parameterValues": {"z": 1}}},
            "runtimeConfig: must have parameters of the pipeline, got z",
        ),
        (
            {"pipelineSpec": SPEC, "runtimeConfig": {"inputArtifacts": {"z": {}}}},
            "runtimeConfig.inputArtifacts: must be empty to run here",
        ),
    ],
)
def test_other_files_are_refused(value, expected, tmp_path):
    assert expected in message(value, tmp_path)


def test_given_parameters_replace_defaults(tmp_path):
    definition = {"parameters": {"n": {"type": "INT"}}}
    spec = spec_of({"A": Tiny(parameters={"x": 1})}, OLD, inputDefinitions=definition)
    task(spec)["inputs"]["parameters"]["x"] = from_pipeline("n")
    job = {"pipelineSpec": spec, "runtimeConfig": {"parameters": {"n": {"intValue": 5}}}}
    [found] = read(job, tmp_path).tasks
    assert found.parameters["x"].source.value == 5
    job["runtimeConfig"] = {"parameters": {"n": {"stringValue": "five"}}}
    assert "parameter n: must be a whole number, got 'five'" in message(job, tmp_path)


def test_machines_are_in_words(tmp_path):
    spec = copy.deepcopy(SPEC)
    accelerator = {"type": "NVIDIA_L4", "count": "2"}
    resources = {"cpuLimit": 4.0, "memoryLimit": 16.0, "accelerator": accelerator}
    executor(spec)["container"]["resources"] = resources
    first, second = read(spec, tmp_path).tasks
    assert first.body.machine == "4 vCPU, 16 GB, 2 NVIDIA_L4"
    assert second.body.machine == ""


def test_places_are_replaced_everywhere(tmp_path):
    texts = [
        "gs://b/x",
        "--temp=gs://b",
        '{"uri": "gs://b/v/1", "other": "gs://b2/x"}',
        "gs://b-3/y",
    ]
    spec = spec_of({"A": Tiny(parameters={"x": json.dumps(texts)}, container={"args": texts})})
    job = {"pipelineSpec": spec, "runtimeConfig": {"gcsOutputDirectory": "gs://b/artifacts/"}}
    bucket, videos = tmp_path / "my bucket", tmp_path / "videos"
    bucket.mkdir()
    videos.mkdir()
    found = read(job, tmp_path, (f"gs://b={bucket}", f"gs://b/v/={videos}"))
    expected = [
        f"{bucket}/x",
        f"--temp={bucket}",
        f'{{"uri": "{videos}/1", "other": "gs://b2/x"}}',
        "gs://b-3/y",
    ]
    [task] = found.tasks
    assert list(task.body.command[-4:]) == expected
    assert json.loads(task.parameters["x"].source.value) == expected
    assert found.root == f"{bucket}/artifacts/"
    assert found.buckets == ("gs://b-3", "gs://b2")


@pytest.mark.parametrize("place", ["gs://backet", "gs://buck", "gs://bucket/other", "s3://bucket"])
def test_a_place_that_nothing_names_is_refused(place, tmp_path):
    job = {"pipelineSpec": spec_of({"A": Tiny()})}
    job["runtimeConfig"] = {"gcsOutputDirectory": "gs://bucket/artifacts/"}
    with pytest.raises(UserError) as raised:
        read(job, tmp_path, (f"{place}={tmp_path}",))
    expected = f"must begin a URI of the file, which names gs://bucket, got {place}"
    assert str(raised.value).endswith(f"--place: {expected}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gs://b", "--place: must be URI=FOLDER, as in gs://BUCKET=bucket, got 'gs://b'"),
        ("b=c", "--place: must be URI=FOLDER"),
        ("gs://=c", "--place: must be URI=FOLDER"),
        ("gs://b=", "--place: must be URI=FOLDER"),
        ("gs://b=gs://c", "--place: must be URI=FOLDER"),
        ('gs://b=a"b', "--place: must be a folder without any of "),
        ("gs://b=a[b]", "--place: must be a folder without any of "),
        ("gs://b=/dev/null", "--place: must be a folder that exists, got a file: /dev/null"),
        ("gs://b=/no/such", "--place: must be a folder that exists, got none: /no/such"),
    ],
)
def test_wrong_places(text, expected):
    with pytest.raises(UserError, match="--place") as raised:
        parse_places((text,))
    assert expected in str(raised.value)


def test_a_place_is_given_once():
    with pytest.raises(UserError, match="must have each URI once, got gs://b twice"):
        parse_places(("gs://b=x", "gs://b/=y"))
