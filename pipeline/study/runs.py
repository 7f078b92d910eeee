"""The runs of a study: each system with each seed, through the pipeline, on the same mixtures."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from components.analyses.registry import get_analysis
from data_prep.errors import UserError
from data_prep.results import Results
from models.presets import get_preset
from models.systems import SYSTEMS, get_system
from pipeline.config import PipelineConfig
from pipeline.places import Places
from pipeline.run_summary import RunSummary
from pipeline.runners import local

if TYPE_CHECKING:
    import keras

Configure = Callable[[Mapping[str, object]], PipelineConfig]
"""From overrides, dotted key -> value, to a configuration."""


class StudyRun(Results):
    """One system, trained with one seed.

    Attributes:
        system: its name.
        seed: the seed of its training.
        summary: the pipeline's summary.
    """

    system: str
    seed: int
    summary: RunSummary


def forbid_initial_model(config: PipelineConfig) -> None:
    """Check that every system starts from fresh weights, since one model fits one system.

    Raises:
        UserError: the settings name an initial model.
    """
    if config.model.initial:
        raise UserError(
            f"model.initial: must be empty in a study of systems, got {config.model.initial!r}"
        )


def check_systems(names: str) -> list[str]:
    """Read names with commas between them, and put them in the tables' order.

    `all` stands for the published systems, `variants` for our variants of them.

    Raises:
        UserError: one is unknown; the message lists the known ones.
    """
    groups = {
        "all": [name for name, system in SYSTEMS.items() if not system.is_variant],
        "variants": [name for name, system in SYSTEMS.items() if system.is_variant],
    }
    words = [word.strip() for word in names.split(",")]
    asked = [name for word in words for name in groups.get(word, [word])]
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
    names = ", ".join(left_out)
    reason = f"systems {names}: must have videos of at least 2 classes, got {count}"
    if not kept:
        raise UserError(reason)
    if left_out:
        click.echo(f"{reason}; left out", err=True)
    return kept


def run_study(
    configure: Configure, places: Places, systems: Sequence[str], seeds: int
) -> list[StudyRun]:
    """Run what is not finished yet; the rest comes out of TFX's cache.

    The mixtures are made first, and every run imports them. A system without weights, which a seed
    cannot change, runs once. Analyses may ask for settings that depend on the runs with the same
    seed before, see `Analysis.study_settings`.

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
    shared = configure({})
    mixtures = shared.mixtures or local.make_mixtures(shared, places)
    runs = []
    for seed in range(seeds):
        models: dict[str, str] = {}
        for system in systems:
            if seed and not count_weights(system, shared):
                continue
            overrides = {"mixtures": mixtures, **_analysis_settings(shared, models)}
            run = _run(configure, places, system, seed, overrides)
            runs.append(run)
            models[system] = _saved_model(run.summary)
    return runs


class Size(NamedTuple):
    """The size of a system's network.

    Attributes:
        weights: their number, trained or not.
        flops: floating-point operations of a forward pass on one clip; see `models.tools.cost`.
    """

    weights: int
    flops: int


def size_of(system: str, config: PipelineConfig) -> Size:
    """Build a system's network as it is configured, and count its size."""
    from models.tools.cost import forward_flops

    network = _network(system, config)
    return Size(network.count_params(), forward_flops(network))


def count_weights(system: str, config: PipelineConfig) -> int:
    """Return the number of a system's weights at the size that is configured."""
    return _network(system, config).count_params()


def _network(system: str, config: PipelineConfig) -> "keras.Model":
    model = config.model
    return SYSTEMS[system].build(
        config.data.clip, get_preset(model.preset), outputs=model.outputs, layers=model.layers
    )


def _analysis_settings(config: PipelineConfig, models: Mapping[str, str]) -> dict[str, object]:
    """Return overrides of the analyses' settings that depend on the models so far."""
    return {
        f"analyses.{name}.{key}": value
        for name in config.analyses
        for key, value in get_analysis(name).study_settings(models).items()
    }


def _run(
    configure: Configure,
    places: Places,
    system: str,
    seed: int,
    overrides: Mapping[str, object],
) -> StudyRun:
    config = configure({"model.system": system, "train.seed": seed, **overrides})
    click.echo(f"\n{system}, seed {seed}", err=True)
    file = str(places.output / "runs" / f"{system}-{seed}.json")
    earlier = _earlier_seconds(file)
    summary = local.run(config, places)
    # A cached stage counts with the time that it took when it ran.
    cached = {name: earlier[name] for name in summary.cached if name in earlier}
    summary = summary.model_copy(update={"seconds": {**summary.seconds, **cached}})
    run = StudyRun(system=system, seed=seed, summary=summary)
    run.write(file)
    return run


def _earlier_seconds(file: str) -> dict[str, float]:
    """Return stage -> seconds of a run that was finished before; empty if it cannot be read.

    Another version of this project may have written the file.
    """
    try:
        return StudyRun.read(file).summary.seconds
    except UserError:
        return {}


def _saved_model(summary: RunSummary) -> str:
    """Return the folder of a run's SavedModel, pushed or not."""
    from tfx.utils import path_utils

    return summary.pushed or path_utils.serving_model_path(summary.artifacts.model)
