import signal
import sqlite3
from pathlib import Path

import apache_beam as beam
import pytest
import tensorflow as tf
from tfx import v1 as tfx
from tfx.orchestration.metadata import Metadata
from tfx.proto.orchestration import pipeline_pb2

from data_prep.errors import UserError
from pipeline.run_summary import read_run
from pipeline.runners.earlier_outputs import remove_unfinished
from pipeline.runners.stage_reporter import StageReporter, failure_of


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


def metadata_of(folder):
    return tfx.orchestration.metadata.sqlite_metadata_connection_config(str(folder / "metadata.db"))


def pipeline_of(folder, *components):
    return tfx.dsl.Pipeline(
        pipeline_name="toy",
        pipeline_root=str(folder / "artifacts" / "toy"),
        components=[*components],
        metadata_connection_config=metadata_of(folder),
    )


def toy_pipeline(folder, wanted):
    made = MakeModel()
    return pipeline_of(folder, made, ReadModel(model=made.outputs["model"], wanted=wanted))


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


@tfx.dsl.components.component
def Interrupted(  # noqa: N802
    model: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.Model],
):
    Path(model.uri, "half").write_text("made")
    signal.raise_signal(signal.SIGINT)


@tfx.dsl.components.component(use_beam=True)
def Interrupts(  # noqa: N802
    model: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.Model],
    beam_pipeline: tfx.dsl.components.BeamComponentParameter[beam.Pipeline] = None,
):
    with beam_pipeline as pipeline:
        _ = pipeline | beam.Create([1]) | beam.Map(lambda _: signal.raise_signal(signal.SIGINT))


@pytest.mark.parametrize("component", [Interrupted, Interrupts])
def test_interruption_of_a_stage_prints_nothing(component, tmp_path, capfd):
    stage = component()
    with pytest.raises(KeyboardInterrupt):
        StageReporter().run(pipeline_of(tmp_path, stage))
    assert capfd.readouterr() == ("", f"[1/1] {stage.id} ...\n")


def test_what_an_interrupted_stage_made_can_be_removed(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        StageReporter().run(pipeline_of(tmp_path, Interrupted()))
    assert list(tmp_path.rglob("half"))
    with Metadata(metadata_of(tmp_path)) as handle:
        remove_unfinished(handle.store, tmp_path / "artifacts", tmp_path / "unfinished")
        [execution] = handle.store.get_executions()
    assert execution.last_known_state == execution.CANCELED
    assert not list((tmp_path / "artifacts" / "toy" / "Interrupted" / "model").iterdir())


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UserError("thing: must be 1, got 2"), "Make: thing: must be 1, got 2"),
        (OSError(28, "No space left on device", "/a"), "Make: [Errno 28] No space left"),
        (
            RuntimeError("Traceback\n  in f\nOSError: [Errno 28] No space left on device: '/a'"),
            "Make: OSError: [Errno 28] No space left on device: '/a'",
        ),
        (
            tf.errors.PermissionDeniedError(None, None, "/a b/c; Permission denied"),
            "Make: /a b/c; Permission denied",
        ),
        (
            tf.errors.ResourceExhaustedError(None, None, "/a; No space left on device"),
            "Make: /a; No space left on device",
        ),
        (sqlite3.OperationalError("database or disk is full"), "Make: database or disk is full"),
        (UserError("a: b [while running 'WriteShards']"), "Make: a: b"),
    ],
)
def test_failure_that_a_user_can_fix_names_the_stage_and_the_cause(error, message):
    failure = failure_of("Make", error)
    assert isinstance(failure, UserError)
    assert str(failure).startswith(message)
    assert "while" not in str(failure)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "Make: MemoryError"),
        (tf.errors.ResourceExhaustedError(None, None, "OOM when allocating"), "Make: OOM when"),
    ],
)
def test_too_little_memory_is_an_error_about_memory(error, message):
    failure = failure_of("Make", error)
    assert isinstance(failure, MemoryError)
    assert str(failure).startswith(message)


def test_other_failures_are_bugs_of_a_stage():
    failure = failure_of("Make", KeyError("x"))
    assert not isinstance(failure, UserError)
    assert str(failure) == "Make: KeyError: 'x'"


def test_outputs_are_read_by_the_run_that_made_them(tmp_path):
    runners = [StageReporter() for _ in range(2)]
    for runner in runners:
        runner.run(toy_pipeline(tmp_path, wanted=42))
    with Metadata(metadata_of(tmp_path)) as handle:
        (first, _), (second, _) = (
            read_run(handle.store, "toy", runner.run_id) for runner in runners
        )
    assert first["MakeModel"]["model"].id < second["MakeModel"]["model"].id
