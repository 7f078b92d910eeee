"""From the artifacts of a run to the values on its page."""

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
from components.html import pages
from components.html.section import Section
from components.mixture_gen.spans import MANIFEST_REFERENCE
from components.pusher.component import OVERTAKEN, OVERTAKEN_REASON
from components.report.curves import read_curves
from components.report.data import read_data
from components.report.gallery import held_out_gallery
from components.report.run_page import GALLERY_LIMIT, RunFacts
from components.tables import spoken
from data_prep import storage
from data_prep.config import ClipConfig
from models.export.exported_model import ExportedModel
from models.training.warm_start import FILE, WarmStart

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
        return fixed | {spoken(name): item for name, item in self.analyses.items()}


def gather(inputs: RunInputs, code: Mapping[str, str]) -> RunFacts:
    """Read everything that a report shows.

    Args:
        inputs: the artifacts.
        code: what some code does -> digest of it.
    """
    data = read_data(inputs.examples.uri)
    return RunFacts(
        data=data,
        results=read_evaluation(inputs.evaluation.uri),
        baseline=read_baseline(inputs.evaluation.uri),
        curves=read_curves(inputs.model_run.uri),
        warm_start=read_warm_start(inputs.model_run.uri),
        analyses=[_section(artifact) for artifact in inputs.analyses.values()],
        gallery=_gallery(inputs, data.settings.clip),
        verdict=_verdict(inputs),
        artifacts=[
            pages.Artifact(name, item.id, item.type_name, storage.absolute(item.uri))
            for name, item in inputs.named.items()
        ],
        versions=_versions(inputs.examples, code),
    )


def read_warm_start(logs: str) -> WarmStart | None:
    """Read what a training run started from; None for fresh weights."""
    file = storage.join(logs, FILE)
    return WarmStart.read(file) if storage.is_file(file) else None


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
    destination = pushed.get_string_custom_property("pushed_destination")
    return pages.Verdict(
        blessed=blessed,
        reasons=[] if was_pushed else _reasons(inputs),
        pushed=storage.absolute(destination) if was_pushed else "",
    )


def _reasons(inputs: RunInputs) -> list[str]:
    if inputs.pushed_model.get_int_custom_property(OVERTAKEN) == 1:
        return [OVERTAKEN_REASON]
    return read_failures(inputs.evaluation.uri)


def _versions(examples: Artifact, code: Mapping[str, str]) -> list[tuple[str, str]]:
    # Imported mixtures have none.
    manifest = examples.get_string_custom_property(MANIFEST_REFERENCE)
    return [
        ("manifest", manifest or "unknown: the mixtures were imported"),
        *((f"code: {name}", digest) for name, digest in code.items()),
        ("python", platform.python_version()),
        *((name, metadata.version(name)) for name in _PACKAGES),
    ]
