"""Outputs that were deleted, as a whole or in part, are noticed, and taken up if they are back."""

from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2
from tfx import v1 as tfx
from tfx.orchestration.metadata import Metadata

from pipeline.runners.earlier_outputs import Missing, describe_missing, update_states

FILES = {
    "Model": ("Format-Serving/saved_model.pb", "Format-Serving/variables/variables.index"),
    "PushedModel": ("copy", "../served/saved_model.pb", "../served/variables/variables.index"),
    "Examples": ("Split-train/a", "Split-eval/a", "info.json"),
    "ModelRun": ("training.csv",),
}


@pytest.fixture
def store(tmp_path):
    """ML Metadata with one output of each kind, all of them with their files."""
    connection = tfx.orchestration.metadata.sqlite_metadata_connection_config(
        str(tmp_path / "metadata.db")
    )
    with Metadata(connection) as handle:
        for kind, files in FILES.items():
            write(tmp_path / kind, *files)
            number = handle.store.put_artifact_type(metadata_store_pb2.ArtifactType(name=kind))
            output = metadata_store_pb2.Artifact(type_id=number, uri=str(tmp_path / kind))
            output.state = output.LIVE
            if kind == "PushedModel":
                served = str(tmp_path / "served")
                output.custom_properties["pushed_destination"].string_value = served
            handle.store.put_artifacts([output])
        yield handle.store


def write(folder, *files):
    for file in files:
        folder.mkdir(exist_ok=True)
        path = Path(folder, file).resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        *(("Model", file) for file in FILES["Model"]),
        *(("PushedModel", file) for file in FILES["PushedModel"][1:]),
        *(("Examples", file) for file in FILES["Examples"][:2]),
    ],
)
def test_an_output_that_lost_a_part_is_gone_until_it_is_back(store, tmp_path, kind, file):
    assert update_states(store) == []
    (tmp_path / kind / file).unlink()
    folder = tmp_path / ("served" if kind == "PushedModel" else kind)
    assert update_states(store) == [Missing(str(folder), kind)]
    assert update_states(store) == []
    write(tmp_path / kind, file)
    assert update_states(store) == []
    live = [artifact.state == artifact.LIVE for artifact in store.get_artifacts()]
    assert live == [True] * len(FILES)


def test_only_a_deleted_model_is_said_to_be_no_baseline():
    examples, model = Missing("/a", "Examples"), Missing("/b", "PushedModel")
    rest = "deleted since the last run: /a; regenerated where needed"
    assert describe_missing([examples]) == rest
    assert describe_missing([Missing("/a", "Model")]) == rest
    missing = [examples, examples, model]
    assert describe_missing(missing) == (
        "deleted since the last run: /a, /a and 1 more; regenerated where needed; "
        "a deleted model cannot be the baseline"
    )
