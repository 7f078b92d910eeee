"""The cache: which tasks are served from it, and which are not."""

import copy
import shutil

import pytest
from tiny_pipelines import CACHED, NEW, OLD, Tiny, from_task, spec_of, write_job

from pipeline.compiled.compiled_reader import read_compiled
from pipeline.compiled.compiled_run import run_pipeline
from pipeline.compiled.place_mapping import parse_places

COUNT = "write('out', value('x')); open(os.environ['COUNTS'], 'a').write('A')"


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Run a spec, and give the tasks that were executed, as letters."""
    counts = tmp_path / "counts"
    monkeypatch.setenv("COUNTS", str(counts))

    def run(spec):
        counts.write_text("")
        path = write_job(tmp_path / "job.json", spec, str(tmp_path / "root"))
        pipeline = read_compiled(str(path), parse_places(()))
        lines = []
        result = run_pipeline(pipeline, str(tmp_path / "out"), lines.append)
        cached = [line for line in lines if line.endswith(": cached")]
        assert len(cached) == result.cached
        return counts.read_text()

    return run


def two(**changes):
    """Two tasks, B reads A's artifact and parameter."""
    a = {"script": COUNT + "; answer({'p': 'p'}, out={'k': 1})", "parameters": {"x": "1"}}
    script = "write('out', read('a')); open(os.environ['COUNTS'], 'a').write('B')"
    tasks = {
        "A": Tiny(
            **{**a, "writes": ["out"], "returns": {"p": "STRING"}, "more": CACHED, **changes}
        ),
        "B": Tiny(script, {"p": from_task("A", "p")}, {"a": "A.out"}, writes=["out"], more=CACHED),
    }
    return spec_of(tasks)


def test_equal_tasks_are_served_from_the_cache(runs, tmp_path):
    assert runs(two()) == "AB"
    assert runs(two()) == ""
    assert runs(two()) == ""
    # The outputs are those of the first run.
    first, *others = sorted((tmp_path / "root").iterdir())
    assert (first / "A" / "out" / "data.txt").exists()
    assert not others


def test_a_task_without_the_option_always_runs(runs):
    spec = two(more={})
    assert runs(spec) == "AB"
    # B's input is another artifact then, though an equal one.
    assert runs(spec) == "AB"


def changed(change):
    spec = two()
    change(spec)
    return spec


def container(spec):
    return spec["deploymentSpec"]["executors"]["A_executor"]["container"]


def parameters(spec):
    return spec["root"]["dag"]["tasks"]["A"]["inputs"]["parameters"]


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: container(spec).update(image="registry/image:2"),
        lambda spec: container(spec)["command"].insert(1, "-W ignore"),
        lambda spec: container(spec)["args"].append("more"),
        lambda spec: container(spec).update(env=[{"name": "X", "value": "1"}]),
        lambda spec: parameters(spec)["x"].update(runtimeValue={"constant": "2"}),
        lambda spec: spec["components"]["A"]["outputDefinitions"]["artifacts"].update(
            more={"artifactType": {"schemaTitle": "tfx.Model"}}
        ),
        lambda spec: spec["pipelineInfo"].update(name="other"),
    ],
    ids=["image", "command", "args", "env", "parameter", "outputs", "pipeline"],
)
def test_every_part_of_the_key_matters(runs, change):
    assert runs(two()) == "AB"
    assert runs(changed(change)) == "AB"
    assert runs(two()) == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: container(spec).update(resources={"cpuLimit": 8}),
        lambda spec: spec["root"]["dag"]["tasks"]["A"].update(retryPolicy={"maxRetryCount": 1}),
        lambda spec: spec.update(sdkVersion="tfx-2"),
    ],
    ids=["resources", "retries", "sdk"],
)
def test_what_does_not_compute_does_not_matter(runs, change):
    assert runs(two()) == "AB"
    assert runs(changed(change)) == ""


def test_other_packages_compute_again(runs, monkeypatch):
    assert runs(two()) == "AB"
    with monkeypatch.context() as upgrade:
        upgrade.setattr("pipeline.package_versions._installed", lambda package: "99")
        assert runs(two()) == "AB"
    assert runs(two()) == ""


def test_equal_outputs_of_another_run_are_another_input(runs):
    """As on the platforms: B gets an artifact with another name."""
    spec = two()
    assert runs(spec) == "AB"
    once = copy.deepcopy(spec)
    del once["root"]["dag"]["tasks"]["A"]["cachingOptions"]
    assert runs(once) == "AB"


def test_a_failed_task_is_not_in_the_cache(runs, tmp_path):
    flag = tmp_path / "flag"
    script = COUNT + f"; answer({{'p': 'p'}}); sys.exit(not os.path.exists({str(flag)!r}))"
    with pytest.raises(ValueError, match="A: exit code 1"):
        runs(two(script=script))
    flag.touch()
    assert runs(two(script=script)) == "AB"
    assert runs(two(script=script)) == ""


def test_deleted_outputs_are_made_again(runs, tmp_path):
    assert runs(two()) == "AB"
    shutil.rmtree(tmp_path / "root")
    assert runs(two()) == "AB"


@pytest.mark.parametrize("dialect", [OLD, NEW])
@pytest.mark.parametrize(("reimport", "expected"), [(False, ""), (True, "A")])
def test_an_imported_artifact_is_the_same_in_every_run(runs, dialect, reimport, expected, tmp_path):
    constant = dialect.source(str(tmp_path))["runtimeValue"]
    importer = {"importer": {"artifactUri": constant, "reimport": reimport}}
    tasks = {
        "I": Tiny(writes=["result"], executor=importer),
        "A": Tiny(
            "open(os.environ['COUNTS'], 'a').write('A')", artifacts={"i": "I.result"}, more=CACHED
        ),
    }
    spec = spec_of(tasks, dialect)
    assert runs(spec) == "A"
    assert runs(spec) == expected
