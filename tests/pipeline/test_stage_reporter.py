import sqlite3

import pytest
from tfx import v1 as tfx
from tfx.proto.orchestration import pipeline_pb2

from pipeline.runners.stage_reporter import StageReporter


@tfx.dsl.components.component
def MakeModel(  # noqa: N802
    model: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.Model],
):
    model.set_int_custom_property("answer", 42)


@tfx.dsl.components.component
def ReadModel(  # noqa: N802
    model: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model],
    wanted: tfx.dsl.components.Parameter[int],
):
    found = model.get_int_custom_property("answer")
    if found != wanted:
        raise ValueError(f"answer: must be {wanted}, got {found}")


def toy_pipeline(folder, wanted):
    made = MakeModel()
    return tfx.dsl.Pipeline(
        pipeline_name="toy",
        pipeline_root=str(folder / "artifacts"),
        components=[made, ReadModel(model=made.outputs["model"], wanted=wanted)],
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(folder / "metadata.db")
        ),
    )


def test_every_stage_is_reported_and_belongs_to_one_run(tmp_path, capsys):
    runner = StageReporter()
    runner.run(toy_pipeline(tmp_path, wanted=42))
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith("[")] == [
        "[1/2] MakeModel ...",
        "[2/2] ReadModel ...",
    ]
    assert sum(line.startswith("    MakeModel: ") and line.endswith(" s") for line in lines) == 1
    assert runner.seconds.keys() == {"MakeModel", "ReadModel"}
    query = """
        select count(*) from Context join Type on Type.id = Context.type_id
        where Type.name = 'pipeline_run'
    """
    with sqlite3.connect(tmp_path / "metadata.db") as database:
        assert database.execute(query).fetchone() == (1,)


def test_error_of_a_stage_ends_the_run(tmp_path, capsys):
    runner = StageReporter()
    with pytest.raises(RuntimeError, match=r"^ReadModel: ValueError: answer: must be 7, got 42"):
        runner.run(toy_pipeline(tmp_path, wanted=7))
    assert runner.seconds.keys() == {"MakeModel"}


def test_partial_runs_are_refused():
    with pytest.raises(ValueError, match="run options: must be None"):
        StageReporter().run_with_ir(pipeline_pb2.Pipeline(), pipeline_pb2.RunOptions())
