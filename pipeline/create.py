"""The pipeline, for any runner: from a manifest of videos to a pushed model."""

from typing import Any

from google.protobuf import text_format
from tfx import v1 as tfx
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.types import BaseChannel, artifact_utils

from components.analyses.analysis import AnalysisInputs
from components.data_gate.component import DataGate
from components.evaluation.eval_config import eval_config
from components.mixture_gen.component import MixtureGen
from components.report.component import Report
from components.report.settings import ReportSettings
from components.training.training_settings import TrainingSettings
from data_prep import storage
from data_prep.records.features import schema as records_schema
from data_prep.splits import EVAL, SPLITS, TRAIN
from pipeline.config import PipelineConfig
from pipeline.fingerprint import source_digest, training_modules

_MIXING = "components.mixture_gen.executor"
_TRAINING = "components.training.run_fn"
_EVALUATION = "components.evaluation.mean_scalars"


def create_pipeline(
    config: PipelineConfig,
    *,
    root: str,
    manifests: str,
    unfinished: str,
    schema: str,
    checkpoints: str,
    serving: str,
    beam_args: list[str],
    metadata: Any = None,
    baseline_strategy: type[ResolverStrategy] | None = None,
    trainer_platform: Any = None,
) -> tfx.dsl.Pipeline:
    """Create the pipeline.

    Nothing in it depends on the machine that creates it: places are arguments, code is named by
    installed module, and settings are component parameters.

    Args:
        config: the settings.
        root: folder of the artifacts.
        manifests: folder with `span-N/manifest.csv`.
        unfinished: folder for what resumes interrupted mixing, which outlives a run.
        schema: file with the records' schema, see `write_schema`.
        checkpoints: folder for the checkpoints of unfinished training runs.
        serving: folder that blessed models are pushed to, in TF Serving's layout.
        beam_args: options of the Beam pipelines.
        metadata: ML Metadata's connection; None if the platform brings its own.
        baseline_strategy: resolver of the model to compare with; None for TFX's latest blessed
            model. It receives the channel `current`, the model at hand.
        trainer_platform: the platform's own description of the training machine.

    Returns:
        The pipeline, which any runner of TFX takes.

    Example:
        >>> from pipeline.config import load_config
        >>> from pipeline.create import create_pipeline
        >>> config = load_config("demo", ["model.system=c2", "train.steps=10"])
        >>> pipeline = create_pipeline(
        ...     config,
        ...     root="out/artifacts",
        ...     manifests="out/manifests",
        ...     unfinished="out/unfinished",
        ...     schema="out/schema.pbtxt",
        ...     checkpoints="out/checkpoints",
        ...     serving=f"out/serving/{config.task.kind}",
        ...     beam_args=["--runner=DirectRunner"],
        ... )
        >>> pipeline.pipeline_info.pipeline_name
        'separator-8x48x48-8fps-8000hz'
        >>> [stage.id for stage in pipeline.components if "Model" not in stage.id][-3:]
        ['Evaluator', 'Pusher', 'Report']
    """
    mixtures = _mixtures(config, manifests, unfinished)
    [examples] = mixtures.outputs.values()
    curated = tfx.components.ImportSchemaGen(schema_file=schema)
    statistics = tfx.components.StatisticsGen(examples=examples, schema=curated.outputs["schema"])
    validator = tfx.components.ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=curated.outputs["schema"]
    )
    gate = DataGate(
        anomalies=validator.outputs["anomalies"],
        code=source_digest("components.data_gate.component"),
    )
    trainer = _trainer(config, examples, checkpoints)
    trainer.add_upstream_node(gate)
    if trainer_platform is not None:
        trainer.with_platform_config(trainer_platform)
    model = trainer.outputs["model"]
    baseline = _baseline(model, baseline_strategy)
    evaluator = tfx.components.Evaluator(
        examples=examples,
        model=model,
        baseline_model=baseline.outputs["model"],
        example_splits=[EVAL],
        eval_config=eval_config(
            system=config.system,
            settings=config.evaluation,
            code=source_digest(_EVALUATION),
        ),
    )
    pusher = tfx.components.Pusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=serving)
        ),
    )
    analyses = _analyses(config, examples, model, manifests)
    for analysis in analyses.values():
        # A failing analysis does not keep a good model from being pushed.
        analysis.add_upstream_node(pusher)
    report = Report(
        examples=examples,
        model=model,
        model_run=trainer.outputs["model_run"],
        evaluation=evaluator.outputs["evaluation"],
        blessing=evaluator.outputs["blessing"],
        pushed_model=pusher.outputs["pushed_model"],
        analyses={name: analysis.outputs["analysis"] for name, analysis in analyses.items()},
        settings=ReportSettings(
            pipeline=config.name,
            model=config.model,
            train=config.train,
            evaluation=config.evaluation,
        ),
        code=_code(config),
    )
    return tfx.dsl.Pipeline(
        pipeline_name=config.name,
        pipeline_root=root,
        components=[
            mixtures,
            curated,
            statistics,
            validator,
            gate,
            trainer,
            baseline,
            evaluator,
            pusher,
            *analyses.values(),
            report,
        ],
        enable_cache=True,
        metadata_connection_config=metadata,
        beam_pipeline_args=[*beam_args],
    )


