"""What is removed of earlier runs, and what stays."""

import os
import subprocess
import sys
import time

import pytest
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.evaluation.baseline import find_baseline
from components.mixture_gen.attempts import note_attempt
from data_prep import storage
from data_prep.errors import UserError
from data_prep.storage.usage import usage
from models.export.exported_weights import CLIP
from pipeline.retention.old_runs import old_artifacts
from pipeline.retention.pruning import remove
from pipeline.retention.removals import given_up, given_up_mixtures
from pipeline.retention.retention_config import RetentionConfig
from pipeline.retention.served_versions import old_versions
from serving.config.labels import promoted
from serving.config.models_config import ModelsConfig

DAY = 86_400
DONE, FAILED, CACHED = mlmd.Execution.COMPLETE, mlmd.Execution.FAILED, mlmd.Execution.CACHED


@pytest.fixture(params=["local", "remote"])
def place(request, tmp_path):
    """A folder on this machine or in an object store."""
    return str(tmp_path) if request.param == "local" else f"memory://retention-{time.time_ns()}"


def write_version(folder, number, clip=None):
    files = {"saved_model.pb": str(number), "variables/variables.index": str(number)}
    if clip:
        files[CLIP] = clip
    for file, text in files.items():
        storage.write_text(storage.join(folder, str(number), file), text)


def names_of(removals):
    return [storage.name(removal.folder) for removal in removals]


def test_the_newest_versions_of_each_kind_stay(place):
    for number in (1, 2, 10):
        write_version(f"{place}/separator", number)
    write_version(f"{place}/classifier", 1)
    found = old_versions(place, ["separator", "classifier", "none"], keep=1)
    assert [removal.folder for removal in found] == [f"{place}/separator/{n}" for n in (2, 1)]
    assert all(removal.size == 2 for removal in found)


def test_versions_that_a_label_names_stay(place):
    for number in range(1, 9):
        write_version(f"{place}/separator", number)
        write_version(f"{place}/classifier", number)
    labels = promoted({"stable": 2, "canary": 5}, "stable", 3)  # 2 is where a rollback goes
    config = ModelsConfig.empty().with_model("controlled", "/models/separator", labels)
    # Between loading a version and moving a label to it.
    config.with_labels("controlled", labels, loaded=[6]).write(f"{place}/models.config")
    assert names_of(old_versions(place, ["separator"], keep=1)) == ["7", "4", "1"]
    assert len(old_versions(place, ["classifier"], keep=1)) == 7
    storage.write_text(f"{place}/models.config", "no configuration")
    with pytest.raises(UserError, match=r"models\.config: must be a ModelServerConfig"):
        old_versions(place, ["separator"], keep=1)


def test_the_baseline_of_each_size_of_clips_stays(place):
    for number, clip in enumerate(("small", "small", "large", "large", "small", "large"), start=1):
        write_version(f"{place}/separator", number, clip)
    write_version(f"{place}/new", 1, "small")
    before = find_baseline(f"{place}/separator", f"{place}/new/1")
    found = old_versions(place, ["separator"], keep=1)
    assert names_of(found) == ["4", "3", "2", "1"]
    remove(found)
    assert find_baseline(f"{place}/separator", f"{place}/new/1") == before != ""


def write_old(file, days=20):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("text")
    os.utime(file, (time.time() - days * DAY,) * 2)


def test_folders_are_given_up_by_their_newest_file(tmp_path):
    for name, days in (("old", 20), ("used", 20), ("new", 1)):
        write_old(tmp_path / name / "deep" / "file", days)
    (tmp_path / "used" / "other").touch()
    (tmp_path / "file").touch()
    [removal] = given_up(str(tmp_path), 14, "checkpoints")
    assert removal.folder == str(tmp_path / "old")
    assert removal.reason == "checkpoints, unchanged for 14 days"
    assert given_up(str(tmp_path / "missing"), 14, "checkpoints") == []
    with pytest.raises(ValueError, match="unfinished_days"):  # running jobs have checkpoints too
        RetentionConfig(unfinished_days=0)


def begin_mixtures(unfinished, *attempts):
    """Begin mixtures in the folders of attempts, long ago."""
    for attempt in attempts:
        write_old(attempt / "Split-train" / "records.tfrecord")
        note_attempt(str(unfinished), str(attempt))
    write_old(unfinished / "reports" / "one.json")
    for noted in (unfinished / "attempts").iterdir():
        os.utime(noted, (time.time() - 20 * DAY,) * 2)


def test_the_records_of_mixtures_that_were_given_up_go_with_their_list(tmp_path):
    root = tmp_path / "output"
    attempts = [root / "artifacts" / "MixtureGen" / "examples" / str(n) for n in range(3)]
    elsewhere = tmp_path / "copied" / "artifacts" / "7"
    begin_mixtures(root / "unfinished" / "old", *attempts[:2], elsewhere)
    begin_mixtures(root / "unfinished" / "running", attempts[2])
    (attempts[2] / "Split-train" / "another.tfrecord").touch()
    found = given_up_mixtures(str(root / "unfinished"), 14, str(root))
    folders = [removal.folder for removal in found]
    assert sorted(folders[:2]) == [str(attempt) for attempt in attempts[:2]]
    assert folders[2:] == [str(root / "unfinished" / "old")]
    assert [removal.size for removal in found[:2]] == [4, 4]
    remove(found)
    assert not attempts[0].exists() and not (root / "unfinished" / "old").exists()
    assert (elsewhere / "Split-train" / "records.tfrecord").exists()
    assert (root / "unfinished" / "running" / "reports").exists()


