"""The runs of a study: each system with each seed, through the pipeline, on the same mixtures."""

from collections.abc import Callable, Collection, Mapping, Sequence

import click

from components.analyses.action_recognition.recognition_analysis import ActionRecognitionAnalysis
from data_prep import storage
from data_prep.errors import UserError
from data_prep.results import Results
from models.measures import ACTION_ACCURACY
from models.systems import SYSTEMS, get_system
from pipeline.config import PipelineConfig
from pipeline.places import Places
from pipeline.run_summary import RunSummary
from pipeline.runners import local

CLIPS, CLASSES = 192, 4
"""The study's sample: enough to hold out some forty videos, of classes that are learned in time."""

MIXTURES_FROM = "identity"
"""The system whose run makes the mixtures; it has nothing to train."""

Configure = Callable[[Mapping[str, object]], PipelineConfig]
"""From overrides, dotted key -> value, to a configuration."""


class Run(Results):
    """One system, trained with one seed.

    Attributes:
        system: its name.
        seed: the seed of its training.
        summary: the pipeline's summary.
    """

    system: str
    seed: int
    summary: RunSummary


def check_systems(names: str) -> list[str]:
    """Read names with commas between them, or `all`, and put them in the tables' order.

    Raises:
        UserError: one is unknown; the message lists the known ones.
    """
    if names == "all":
        return list(SYSTEMS)
    asked = [name.strip() for name in names.split(",")]
    for name in asked:
        get_system(name)
    return [name for name in SYSTEMS if name in asked]


def trainable_on(systems: Sequence[str], labels: Collection[str]) -> list[str]:
    """Leave out the systems that need classes if the videos have fewer than two.

    Args:
        systems: names.
        labels: the videos' classes; empty for videos without one.

    Raises:
        UserError: nothing else was asked for.
    """
    count = len(set(labels) - {""})
    left_out = [name for name in systems if SYSTEMS[name].task.needs_classes and count < 2]
    kept = [name for name in systems if name not in left_out]
    reason = f"{', '.join(left_out)}: needs videos of at least 2 classes, got {count}"
    if not kept:
        raise UserError(reason)
    if left_out:
        click.echo(f"{reason}; left out", err=True)
    return kept


def run_study(
    configure: Configure, places: Places, systems: Sequence[str], seeds: int
) -> list[Run]:
    """Run what is not finished yet; the rest comes out of TFX's cache.

    Identity's run makes the mixtures, and all others reuse them. The action classifier recognizes
    actions in the outputs of those separators that Table 3 has a figure for.

    Args:
        configure: from overrides of settings to a configuration.
        places: paths of the runs, with a manifest of the videos.
        systems: names, see `check_systems`.
        seeds: number of training seeds, from 0.

    Returns:
        The runs, seed by seed; each is also written to `runs/SYSTEM-SEED.json`.

    Raises:
        UserError: a run failed for a reason that a user can fix.
    """
    judges = ActionRecognitionAnalysis.name in configure({}).analyses
    made = _run(configure, places, MIXTURES_FROM, 0, {})
    runs = [made] if MIXTURES_FROM in systems else []
    for seed in range(seeds):
        separators: dict[str, str] = {}
        for system in (name for name in systems if name != MIXTURES_FROM):
            overrides: dict[str, object] = {"mixtures": made.summary.artifacts.mixtures}
            if judges:
                key = f"analyses.{ActionRecognitionAnalysis.name}.separators"
                overrides[key] = dict(separators)
            run = _run(configure, places, system, seed, overrides)
            runs.append(run)
            if ACTION_ACCURACY.name in SYSTEMS[system].published.figures:
                separators[system] = _saved_model(run.summary)
    return runs


def _run(
    configure: Configure,
    places: Places,
    system: str,
    seed: int,
    overrides: Mapping[str, object],
) -> Run:
    config = configure({"model.system": system, "train.seed": seed, **overrides})
    click.echo(f"\n{system}, seed {seed}", err=True)
    file = str(places.output / "runs" / f"{system}-{seed}.json")
    earlier = Run.read(file).summary.seconds if storage.exists(file) else None
    summary = local.run(config, places)
    if earlier:
        # A cached stage counts with the time that it took when it ran.
        cached = {name: earlier.get(name, 0.0) for name in summary.cached}
        summary = summary.model_copy(update={"seconds": {**summary.seconds, **cached}})
    run = Run(system=system, seed=seed, summary=summary)
    run.write(file)
    return run


def _saved_model(summary: RunSummary) -> str:
    """Return the folder of a run's SavedModel, pushed or not."""
    from tfx.utils import path_utils

    return summary.pushed or path_utils.serving_model_path(summary.artifacts.model)