def create_mixtures_pipeline(
    config: PipelineConfig,
    *,
    root: str,
    manifests: str,
    unfinished: str,
    beam_args: list[str],
    metadata: Any = None,
) -> tfx.dsl.Pipeline:
    """Create the pipeline that makes mixtures, for several runs to import.

    Args:
        config: the settings.
        root: folder of the artifacts.
        manifests: folder with `span-N/manifest.csv`.
        unfinished: folder for what resumes interrupted mixing, which outlives a run.
        beam_args: options of the Beam pipeline.
        metadata: ML Metadata's connection; None if the platform brings its own.
    """
    return tfx.dsl.Pipeline(
        pipeline_name=config.mixtures_name,
        pipeline_root=root,
        components=[_mixtures(config, manifests, unfinished)],
        enable_cache=True,
        metadata_connection_config=metadata,
        beam_pipeline_args=[*beam_args],
    )


def _mixtures(config: PipelineConfig, manifests: str, unfinished: str) -> BaseNode:
    """Return the stage that makes the mixtures, or imports those of another run."""
    if not config.mixtures:
        return MixtureGen(
            manifests=manifests,
            config=config.data,
            code=source_digest(_MIXING),
            unfinished=unfinished,
        )
    return tfx.dsl.Importer(
        source_uri=config.mixtures,
        artifact_type=tfx.types.standard_artifacts.Examples,
        properties={"split_names": artifact_utils.encode_split_names(list(SPLITS))},
    ).with_id("ImportMixtures")


def _trainer(config: PipelineConfig, examples: BaseChannel, checkpoints: str) -> BaseComponent:
    settings = TrainingSettings(model=config.model, train=config.train, clip=config.data.clip)
    return tfx.components.Trainer(
        run_fn=f"{_TRAINING}.run_fn",
        examples=examples,
        train_args=tfx.proto.TrainArgs(splits=[TRAIN], num_steps=config.train.steps),
        eval_args=tfx.proto.EvalArgs(splits=[EVAL]),
        custom_config=settings.custom_config(
            checkpoints=checkpoints, code=source_digest(*training_modules(config.system))
        ),
    )


def _baseline(current: BaseChannel, strategy: type[ResolverStrategy] | None) -> BaseNode:
    """Return the stage that finds the blessed model to compare with."""
    channels: dict[str, Any] = {
        "model": tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        "model_blessing": tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    }
    if strategy is None:
        strategy = tfx.dsl.experimental.LatestBlessedModelStrategy
    else:
        channels["current"] = current
    return tfx.dsl.Resolver(strategy_class=strategy, **channels).with_id("LatestBlessedModel")


def _analyses(
    config: PipelineConfig, examples: BaseChannel, model: BaseChannel, manifests: str
) -> dict[str, BaseComponent]:
    """Return the stages of the analyses that apply, by the analyses' names."""
    return {
        analysis.name: analysis.component(
            AnalysisInputs(
                examples=examples,
                model=model,
                manifests=manifests,
                clip=config.data.clip,
                seed=config.data.seed,
                code=source_digest(analysis.code_module),
            ),
            settings,
        )
        for analysis, settings in config.applicable_analyses
    }


def _code(config: PipelineConfig) -> dict[str, str]:
    """Return digests of the code behind what the report shows, and of the report's own."""
    modules = {
        "mixtures": [_MIXING],
        "training": list(training_modules(config.system)),
        "evaluation": [_EVALUATION],
        "report": ["components.report.component"],
    }
    for analysis, _ in config.applicable_analyses:
        modules[analysis.name] = [analysis.code_module]
        # Another package may have registered it; its section is part of the page.
        modules["report"].append(type(analysis).__module__)
    return {name: source_digest(*found) for name, found in modules.items()}


def write_schema(uri: str) -> None:
    """Write the records' schema as a text proto; an equal one is left untouched.

    TFX's cache looks at the file's time as well as its content.
    """
    text = text_format.MessageToString(records_schema())
    if not storage.exists(uri) or storage.read_text(uri) != text:
        storage.write_text(uri, text)
