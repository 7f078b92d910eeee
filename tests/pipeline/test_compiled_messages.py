"""What a task gets, and what it gives to later ones, in both dialects of both platforms."""

import json

import pytest
from tiny_pipelines import (
    NEW,
    OLD,
    Tiny,
    from_pipeline,
    from_task,
    spec_of,
    write_job,
    write_yaml,
)

from data_prep.errors import UserError
from pipeline.compiled.compiled_reader import read_compiled
from pipeline.compiled.compiled_run import run_pipeline
from pipeline.compiled.place_mapping import parse_places

WRITERS = {
    "vertex 2.0": (OLD, write_job),
    "vertex 2.1": (NEW, write_job),
    "kubeflow": (NEW, write_yaml),
}


@pytest.fixture(params=WRITERS)
def run(request, tmp_path):
    """Run tasks as a platform's file; give the folder of the run's artifacts."""
    dialect, write = WRITERS[request.param]

    def run(tasks, **fields):
        path = write(tmp_path / "file", spec_of(tasks, dialect, **fields), str(tmp_path / "root"))
        pipeline = read_compiled(str(path), parse_places(()))
        result = run_pipeline(pipeline, str(tmp_path / "out"), report=lambda line: None)
        assert result.root == str(tmp_path / "root" / result.run_id)
        return tmp_path / "root" / result.run_id

    run.dialect = dialect
    return run


def test_parameters_have_their_types(run):
    parameters = {"text": 'a "b" é {', "whole": 3, "real": 0.5}
    script = "write('out', json.dumps([value(n) for n in ('text', 'whole', 'real')]))"
    root = run({"A": Tiny(script, parameters, writes=["out"])})
    assert json.loads((root / "A" / "out" / "data.txt").read_text()) == ['a "b" é {', 3, 0.5]


def test_message_is_that_of_the_dialect(run):
    parameters = {"whole": 3}
    script = "pathlib.Path(made('out')['uri'], 'call.json').write_text(sys.argv[1])"
    root = run({"A": Tiny(script, parameters, writes=["out"])})
    call = json.loads((root / "A" / "out" / "call.json").read_text())
    old, new = call["inputs"]["parameters"], call["inputs"]["parameterValues"]
    expected = ({"whole": {"intValue": 3}}, {}) if run.dialect is OLD else ({}, {"whole": 3})
    assert (old, new) == expected
    [artifact] = call["outputs"]["artifacts"]["out"]["artifacts"]
    assert artifact["uri"] == str(root / "A" / "out")
    assert artifact["type"] == {"instanceSchema": "title: tfx.Model\ntype: object\n"}
    assert call["outputs"]["outputFile"] == str(root / "A" / "executor_output.json")


def test_artifacts_pass_on_with_metadata_and_name(run):
    tasks = {
        "A": Tiny("write('out', 'x'); answer(out={'blessed': 1, 'tags': ['a']})", writes=["out"]),
        # One that says nothing about its artifact passes it on as it was.
        "B": Tiny("write('out', read('a') + 'y')", artifacts={"a": "A.out"}, writes=["out"]),
        "C": Tiny(
            "write('out', json.dumps([read('b'), given('a'), given('b')]))",
            artifacts={"a": "A.out", "b": "B.out"},
            writes=["out"],
        ),
    }
    root = run(tasks)
    text, a, b = json.loads((root / "C" / "out" / "data.txt").read_text())
    assert text == "xy"
    assert a["metadata"] == {"blessed": 1, "tags": ["a"]}
    assert b["metadata"] == {}
    assert a["name"] != b["name"]
    assert a["name"].endswith("/A/out")


@pytest.mark.parametrize(
    "how",
    [
        "answer({'number': 7, 'name': 'n'})",
        # As components of Kubeflow may do.
        "[pathlib.Path(outputs['parameters'][k]['outputFile']).write_text(v)"
        " for k, v in (('number', '7'), ('name', 'n'))]",
    ],
)
def test_parameters_pass_from_task_to_task(run, how):
    returns = {"number": "NUMBER_INTEGER", "name": "STRING"}
    parameters = {"name": from_task("A", "name")}
    tasks = {
        "A": Tiny(how, returns=returns),
        "B": Tiny("write('out', value('name'))", parameters, writes=["out"]),
    }
    assert (run(tasks) / "B" / "out" / "data.txt").read_text() == "n"


