"""From the artifacts of a run to the values on its page."""

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata

from tfx.components.util import model_utils
from tfx.types import Artifact
from tfx.utils import path_utils

from components.analyses.registry import get_analysis, read_analysis
from components.evaluation.evaluation_results import (
    read_baseline,
    read_evaluation,
    read_failures,
)
from components.held_out_files import held_out_files
from components.html import figures, pages
from components.html.section import Section
from components.notes import describe
from components.report.comparison import chief_plots, compare, headline, shown_measures, slices
from components.report.curves import read_curves
from components.report.data import read_data
from components.report.gallery import held_out_gallery
from components.report.settings import ReportSettings
from data_prep.config import ClipConfig
from data_prep.settings import Settings
from models.export.exported_model import ExportedModel
from models.systems import get_system

GALLERY_LIMIT = 512
"""The gallery is picked among at most this many held-out mixtures."""

_PACKAGES = (
    "tensorflow",
    "keras",
    "tfx",
    "tensorflow-model-analysis",
    "apache-beam",
    "numpy",
    "scikit-image",
    "av",
)


@dataclass(frozen=True)
class RunInputs:
    """The artifacts that a report is made from.

    Attributes:
        analyses: name of an analysis -> its artifact.
    """

    examples: Artifact
    model: Artifact
    model_run: Artifact
    evaluation: Artifact
    blessing: Artifact
    pushed_model: Artifact
    analyses: Mapping[str, Artifact]

    @property
    def named(self) -> dict[str, Artifact]:
        """Every artifact by its name on the page."""
        fixed = {
            "examples": self.examples,
            "model": self.model,
            "model run": self.model_run,
            "evaluation": self.evaluation,
            "blessing": self.blessing,
            "pushed model": self.pushed_model,
        }
        return fixed | {name.replace("_", " "): item for name, item in self.analyses.items()}


def gather(
    inputs: RunInputs, settings: ReportSettings, code: Mapping[str, str]
) -> pages.ReportPage:
    """Read everything that a report shows.

    Args:
        inputs: the artifacts.
        settings: the settings of the run.
        code: what some code does -> digest of it.
    """
    system = get_system(settings.model.system)
    data = read_data(inputs.examples.uri)
    results = read_evaluation(inputs.evaluation.uri)
    measures = shown_measures(system, results)
    comparison = compare(system, measures, results, read_baseline(inputs.evaluation.uri))
    return pages.ReportPage(
        title=settings.pipeline,
        system=system.title,
        about=_about(settings, data.settings.clip),
        metrics_note=f"{describe(measures)} Metrics are over held-out mixtures. The published "
        f"figures are those of {system.title} on Kinetics-600 at the papers' size: other videos, "
        "longer clips. ± and bars are 95 % intervals over mixtures, some of which share a video.",
        verdict=_verdict(inputs),
        headline=headline(comparison, measures),
        comparison=comparison,
        plots=chief_plots(comparison, measures),
        slices=slices(results, measures),
        curves=figures.training(read_curves(inputs.model_run.uri), measures),
        analyses=[_section(artifact) for artifact in inputs.analyses.values()],
        splits=data.splits,
        rejected=data.rejected,
        gallery=_gallery(inputs, data.settings.clip),
        gallery_limit=GALLERY_LIMIT,
        artifacts=[
            pages.Artifact(name, item.id, item.type_name, item.uri)
            for name, item in inputs.named.items()
        ],
        settings=[
            ("model", _pretty(settings.model)),
            ("train", _pretty(settings.train)),
            ("evaluation", _pretty(settings.evaluation)),
            ("data", _pretty(data.settings)),
        ],
        versions=_versions(inputs.examples, code),
    )


def _about(settings: ReportSettings, clip: ClipConfig) -> str:
    re_paired = " with re-paired clips" if settings.train.re_pair else ""
    return (
        f"preset {settings.model.preset}, {settings.train.steps} steps{re_paired}, clips of "
        f"{clip.frames} frames of {clip.width}x{clip.height} at {clip.fps:g} fps"
    )


def _section(artifact: Artifact) -> Section:
    found = read_analysis(artifact.uri)
    return get_analysis(found.name).section(found.results)


def _gallery(inputs: RunInputs, clip: ClipConfig) -> dict[str, list[pages.Entry]]:
    model = ExportedModel(path_utils.serving_model_path(inputs.model.uri))
    if not model.system.task.separates_layers:
        return {}
    files = held_out_files(inputs.examples)
    return held_out_gallery(model, files, clip, limit=GALLERY_LIMIT)


def _verdict(inputs: RunInputs) -> pages.Verdict:
    blessed = model_utils.is_model_blessed(inputs.blessing)
    pushed = inputs.pushed_model
    was_pushed = pushed.get_int_custom_property("pushed") == 1
    return pages.Verdict(
        blessed=blessed,
        reasons=[] if blessed else read_failures(inputs.evaluation.uri),
        pushed=pushed.get_string_custom_property("pushed_destination") if was_pushed else "",
    )


def _versions(examples: Artifact, code: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        # The digest of MixtureGen's input that TFX's driver made.
        (
            "data: files, sizes and times",
            examples.get_string_custom_property("input_fingerprint"),
        ),
        *((f"code: {name}", digest) for name, digest in code.items()),
        ("python", platform.python_version()),
        *((name, metadata.version(name)) for name in _PACKAGES),
    ]


def _pretty(settings: Settings) -> str:
    return json.dumps(settings.model_dump(mode="json"), indent=2)
