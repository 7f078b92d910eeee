"""A page about every run, blessed or not: what the model is worth, and what it does."""

import json
import os
import platform
from importlib import metadata

from tfx import v1 as tfx
from tfx.components.util import model_utils
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import path_utils

from components.analyses.artifact import Analysis, read_analysis
from components.report import FILE, artifact

LOOKED_AT = 512
"""Held-out mixtures among which the gallery is picked, at most."""

_PACKAGES = (
    *("tensorflow", "keras", "tfx", "tensorflow-model-analysis", "apache-beam"),
    *("numpy", "scikit-image", "av"),
)


@tfx.dsl.components.component
def Report(  # noqa: N802  (a component is named like a class)
    examples: tfx.dsl.components.InputArtifact[standard_artifacts.Examples],
    model: tfx.dsl.components.InputArtifact[standard_artifacts.Model],
    model_run: tfx.dsl.components.InputArtifact[standard_artifacts.ModelRun],
    evaluation: tfx.dsl.components.InputArtifact[standard_artifacts.ModelEvaluation],
    blessing: tfx.dsl.components.InputArtifact[standard_artifacts.ModelBlessing],
    pushed_model: tfx.dsl.components.InputArtifact[standard_artifacts.PushedModel],
    report: tfx.dsl.components.OutputArtifact[artifact.Report],
    settings: tfx.dsl.components.Parameter[str],
    code: tfx.dsl.components.Parameter[str],
    analysis: tfx.dsl.components.InputArtifact[Analysis] = None,
):
    """Write `report.html`, complete in itself.

    Args:
        examples: MixtureGen's.
        model: the Trainer's.
        model_run: its logs for TensorBoard; empty where nothing was trained.
        evaluation: the Evaluator's.
        blessing: the Evaluator's.
        pushed_model: the Pusher's, which also says that nothing was pushed.
        report: where to write.
        settings: JSON text: `pipeline`, its name; `model`, `train` and `evaluation`, the settings.
        code: JSON text: digests of the code, by what it does; another one is not served from the
            cache.
        analysis: ControlShift's or ActionRecognition's, where the pipeline has one of them.
    """
    from components.html.pages import render_report

    inputs = {
        **{"examples": examples, "model": model, "model run": model_run},
        **{"evaluation": evaluation, "blessing": blessing, "pushed model": pushed_model},
    }
    if analysis:
        inputs["analysis"] = analysis
    html = render_report(gather(inputs, json.loads(settings), json.loads(code)))
    fileio.makedirs(report.uri)
    with fileio.open(os.path.join(report.uri, FILE), "w") as file:
        file.write(html)


def gather(inputs: dict, settings: dict, code: dict):
    """Read all that a report shows.

    Args:
        inputs: name -> artifact.
        settings: see `Report`.
        code: see `Report`.

    Returns:
        A `components.html.pages.ReportPage`.
    """
    from components.evaluation.evaluation_results import read_metrics
    from components.html import figures as plots
    from components.html.pages import Artifact, ReportPage
    from components.html.separated_examples import held_out
    from components.report import analysis_sections as analyses
    from components.report import findings
    from components.report.curves import read_curves
    from components.report.data import read_data
    from models.export.exported_model import ExportedModel
    from models.published import TITLES
    from models.systems import CLASSIFIER
    from models.training.inputs import find_files

    system = settings["model"]["system"]
    data = read_data(inputs["examples"].uri)
    evaluation = inputs["evaluation"].uri
    metrics = read_metrics(evaluation)
    measures = findings.measures(system, metrics)
    comparison = findings.compare(system, metrics, read_metrics(evaluation, "baseline"))
    analysis = None
    if "analysis" in inputs:
        show = analyses.action_recognition if system == CLASSIFIER else analyses.control_shift
        analysis = show(read_analysis(inputs["analysis"].uri))
    gallery = {}
    model = ExportedModel(path_utils.serving_model_path(inputs["model"].uri))
    if model.separates:
        split = artifact_utils.get_split_uri([inputs["examples"]], "eval")
        files = find_files([os.path.join(split, "*")])
        gallery = held_out(model, files, data.config.clip, limit=LOOKED_AT)
    clip = data.config.clip
    return ReportPage(
        title=settings["pipeline"],
        system=TITLES[system],
        about=f"preset {settings['model']['preset']}, {settings['train']['steps']} steps"
        f"{' of clips that are paired anew' if settings['train']['repair'] else ''}, clips of "
        f"{clip.frames} frames of {clip.width}x{clip.height} at {clip.fps:g} fps",
        verdict=_verdict(inputs),
        headline=findings.headline(comparison, measures),
        measures=measures,
        comparison=comparison,
        plots=plots.comparisons(comparison, measures),
        slices=findings.slices(metrics),
        curves=plots.training(read_curves(inputs["model run"].uri), measures),
        analysis=analysis,
        splits=data.splits,
        rejected=data.rejected,
        gallery=gallery,
        looked_at=LOOKED_AT,
        artifacts=[
            Artifact(name, item.id, item.type_name, item.uri) for name, item in inputs.items()
        ],
        settings=[
            *((name, _pretty(settings[name])) for name in ("model", "train", "evaluation")),
            ("data", _pretty(data.config.model_dump())),
        ],
        versions=[
            ("data: files, sizes and times", _fingerprint(inputs["examples"])),
            *((f"code: {name}", digest) for name, digest in code.items()),
            ("python", platform.python_version()),
            *((name, metadata.version(name)) for name in _PACKAGES),
        ],
    )


def _verdict(inputs: dict):
    from components.evaluation.evaluation_results import read_failures
    from components.html.pages import Verdict

    blessed = model_utils.is_model_blessed(inputs["blessing"])
    pushed = inputs["pushed model"]
    done = pushed.get_int_custom_property("pushed") == 1
    return Verdict(
        blessed=blessed,
        reasons=[] if blessed else read_failures(inputs["evaluation"].uri),
        pushed=pushed.get_string_custom_property("pushed_destination") if done else "",
    )


def _fingerprint(examples) -> str:
    """The digest of the input that TFX's driver made."""
    return examples.get_string_custom_property("input_fingerprint")


def _pretty(settings: dict) -> str:
    return json.dumps(settings, indent=2)
