"""The pipeline, for any runner: from a manifest of videos to a pushed model."""

import json
from pathlib import Path

from tfx import v1 as tfx
from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.types import artifact_utils

from components.analyses.action_recognition.component import ActionRecognition
from components.analyses.control_shift.component import ControlShift
from components.analyses.control_shift.settings import ShiftConfig
from components.data_gate.component import DataGate
from components.evaluation.eval_config import Bound, eval_config
from components.mixture_gen.component import MixtureGen
from components.report.component import Report
from data_prep.sources.kinetics import SPLITS
from models.scalars import CLASSIFICATION_SCALARS, SEPARATION_SCALARS
from models.systems import get_system
from pipeline.config import PipelineConfig
from pipeline.fingerprint import source_digest


def create_pipeline(
    config: PipelineConfig,
    *,
    root: str,
    manifests: str,
    schema: str,
    checkpoints: str,
    serving: str,
    beam_args: list[str],
    metadata=None,
    baseline_strategy: type[ResolverStrategy] | None = None,
    trainer_platform=None,
) -> tfx.dsl.Pipeline:
    """Create the pipeline.

    Nothing in it leans on the machine that creates it: places are arguments, code is named by
    installed module, settings are component parameters.

    Args:
        config: the settings.
        root: folder of the artifacts.
        manifests: folder with `span-N/manifest.csv`.
        schema: file with the records' schema, see `write_schema`.
        checkpoints: folder for the checkpoints of trainings that are under way.
        serving: folder that blessed models are pushed to, in TF Serving's layout.
        beam_args: options of the Beam pipelines.
        metadata: ML Metadata's connection; None where the platform brings its own.
        baseline_strategy: how the model to compare with is found; TFX's latest blessed model
            where None. It is given the channel `current`, the model at hand.
        trainer_platform: the platform's own description of the training machine.
    """
    mixtures = _mixtures(config, manifests)
    [examples] = mixtures.outputs.values()
    curated = tfx.components.ImportSchemaGen(schema_file=schema)
    statistics = tfx.components.StatisticsGen(examples=examples, schema=curated.outputs["schema"])
    validator = tfx.components.ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=curated.outputs["schema"]
    )
    gate = DataGate(
        anomalies=validator.outputs["anomalies"], code=source_digest("components/data_gate")
    )
    trainer = tfx.components.Trainer(
        run_fn="components.training.run_fn.run_fn",
        examples=examples,
        train_args=tfx.proto.TrainArgs(splits=["train"], num_steps=config.train.steps),
        eval_args=tfx.proto.EvalArgs(splits=["eval"]),
        custom_config={
            "model": config.model.model_dump_json(),
            "train": config.train.model_dump_json(),
            "clip": config.data.clip.model_dump_json(),
            "checkpoints": checkpoints,
            "code": source_digest("components/training", "data_prep", "models"),
        },
    )
    trainer.add_upstream_node(gate)
    if trainer_platform is not None:
        trainer.with_platform_config(trainer_platform)
    baseline = _baseline(trainer.outputs["model"], baseline_strategy)
    evaluator = tfx.components.Evaluator(
        examples=examples,
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        example_splits=["eval"],
        eval_config=eval_config(
            scalars=CLASSIFICATION_SCALARS if config.classifies else SEPARATION_SCALARS,
            bounds=_bounds(config),
            slices=config.evaluation.slices,
            code=source_digest("components/evaluation"),
        ),
    )
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=serving)
        ),
    )
    analysis = _analysis(config, examples, trainer.outputs["model"], manifests)
    if analysis:
        # What goes wrong with it does not keep a good model from being pushed.
        analysis.add_upstream_node(pusher)
    report = Report(
        examples=examples,
        model=trainer.outputs["model"],
        model_run=trainer.outputs["model_run"],
        evaluation=evaluator.outputs["evaluation"],
        blessing=evaluator.outputs["blessing"],
        pushed_model=pusher.outputs["pushed_model"],
        settings=_report_settings(config),
        code=_report_code(),
        **({"analysis": analysis.outputs["analysis"]} if analysis else {}),
    )
    return tfx.dsl.Pipeline(
        pipeline_name=config.name,
        pipeline_root=root,
        components=[
            *(mixtures, curated, statistics, validator, gate),
            *(trainer, baseline, evaluator, pusher),
            *([analysis] if analysis else []),
            report,
        ],
        enable_cache=True,
        metadata_connection_config=metadata,
        beam_pipeline_args=beam_args,
    )