def test_what_links_lead_to_stays(tmp_path, store):
    outside, output = tmp_path / "outside", tmp_path / "output"
    write_old(outside / "file")
    for number in (1, 2, 3):
        write_version(str(outside / "models"), number)
        write_version(str(output / "serving" / "separator"), number + 1)
    (output / "serving" / "classifier").symlink_to(outside / "models")
    (output / "serving" / "separator" / "1").symlink_to(outside / "models" / "1")
    write_old(output / "checkpoints" / "mine" / "file")
    inner = output / "checkpoints" / "mine" / "link"
    inner.symlink_to(outside)
    os.utime(inner, (time.time() - 20 * DAY,) * 2, follow_symlinks=False)
    (output / "checkpoints" / "linked").symlink_to(outside)
    artifacts = output / "artifacts"
    write_old(artifacts / "kept" / "part" / "file")
    (artifacts / "inner").symlink_to(artifacts / "kept" / "part")
    (artifacts / "outer").symlink_to(outside)
    write_old(artifacts / "old" / "file")
    note_run(store, "one-1", [], [artifacts / name for name in ("inner", "outer", "old")])
    note_run(store, "one-2", [], [artifacts / "kept"])
    # An output may lie behind a link itself.
    link = tmp_path / "link"
    link.symlink_to(output)
    found = [
        *old_versions(f"{link}/serving", ["separator", "classifier"], keep=1),
        *given_up(f"{link}/checkpoints", 14, "checkpoints"),
        *old_artifacts(store, link / "artifacts", keep=1),
    ]
    assert names_of(found) == ["3", "2", "mine", "old"]
    remove(found)
    assert len(list((outside / "models").iterdir())) == 3
    assert (outside / "file").exists() and (artifacts / "inner" / "file").exists()


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


def note_run(store, name, used, made, stages=(("Trainer", DONE), ("Report", DONE))):
    """Note a run whose last execution used and made artifacts."""
    kinds = {
        kind: store.put_context_type(mlmd.ContextType(name=kind))
        for kind in ("pipeline", "pipeline_run", "node")
    }
    kind = store.put_artifact_type(mlmd.ArtifactType(name="Model"))
    pairs = []
    for event, folders in ((mlmd.Event.INPUT, used), (mlmd.Event.OUTPUT, made)):
        for folder in folders:
            known = store.get_artifacts_by_uri(str(folder))
            artifact = known[0] if known else mlmd.Artifact(type_id=kind, uri=str(folder))
            pairs.append((artifact, mlmd.Event(type=event)))
    pipeline = name.partition("-")[0]
    time.sleep(0.002)  # runs are ordered by milliseconds
    for number, (stage, state) in enumerate(stages, start=1):
        execution = mlmd.Execution(
            type_id=store.put_execution_type(mlmd.ExecutionType(name=stage)),
            last_known_state=state,
        )
        contexts = []
        named = {"pipeline": pipeline, "pipeline_run": name, "node": f"{pipeline}.{stage}"}
        for each, text in named.items():
            known = store.get_context_by_type_and_name(each, text)
            contexts.append(known or mlmd.Context(type_id=kinds[each], name=text))
        store.put_execution(execution, pairs if number == len(stages) else [], contexts)


@pytest.fixture
def folders(tmp_path):
    """Some artifacts: name -> folder."""
    found = {name: tmp_path / "artifacts" / name for name in "abcdef"}
    for folder in found.values():
        folder.mkdir(parents=True)
        (folder / "file").write_text("12")
    return found


def test_what_the_newest_runs_made_or_used_stays(store, folders, tmp_path):
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    note_run(store, "one-1", [], [folders["a"], folders["b"], outside])
    note_run(store, "one-2", [folders["a"]], [folders["c"]])
    note_run(store, "one-3", [folders["a"]], [folders["d"]])
    note_run(store, "two-1", [], [folders["e"]])
    found = old_artifacts(store, tmp_path / "artifacts", keep=1)
    assert names_of(found) == ["b", "c"]
    assert {removal.size for removal in found} == {2}
    assert old_artifacts(store, tmp_path / "artifacts", keep=3) == []


def test_runs_that_failed_do_not_count(store, folders, tmp_path):
    note_run(store, "one-1", [], [folders["a"]])
    note_run(store, "one-2", [], [folders["b"]], stages=[("Trainer", FAILED)])
    note_run(store, "one-3", [], [folders["c"]], stages=[("Trainer", CACHED), ("Report", CACHED)])
    note_run(store, "one-4", [], [folders["d"]], stages=[("Trainer", DONE)])  # interrupted
    note_run(store, "one-5", [], [folders["e"]], stages=[("Trainer", DONE), ("Report", FAILED)])
    artifacts = tmp_path / "artifacts"
    assert names_of(old_artifacts(store, artifacts, keep=1)) == ["a", "b"]
    assert old_artifacts(store, artifacts, keep=2) == []


def test_runs_that_make_mixtures_alone_count_without_a_report(store, folders, tmp_path):
    for number, (name, state) in enumerate(zip("abcd", (DONE, FAILED, DONE, FAILED), strict=True)):
        note_run(store, f"one-{number}", [], [folders[name]], stages=[("MixtureGen", state)])
    assert names_of(old_artifacts(store, tmp_path / "artifacts", keep=1)) == ["a", "b"]


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
