"""Differences between the losses of a study's systems, mixture by mixture.

python tests/benchmarks/paired_losses.py TABLES [--seed 0]

TABLES is the output of `python -m pipeline tables`. Its systems are evaluated on the same held-out
mixtures, some of which are harder than others for all of them. That spread widens the interval of
each system's mean, but not that of a difference between two systems on the same mixtures, which is
printed here as a Markdown table: the mean, and half its 95 % interval.
"""

import json
import os
from itertools import combinations
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import click
import numpy as np
import tensorflow as tf
import tensorflow_io  # noqa: F401  (an operation of the models with audio)

from data_prep.records.record import read_texts
from models.export.exported_model import ExportedModel
from models.systems import SYSTEMS

BATCH = 8


def losses(model: str, records: list[bytes]) -> np.ndarray:
    """Return the loss of an exported model on each record."""
    exported = ExportedModel(str(Path(model, "Format-Serving")))
    batches = [np.array(records[start : start + BATCH]) for start in range(0, len(records), BATCH)]
    return np.concatenate([exported.evaluate(batch)["loss"] for batch in batches])


@click.command()
@click.argument("tables", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--seed", default=0, show_default=True)
def main(tables: Path, seed: int) -> None:
    """Print the differences of every pair of a study's separators."""
    runs = {
        name: json.loads(path.read_text())["summary"]["artifacts"]
        for name in SYSTEMS
        if (path := tables / "runs" / f"{name}-{seed}.json").is_file()
    }
    [folder] = {artifacts["mixtures"] for artifacts in runs.values()}
    files = sorted(map(str, Path(folder, "Split-eval").iterdir()))
    records = list(tf.data.TFRecordDataset(files).as_numpy_iterator())
    types = np.array([read_texts(record, ["mixture_type"])["mixture_type"] for record in records])
    found = {name: losses(artifacts["model"], records) for name, artifacts in runs.items()}
    click.echo("| mixtures | higher loss | lower loss | difference | lower for |")
    click.echo("| --- | --- | --- | --- | --- |")
    for mixture_type in np.unique(types):
        of_type = types == mixture_type
        for one, other in combinations(found, 2):
            difference = (found[one] - found[other])[of_type]
            half = 1.96 * difference.std(ddof=1) / np.sqrt(len(difference))
            click.echo(
                f"| {len(difference)} {mixture_type} | {SYSTEMS[one].title} | "
                f"{SYSTEMS[other].title} | {difference.mean():.4f} ±{half:.4f} | "
                f"{np.mean(difference > 0):.0%} |"
            )


if __name__ == "__main__":
    main()