def _mixtures(config: PipelineConfig, manifests: str):
    """Return what gives the mixtures: it makes them, or imports what another run made."""
    if not config.mixtures:
        return MixtureGen(
            manifests=manifests,
            config=config.data,
            code=source_digest("components/mixture_gen", "data_prep"),
        )
    return tfx.dsl.Importer(
        source_uri=config.mixtures,
        artifact_type=tfx.types.standard_artifacts.Examples,
        properties={"split_names": artifact_utils.encode_split_names(list(SPLITS))},
    ).with_id("ImportMixtures")


def _baseline(current, strategy):
    channels = {
        "model": tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        "model_blessing": tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    }
    if strategy is None:
        strategy = tfx.dsl.experimental.LatestBlessedModelStrategy
    else:
        channels["current"] = current
    return tfx.dsl.Resolver(strategy_class=strategy, **channels).with_id("LatestBlessedModel")


def _report_settings(config: PipelineConfig) -> str:
    """Return what the report says of the settings; those of the data stand with the records."""
    values = config.model_dump(mode="json", include={"train", "evaluation"})
    return json.dumps({"pipeline": config.name, "model": config.model.model_dump(), **values})


def _report_code() -> str:
    """Return the digests of the code that made what the report shows, and of the report's own."""
    packages = (
        *("data_prep", "models", "components/mixture_gen", "components/training"),
        *("components/evaluation", "components/report"),
    )
    return json.dumps({package: source_digest(package) for package in packages})


def _analysis(config: PipelineConfig, examples, model, manifests: str):
    """Return what finds out more about the model, by its kind; None where nothing is asked."""
    clip = config.data.clip.model_dump_json()
    shared = ("components/analyses/artifact.py", "components/evaluation/mean_scalars.py")
    if config.classifies:
        return ActionRecognition(
            examples=examples,
            classifier=model,
            separators=json.dumps(config.separators),
            clip=clip,
            code=source_digest("components/analyses/action_recognition", *shared),
        )
    if not config.shifts_sounds:
        return None
    asked = config.analysis
    settings = ShiftConfig(
        shifts=asked.control_shifts, mixtures=asked.mixtures, seed=config.data.seed
    )
    return ControlShift(
        examples=examples,
        model=model,
        manifests=manifests,
        settings=settings.model_dump_json(),
        clip=clip,
        code=source_digest("components/analyses/control_shift", *shared),
    )


def _bounds(config: PipelineConfig) -> dict[str, Bound]:
    """Return what the model must keep to be blessed."""
    asked = config.evaluation
    if config.classifies:
        return {"accuracy": Bound(at_least=asked.accuracy)}
    bounds = {
        "relative_loss": Bound(at_most=asked.relative_loss),
        "loss": Bound(above_last_by=asked.worse_by),
    }
    if get_system(config.system).hears:
        bounds["control_accuracy"] = Bound(
            at_least=asked.control_accuracy, below_last_by=asked.control_worse_by
        )
    return bounds


def write_schema(path: Path) -> None:
    """Write the records' schema as a text proto; an equal one is left untouched.

    TFX's cache goes by the file's time as well as by its content.
    """
    from google.protobuf import text_format

    from data_prep.records.record import schema
    from data_prep.storage import write_text

    text = text_format.MessageToString(schema())
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
