"""Report with an analysis that only this test registers: compiled for Kubeflow, and run here."""

import json
from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow_model_analysis.metrics import metric_types
from tensorflow_model_analysis.proto import validation_result_pb2
from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer as writer
from tfx import v1 as tfx
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import import_utils

import components
from components.analyses.analysis import Analysis, AnalysisInputs, StudySection
from components.analyses.analysis_file import write_analysis
from components.analyses.artifact import AnalysisArtifact
from components.analyses.registry import ANALYSES, get_analysis, read_analysis
from components.estimates import Estimate
from components.html.section import Section
from components.report import FILE
from components.report.artifact import ReportArtifact
from components.report.component import Report
from components.report.settings import ReportSettings
from components.tables import Row, Table
from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.records.info import DatasetInfo, SplitInfo
from data_prep.results import Results
from data_prep.settings import Settings
from models.config import ModelConfig, TrainConfig
from models.measures import LOSS
from models.tasks.bounds import EvaluationSettings


class ToySettings(Settings):
    """Settings of the toy analysis."""

    value: float = 0.25


class ToyResults(Results):
    """Results of the toy analysis."""

    value: float


@tfx.dsl.components.component
def Toy(  # noqa: N802
    model: tfx.dsl.components.InputArtifact[standard_artifacts.Model],
    analysis: tfx.dsl.components.OutputArtifact[AnalysisArtifact],
    value: tfx.dsl.components.Parameter[float],
) -> None:
    """Write what it is told."""
    write_analysis(analysis.uri, "toy", ToyResults(value=value))


class ToyAnalysis(Analysis[ToySettings, ToyResults]):
    """An analysis with one figure."""

    name = "toy"
    title = "Toy analysis"
    settings = ToySettings
    results = ToyResults
    code_module = __name__

    def applies_to(self, system, settings):
        return True

    def component(self, inputs, settings):
        return Toy(model=inputs.model, value=settings.value)

    def tables(self, results):
        return [Table("toy", [LOSS], [Row("all", {"loss": Estimate(value=results.value)})])]

    def section(self, results):
        return Section(self.title, "The toy's figure.", [], self.tables(results))


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(ANALYSES, "toy", ToyAnalysis())


@pytest.fixture
def make_pipeline(held_out, clip, export_model, tmp_path):
    """Gives a function that makes a pipeline of a toy analysis and a report on existing files."""

    def make(metadata):
        uris = write_artifacts(tmp_path, held_out, clip, export_model("c2")[0])
        given = {
            name: tfx.dsl.Importer(source_uri=uri, artifact_type=kind, **more).with_id(name)
            for name, (uri, kind, more) in uris.items()
        }
        channels = {name: node.outputs["result"] for name, node in given.items()}
        toy = get_analysis("toy").component(
            AnalysisInputs(
                examples=channels["examples"],
                model=channels["model"],
                manifests="",
                clip=clip,
                seed=0,
                code="",
            ),
            get_analysis("toy").settings(value=0.125),
        )
        report = Report(
            **channels,
            analyses={"toy": toy.outputs["analysis"]},
            settings=ReportSettings(
                pipeline="toy-pipeline",
                model=ModelConfig(system="c2"),
                train=TrainConfig(),
                evaluation=EvaluationSettings(),
            ),
            code={"report": "0123456789abcdef"},
        )
        return tfx.dsl.Pipeline(
            pipeline_name="toy-pipeline",
            pipeline_root=str(tmp_path / "root"),
            components=[*given.values(), toy, report],
            metadata_connection_config=metadata,
        )

    return make


