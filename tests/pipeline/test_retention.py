"""What is removed of earlier runs, and what stays."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from data_prep import storage
from data_prep.storage.usage import usage
from pipeline.retention.old_runs import old_artifacts
from pipeline.retention.removals import given_up, old_versions

DAY = 86_400


@pytest.fixture(params=["local", "remote"])
def place(request, tmp_path):
    """A folder on this machine or in an object store."""
    return str(tmp_path) if request.param == "local" else f"memory://retention-{time.time_ns()}"


def write_version(folder, number):
    for file in ("saved_model.pb", "variables/variables.index"):
        storage.write_text(storage.join(folder, str(number), file), "text")


def test_the_newest_versions_of_each_kind_stay(place):
    for number in (1, 2, 10):
        write_version(f"{place}/separator", number)
    write_version(f"{place}/classifier", 1)
    found = old_versions(place, ["separator", "classifier", "none"], keep=1)
    assert [removal.folder for removal in found] == [f"{place}/separator/{n}" for n in (2, 1)]
    assert all(removal.size == 8 for removal in found)


def test_folders_are_given_up_by_their_newest_file(tmp_path):
    for name, days in (("old", 20), ("used", 20), ("new", 1)):
        file = tmp_path / name / "deep" / "file"
        file.parent.mkdir(parents=True)
        file.write_text("text")
        os.utime(file, (time.time() - days * DAY,) * 2)
    (tmp_path / "used" / "other").touch()
    (tmp_path / "file").touch()
    [removal] = given_up(str(tmp_path), 14, "checkpoints")
    assert removal.folder == str(tmp_path / "old")
    assert removal.reason == "checkpoints, unchanged for 14 days"
    assert given_up(str(tmp_path / "missing"), 14, "checkpoints") == []


def test_usage_counts_files_in_any_store(place):
    before = time.time()
    assert usage(f"{place}/x").files == 0
    storage.write_text(f"{place}/x/a", "12")
    storage.write_text(f"{place}/x/b/c", "345")
    found = usage(f"{place}/x")
    assert (found.files, found.size) == (2, 5)
    assert before - 2 <= found.changed <= time.time() + 2


@pytest.fixture
def store():
    config = mlmd.ConnectionConfig()
    config.fake_database.SetInParent()
    return MetadataStore(config)


def note_run(store, name, used, made):
    """Note a run whose one execution used and made artifacts."""
    kinds = {
        kind: store.put_context_type(mlmd.ContextType(name=kind))
        for kind in ("pipeline", "pipeline_run")
    }
    execution = mlmd.Execution(type_id=store.put_execution_type(mlmd.ExecutionType(name="Trainer")))
    contexts = []
    for kind, each in (("pipeline", name.partition("-")[0]), ("pipeline_run", name)):
        known = store.get_context_by_type_and_name(kind, each)
        contexts.append(known or mlmd.Context(type_id=kinds[kind], name=each))
    kind = store.put_artifact_type(mlmd.ArtifactType(name="Model"))
    pairs = []
    for event, folders in ((mlmd.Event.INPUT, used), (mlmd.Event.OUTPUT, made)):
        for folder in folders:
            known = store.get_artifacts_by_uri(str(folder))
            artifact = known[0] if known else mlmd.Artifact(type_id=kind, uri=str(folder))
            pairs.append((artifact, mlmd.Event(type=event)))
    store.put_execution(execution, pairs, contexts)


def test_what_the_newest_runs_made_or_used_stays(store, tmp_path):
    folders = {name: tmp_path / "artifacts" / name for name in "abcdef"}
    for folder in folders.values():
        folder.mkdir(parents=True)
        (folder / "file").write_text("12")
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    note_run(store, "one-1", [], [folders["a"], folders["b"], outside])
    note_run(store, "one-2", [folders["a"]], [folders["c"]])
    time.sleep(0.01)
    note_run(store, "one-3", [folders["a"]], [folders["d"]])
    note_run(store, "two-1", [], [folders["e"]])
    found = old_artifacts(store, tmp_path / "artifacts", keep=1)
    assert [Path(removal.folder).name for removal in found] == ["b", "c"]
    assert {removal.size for removal in found} == {2}
    assert old_artifacts(store, tmp_path / "artifacts", keep=3) == []


def test_a_dry_run_removes_nothing(tmp_path):
    for number in (1, 2):
        write_version(str(tmp_path / "serving" / "separator"), number)
    words = ["prune", "--output", str(tmp_path), "--set", "retention.models=1"]

    def prune(*more):
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", *words, *more],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    first, last = prune("--dry-run")
    assert first.startswith(f"{tmp_path}/serving/separator/1  0.0 MB, not among the newest 1")
    assert last == "would remove 1 folders, 0.0 MB"
    assert (tmp_path / "serving" / "separator" / "1").is_dir()
    assert prune()[-1] == "removed 1 folders, 0.0 MB"
    assert [path.name for path in (tmp_path / "serving" / "separator").iterdir()] == ["2"]
    assert prune() == ["removed 0 folders, 0.0 MB"]
