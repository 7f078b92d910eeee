"""The runs of a study: each system with each seed, through the pipeline, on the same mixtures."""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import click

from data_prep.errors import UserError
from data_prep.storage import write_text
from models.systems import CLASSIFIER, NAMES, check_name
from pipeline.config import PipelineConfig
from pipeline.runners import local

CLIPS, CLASSES = 192, 4
"""The study's sample: enough to hold out some forty videos, of classes that are learnt in time."""

JUDGED = ("centrifuge_pc", "c2")
"""The separators whose outputs the action classifier is asked about (Table 3)."""


@dataclass(frozen=True)
class Run:
    """A system that was trained with a seed, and what became of it.

    Attributes:
        system: its name.
        seed: of its training.
        summary: the pipeline's, see `pipeline.run_summary.summarise`.
    """

    system: str
    seed: int
    summary: dict


def check_systems(names: str) -> list[str]:
    """Read names with commas between them, or `all`, and put them in the tables' order.

    Raises:
        UserError: one is unknown; the message lists what there is.
    """
    if names == "all":
        return list(NAMES)
    asked = [name.strip() for name in names.split(",")]
    for name in asked:
        check_name(name)
    return [name for name in NAMES if name in asked]


def without_classes(systems: Sequence[str], labels: Collection[str]) -> list[str]:
    """Leave the action classifier out, where the videos have not two classes to tell apart.

    Raises:
        UserError: nothing else was asked for.
    """
    found = set(labels) - {""}
    if CLASSIFIER not in systems or len(found) > 1:
        return list(systems)
    left = [name for name in systems if name != CLASSIFIER]
    if not left:
        raise UserError(f"{CLASSIFIER} needs videos of two classes or more: received {len(found)}")
    click.echo(f"{CLASSIFIER} is left out: the videos' classes are {len(found)}", err=True)
    return left


def run_study(
    configure: Callable[[dict], PipelineConfig],
    places: local.Places,
    systems: Sequence[str],
    seeds: int,
) -> list[Run]:
    """Run what is not finished yet; the rest comes out of TFX's cache.

    Identity's run makes the mixtures; every other one takes them as they are. With fewer systems
    than all, the classifier judges the separators that are among them.

    Args:
        configure: from overrides of settings to a configuration.
        places: where the runs keep their things, with a manifest of the videos.
        systems: names, see `check_systems`.
        seeds: of the training: 0 to all but this.

    Returns:
        The runs, seed by seed; each is also kept as `runs/SYSTEM-SEED.json`.

    Raises:
        UserError: a run failed on what a user can mend.
    """
    made = _run(configure, places, "identity", 0, {})
    mixtures = made.summary["artifacts"]["mixtures"]
    runs = [made] if "identity" in systems else []
    for seed in range(seeds):
        separators = {}
        for system in systems:
            if system == "identity":
                continue
            overrides = {"mixtures": mixtures}
            if system == CLASSIFIER:
                overrides["separators"] = separators
            run = _run(configure, places, system, seed, overrides)
            runs.append(run)
            if system in JUDGED:
                separators[system] = _saved_model(run.summary)
    return runs


def _run(configure, places: local.Places, system: str, seed: int, overrides: dict) -> Run:
    config = configure({"system": system, "train.seed": seed, **overrides})
    click.echo(f"\n{system}, seed {seed}", err=True)
    kept = places.summary.parent / "runs" / f"{system}-{seed}.json"
    earlier = json.loads(kept.read_text())["summary"] if kept.exists() else None
    summary = local.run(config, places)
    if earlier:
        # What the cache served took the time that it took when it was made.
        made = {name: earlier["seconds"].get(name, 0.0) for name in summary["cached"]}
        summary["seconds"] |= made
    run = Run(system, seed, summary)
    write_text(kept, json.dumps(vars(run), indent=2) + "\n")
    return run


def _saved_model(summary: dict) -> str:
    """Return the folder of a run's SavedModel, pushed or not."""
    from tfx.utils import path_utils

    return summary["pushed"] or path_utils.serving_model_path(summary["artifacts"]["model"])
