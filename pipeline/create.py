"""The pipeline, for any runner: from a manifest of videos to a pushed model."""

from typing import Any

from tfx import v1 as tfx
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_node import BaseNode
from tfx.types import BaseChannel, artifact_utils

from components.analyses.analysis import AnalysisInputs
from components.data_gate.component import DataGate
from components.evaluation.component import Evaluator
from components.evaluation.eval_config import eval_config
from components.index.component import Index
from components.index.index_settings import IndexSettings
from components.mixture_gen.component import MixtureGen
from components.pusher.component import Pusher
from components.record_schema.component import RecordSchema
from components.report.component import Report
from components.report.settings import ReportSettings
from components.training.job_config import TrainingJob
from components.training.job_executor import TrainingJobTrainer
from components.training.training_settings import TrainingSettings
from data_prep.splits import EVAL, SPLITS, TRAIN
from models.config import PUSHED
from pipeline.config import PipelineConfig
from pipeline.fingerprint import code_digest, package_digest, source_digest, training_modules

_MIXING = "components.mixture_gen.executor"
_TRAINING = "components.training.run_fn"
_EVALUATION = "components.evaluation.mean_scalars"
_STATISTICS_PACKAGES = ("apache_beam", "tensorflow_data_validation", "tfx_bsl")

Manifest = str | IndexSettings
"""Reference to a manifest, see `components.mixture_gen.spans`, or how to make it in the run."""


def create_pipeline(
    config: PipelineConfig,
    *,
    root: str,
    manifests: str,
    manifest: Manifest,
    unfinished: str,
    checkpoints: str,
    serving: str,
    beam_args: list[str],
    metadata: Any = None,
    webhook: str = "",
    training_job: TrainingJob | None = None,
) -> tfx.dsl.Pipeline:
    """Create the pipeline.

    Nothing in it depends on the machine that creates it: places are arguments, code is named by
    installed module, and settings are component parameters.

    Args:
        config: the settings.
        root: folder of the artifacts.
        manifests: folder with `span-N/manifest.csv`.
        manifest: the manifest to make mixtures of.
        unfinished: folder for what resumes interrupted mixing, which outlives a run.
        checkpoints: folder for the checkpoints of unfinished training runs.
        serving: folder that blessed models are pushed to, in TF Serving's layout.
        beam_args: options of the Beam pipelines.
        metadata: ML Metadata's connection; None if the platform brings its own.
        webhook: address that the last stage tells how the run ended; empty for none.
        training_job: the job of Vertex AI that the stage Trainer starts; None to train in the stage
            itself.

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
        ...     manifest="out/manifests/span-1/manifest.csv@sha256:0",
        ...     unfinished="out/unfinished",
        ...     checkpoints="out/checkpoints",
        ...     serving=f"out/serving/{config.task.kind}",
        ...     beam_args=["--runner=DirectRunner"],
        ... )
        >>> pipeline.pipeline_info.pipeline_name
        'separator-8x48x48-8fps-8000hz'
        >>> [stage.id for stage in pipeline.components][-3:]
        ['Evaluator', 'Pusher', 'Report']
    """
    *indexing, mixtures = _data_stages(config, manifest, unfinished)
    [examples] = mixtures.outputs.values()
    # The stages that read the schema are TFX's and have no digest; versions reach them through it.
    curated = RecordSchema(
        code=code_digest("components.record_schema.component", packages=_STATISTICS_PACKAGES)
    )
    statistics = tfx.components.StatisticsGen(examples=examples, schema=curated.outputs["schema"])
    validator = tfx.components.ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=curated.outputs["schema"]
    )
    gate = DataGate(
        anomalies=validator.outputs["anomalies"],
        code=code_digest("components.data_gate.component"),
    )
    trainer = _trainer(config, examples, checkpoints, serving, training_job)
    trainer.add_upstream_node(gate)
    model = trainer.outputs["model"]
    evaluator = Evaluator(
        examples=examples,
        model=model,
        eval_config=eval_config(
            system=config.system,
            settings=config.evaluation,
            code=code_digest(_EVALUATION),
        ),
        serving=serving,
        code=code_digest("components.evaluation.evaluator"),
    )
    pusher = Pusher(
        model=model,
        blessing=evaluator.outputs["blessing"],
        serving=serving,
        code=code_digest("components.pusher.component"),
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
            webhook=webhook,
        ),
        code=_code(config),
    )
    return tfx.dsl.Pipeline(
        pipeline_name=config.name,
        pipeline_root=root,
        components=[
            *indexing,
            mixtures,
            curated,
            statistics,
            validator,
            gate,
            trainer,
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
    manifest: Manifest,
    unfinished: str,
    beam_args: list[str],
    metadata: Any = None,
) -> tfx.dsl.Pipeline:
    """Create the pipeline that makes mixtures, for several runs to import.

    Args:
        config: the settings.
        root: folder of the artifacts.
        manifest: the manifest to make mixtures of.
        unfinished: folder for what resumes interrupted mixing, which outlives a run.
        beam_args: options of the Beam pipeline.
        metadata: ML Metadata's connection; None if the platform brings its own.
    """
    return tfx.dsl.Pipeline(
        pipeline_name=config.mixtures_name,
        pipeline_root=root,
        components=_data_stages(config, manifest, unfinished),
        enable_cache=True,
        metadata_connection_config=metadata,
        beam_pipeline_args=[*beam_args],
    )


def _data_stages(config: PipelineConfig, manifest: Manifest, unfinished: str) -> list[BaseNode]:
    """Return the stages up to the one that makes the mixtures, or imports those of another run."""
    if config.mixtures:
        return [
            tfx.dsl.Importer(
                source_uri=config.mixtures,
                artifact_type=tfx.types.standard_artifacts.Examples,
                properties={"split_names": artifact_utils.encode_split_names(list(SPLITS))},
            ).with_id("ImportMixtures")
        ]
    indexing = []
    if isinstance(manifest, IndexSettings):
        indexing = [Index(settings=manifest.model_dump_json())]
    mixtures = MixtureGen(
        manifest=indexing[0].outputs["manifest"].future()[0].value if indexing else manifest,
        config=config.data,
        code=code_digest(_MIXING),
        unfinished=unfinished,
    )
    return [*indexing, mixtures]


def _trainer(
    config: PipelineConfig,
    examples: BaseChannel,
    checkpoints: str,
    serving: str,
    job: TrainingJob | None,
) -> BaseComponent:
    settings = TrainingSettings(
        model=config.model,
        train=config.train,
        clip=config.data.clip,
        # Other runs do not depend on the folder, so it is no reason to train again.
        serving=serving if config.model.initial == PUSHED else "",
    )
    kind = tfx.components.Trainer if job is None else TrainingJobTrainer
    return kind(
        run_fn=f"{_TRAINING}.run_fn",
        examples=examples,
        train_args=tfx.proto.TrainArgs(splits=[TRAIN], num_steps=config.train.steps),
        eval_args=tfx.proto.EvalArgs(splits=[EVAL]),
        custom_config=settings.custom_config(
            checkpoints=checkpoints,
            code=source_digest(*training_modules(config.system)),
            packages=package_digest(*training_modules(config.system)),
            job=job,
        ),
    ).with_id("Trainer")


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
                code=code_digest(analysis.code_module),
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
    return {name: code_digest(*found) for name, found in modules.items()}
