"""The page of a run, composed of what the run left.

Public names: `RunFacts`, `GALLERY_LIMIT` and `report_page(facts, settings)`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.evaluation.slice_metrics import EvaluationResults
from components.html import figures, pages
from components.html.section import Section
from components.notes import describe
from components.report.comparison import (
    chief_plots,
    compare,
    headline,
    missing,
    shown_measures,
    slices,
)
from components.report.data import Data
from components.report.settings import ReportSettings
from data_prep.config import ClipConfig
from data_prep.settings import Settings
from models.config import AugmentConfig
from models.measures import Measure
from models.systems import System, get_system
from models.training.warm_start import WarmStart

GALLERY_LIMIT = 512
"""The gallery is picked among at most this many held-out mixtures."""

_NO_GALLERY = (
    "No mixture can be ranked: there is none, or their losses relative to Identity's are not "
    "finite."
)


@dataclass(frozen=True)
class RunFacts:
    """What a run left, as far as its page shows it.

    Attributes:
        data: the data set.
        results: metrics of the model.
        baseline: metrics of the last blessed model; without slices if there was none.
        curves: TensorBoard tag -> points of the training run.
        analyses: one section per analysis.
        gallery: mixture type -> entries; empty for models without outputs to show.
        verdict: outcome of the evaluation.
        artifacts: the report's inputs.
        versions: (package or code, version or digest).
        warm_start: what training took from an exported model; None if it started afresh.
    """

    data: Data
    results: EvaluationResults
    baseline: EvaluationResults
    curves: Mapping[str, figures.Curve]
    analyses: Sequence[Section]
    gallery: Mapping[str, Sequence[pages.Entry]]
    verdict: pages.Verdict
    artifacts: Sequence[pages.Artifact]
    versions: pages.Pairs
    warm_start: WarmStart | None = None


def report_page(facts: RunFacts, settings: ReportSettings) -> pages.ReportPage:
    """Compose the page of a run.

    Args:
        facts: what the run left; any of it may be empty.
        settings: the settings of the run.
    """
    system = get_system(settings.model.system)
    data, results = facts.data, facts.results
    measures = shown_measures(system, results)
    comparison = compare(system, measures, results, facts.baseline)
    shows_outputs = system.task.separates_layers
    return pages.ReportPage(
        title=settings.pipeline,
        system=system.title,
        about=_about(settings, data.settings.clip),
        metrics_note=_metrics_note(system, measures),
        missing_metrics=missing(system, results, data.mixture_types),
        verdict=facts.verdict,
        headline=headline(comparison, measures),
        comparison=comparison,
        plots=chief_plots(comparison, measures),
        slices=slices(results, measures),
        curves=figures.training(facts.curves, measures),
        training_note=_training_note(facts.warm_start),
        analyses=facts.analyses,
        data=data.facts,
        gallery=facts.gallery,
        gallery_note=_NO_GALLERY if shows_outputs and not facts.gallery else "",
        gallery_limit=GALLERY_LIMIT,
        artifacts=facts.artifacts,
        settings=[
            ("model", _pretty(settings.model)),
            ("train", _pretty(settings.train)),
            ("evaluation", _pretty(settings.evaluation)),
            ("data", _pretty(data.settings)),
        ],
        versions=facts.versions,
    )


def _about(settings: ReportSettings, clip: ClipConfig) -> str:
    train = settings.train
    changes = {"re-paired": train.re_pair, "augmented": train.augment != AugmentConfig()}
    made = " and ".join(name for name, is_made in changes.items() if is_made)
    return (
        f"preset {settings.model.preset}, {train.steps} steps"
        f"{f' with {made} clips' if made else ''}, clips of "
        f"{clip.frames} frames of {clip.width}x{clip.height} at {clip.fps:g} fps"
    )


def _training_note(found: WarmStart | None) -> str:
    return f"Training {found.line}." if found else ""


def _metrics_note(system: System, measures: Sequence[Measure]) -> str:
    return (
        f"{describe(measures)} Metrics are over held-out mixtures. The published figures are those "
        f"of {system.title} on Kinetics-600 at the papers' size: other videos, longer clips. ± and "
        "bars are 95 % intervals over mixtures, some of which share a video."
    ).strip()


def _pretty(settings: Settings) -> str:
    return json.dumps(settings.model_dump(mode="json"), indent=2)