def write_artifacts(root, held_out, clip, model):
    """Write what a run leaves, and return input -> (URI, type, the importer's other arguments)."""
    examples = root / "examples"
    (examples / "Split-eval").mkdir(parents=True)
    for file in held_out.files:
        (examples / "Split-eval" / Path(file).name).write_bytes(Path(file).read_bytes())
    split = SplitInfo(
        mixtures=6,
        mixture_types={"transparency": 3, "occlusion": 3},
        with_audio=6,
        videos=6,
        sources=6,
        labels=["label0"],
    )
    splits = {"train": split, "eval": split}
    info = DatasetInfo(splits=splits, settings=DataConfig(clip=clip), features={})
    info.write(str(examples / "info.json"))
    (examples / "rejected.csv").write_text("path,reason\n")
    evaluation = root / "evaluation"
    evaluation.mkdir()
    values = {"examples": 6.0, "loss": 0.25, "loss_interval": 0.01}
    keys = {name: metric_types.MetricKey(name=name, example_weighted=None) for name in values}
    metrics = {keys[name]: value for name, value in values.items()}
    with tf.io.TFRecordWriter(str(evaluation / "metrics")) as file:
        for slice_key in ((), (("mixture_type", "occlusion"),)):
            record = writer.convert_slice_metrics_to_proto((slice_key, metrics), [])
            file.write(record.SerializeToString())
    with tf.io.TFRecordWriter(str(evaluation / "validations")) as file:
        file.write(validation_result_pb2.ValidationResult().SerializeToString())
    names = artifact_utils.encode_split_names(["train", "eval"])
    empty = root / "empty"
    empty.mkdir()
    types = tfx.types.standard_artifacts
    return {
        "examples": (str(examples), types.Examples, {"properties": {"split_names": names}}),
        "model": (str(model.parent), types.Model, {}),
        "model_run": (str(empty), types.ModelRun, {}),
        "evaluation": (str(evaluation), types.ModelEvaluation, {}),
        "blessing": (str(empty), types.ModelBlessing, {"custom_properties": {"blessed": 1}}),
        "pushed_model": (str(empty), types.PushedModel, {"custom_properties": {"pushed": 0}}),
    }


@pytest.mark.slow
def test_report_shows_a_registered_analysis(make_pipeline, tmp_path):
    metadata = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(tmp_path / "db"))
    LocalDagRunner().run(make_pipeline(metadata))
    [page] = (tmp_path / "root").rglob(FILE)
    text = page.read_text(encoding="utf-8")
    assert "<h2>Toy analysis</h2>" in text
    assert "<td>0.125" in text
    assert "Blessed" in text
    assert "0123456789abcdef" in text
    assert text.count("<video") > 10
    [folder] = {path.parent for path in (tmp_path / "root").rglob("analysis.json")}
    assert read_analysis(str(folder)).results == ToyResults(value=0.125)


def test_report_with_an_analysis_compiles_for_kubeflow(make_pipeline, tmp_path):
    runner = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(default_image="image:1"),
        output_dir=str(tmp_path),
        output_filename="pipeline.json",
    )
    runner.run(make_pipeline(None))
    spec = json.loads((tmp_path / "pipeline.json").read_text())["pipelineSpec"]
    task = spec["root"]["dag"]["tasks"]["Report"]
    inputs = task["inputs"]["artifacts"]
    assert inputs["toy"]["taskOutputArtifact"]["producerTask"] == "Toy"
    assert set(inputs) == {*Report.SPEC_CLASS.INPUTS, "toy"}
    command = spec["deploymentSpec"]["executors"]["Report_executor"]["container"]["args"]
    [path] = [word for word in command if word.endswith("ReportExecutor")]
    assert import_utils.import_class_by_path(path) is Report.EXECUTOR_SPEC.executor_class


def test_vertex_finds_the_artifact_types_by_name():
    for artifact in (AnalysisArtifact, ReportArtifact):
        assert artifact.TYPE_NAME.count(".") == 1
        assert import_utils.import_class_by_path(artifact.TYPE_NAME) is artifact
    with pytest.raises(AttributeError, match="nothing"):
        components.nothing


def test_an_analysis_may_not_be_named_like_an_input():
    channel = tfx.dsl.Channel(type=AnalysisArtifact)
    with pytest.raises(ValueError, match="name must differ from Report's inputs, got 'model'"):
        Report(
            **dict.fromkeys(Report.SPEC_CLASS.INPUTS, channel),
            analyses={"model": channel},
            settings=ReportSettings(
                pipeline="p",
                model=ModelConfig(),
                train=TrainConfig(),
                evaluation=EvaluationSettings(),
            ),
            code={},
        )


def test_unknown_analyses_are_an_error_that_lists_what_there_is(tmp_path):
    with pytest.raises(UserError, match="action_recognition, control_shift, toy, got 'other'"):
        get_analysis("other")
    write_analysis(str(tmp_path), "other", ToyResults(value=1.0))
    with pytest.raises(UserError, match="got 'other'"):
        read_analysis(str(tmp_path))


def test_results_of_another_shape_are_an_error_that_names_the_file(tmp_path):
    (tmp_path / "analysis.json").write_text('{"name": "toy", "results": {"worth": 1}}')
    with pytest.raises(UserError, match=r"analysis\.json: .*worth: unknown key"):
        read_analysis(str(tmp_path))


def test_an_analysis_needs_no_section_in_the_study():
    assert ToyAnalysis().study_section({"c2": [ToyResults(value=1.0)]}) is None
    assert StudySection(title="t", tables=[]).draw is None