def test_parameters_of_the_pipeline_have_defaults(run):
    fields = {
        "inputDefinitions": {
            "parameters": {"who": {"defaultValue": "w", **run.dialect.definition("w")}}
        }
    }
    tasks = {"A": Tiny("write('out', value('x'))", {"x": from_pipeline("who")}, writes=["out"])}
    assert (run(tasks, **fields) / "A" / "out" / "data.txt").read_text() == "w"


def test_importer_gives_what_exists(run, tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "data.txt").write_text("old")
    constant = run.dialect.source(str(tmp_path / "made"))["runtimeValue"]
    importer = {
        "artifactUri": constant,
        "typeSchema": {"instanceSchema": "title: tfx.Model\ntype: object\n"},
        "metadata": {"split_names": "[]"},
    }
    tasks = {
        "I": Tiny(writes=["result"], executor={"importer": importer}),
        "A": Tiny(
            "write('out', json.dumps([read('i'), given('i')['metadata']]))",
            artifacts={"i": "I.result"},
            writes=["out"],
        ),
    }
    text, metadata = json.loads((run(tasks) / "A" / "out" / "data.txt").read_text())
    assert (text, metadata) == ("old", {"split_names": "[]"})


def test_importer_reads_its_place_from_a_parameter(run, tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "data.txt").write_text("old")
    importer = {"artifactUri": {"runtimeParameter": "artifact_uri"}}
    parameters = {"artifact_uri": str(tmp_path / "made")}
    tasks = {
        "I": Tiny(parameters=parameters, writes=["result"], executor={"importer": importer}),
        "A": Tiny("write('out', read('i'))", artifacts={"i": "I.result"}, writes=["out"]),
    }
    assert (run(tasks) / "A" / "out" / "data.txt").read_text() == "old"


def test_placeholders_in_commands_parameters_and_environment(run):
    args = [
        "{{$}}",
        "{{$.inputs.parameters['x']}}/{{$.outputs.artifacts['out'].uri}}",
        "{{$.outputs.parameters['p'].output_file}}",
        "{{$.pipeline_job_name}}",
    ]
    script = """
        pathlib.Path(sys.argv[3]).write_text("p")
        write("out", json.dumps([sys.argv[2], sys.argv[4], value("x"), os.environ["WHO"]]))
    """
    container = {"args": args, "env": [{"name": "WHO", "value": "me"}]}
    parameters = {"x": "job {{$.pipeline_job_name}}"}
    tasks = {
        "A": Tiny(script, parameters, writes=["out"], returns={"p": "STRING"}, container=container)
    }
    root = run(tasks)
    found = json.loads((root / "A" / "out" / "data.txt").read_text())
    job = f"job {root.name}"
    assert found == [f"{job}/{root / 'A' / 'out'}", root.name, job, "me"]


def test_a_value_is_one_file_in_the_place_of_the_folder(run, tmp_path):
    """As TFX writes texts and numbers that are passed from stage to stage."""
    task = Tiny("pathlib.Path(made('out')['uri']).write_text('v')", writes=["out"])
    spec = spec_of({"A": task}, run.dialect)
    definition = spec["components"]["A"]["outputDefinitions"]["artifacts"]["out"]
    definition["artifactType"] = {"instanceSchema": "title: tfx.String\ntype: object\n"}
    path = write_job(tmp_path / "job", spec, str(tmp_path / "root"))
    pipeline = read_compiled(str(path), parse_places(()))
    result = run_pipeline(pipeline, str(tmp_path / "out"), report=lambda line: None)
    assert (tmp_path / "root" / result.run_id / "A" / "out").read_text() == "v"


@pytest.mark.parametrize(
    ("script", "returns", "message"),
    [
        ("", {"p": "STRING"}, "A: output parameter p: must be written by the task, got nothing"),
        ("answer({'p': 'x'})", {"p": "NUMBER_INTEGER"}, "p: must be a whole number, got 'x'"),
        ("pathlib.Path(outputs['outputFile']).write_text('{')", {}, "must be an ExecutorOutput"),
    ],
)
def test_a_wrong_answer_is_a_failure(run, script, returns, message):
    with pytest.raises(UserError, match=message):
        run({"A": Tiny(script, returns=returns)})
