"""The gallery of held-out mixtures: the best, the median and the worst of each type."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from components.html.pages import Entry
from components.separated_examples import example_of, separate_example
from data_prep.config import ClipConfig
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.records.record import decode, read_texts
from models.export.exported_model import ExportedModel
from models.measures import IDENTITY_LOSS, LOSS

_BATCH = 32


def pick(ratios: Sequence[float]) -> list[tuple[str, int]]:
    """Pick the best, the median and the worst: (name, place), each place at most once."""
    order = np.argsort(ratios, kind="stable").tolist()
    if not order:
        return []
    places = [("best", order[0]), ("median", order[(len(order) - 1) // 2]), ("worst", order[-1])]
    if len(order) < 3:
        places = [places[0], places[-1]][: len(order)]
    return places


def held_out_gallery(
    model: ExportedModel, files: list[str], clip: ClipConfig, *, limit: int
) -> dict[str, list[Entry]]:
    """Separate the best, the median and the worst mixture of each type, by relative loss.

    Args:
        model: a separator.
        files: TFRecord files of held-out mixtures.
        clip: the shape of their clips.
        limit: number of mixtures to pick from, the first ones.

    Returns:
        mixture type -> entries.
    """
    records = tf.data.TFRecordDataset(files).take(limit)
    ratios, types = _relative_losses(model, records)
    # For two equal clips Identity's loss is 0: they are neither well nor badly separated.
    ranked = np.isfinite(ratios)
    picked: dict[str, list[tuple[str, int]]] = {}
    for name in MIXTURE_TYPES:
        places = np.flatnonzero((types == name) & ranked)
        picked[name] = [(title, int(places[i])) for title, i in pick(ratios[places].tolist())]
    wanted = {place for chosen in picked.values() for _, place in chosen}
    values = {
        place: decode(serialized, clip)
        for place, serialized in enumerate(records.as_numpy_iterator())
        if place in wanted
    }
    return {
        name: [
            separate_example(model, clip, example_of(values[place], title))
            for title, place in chosen
        ]
        for name, chosen in picked.items()
        if chosen
    }


def _relative_losses(
    model: ExportedModel, records: tf.data.Dataset
) -> tuple[np.ndarray, np.ndarray]:
    """Return the relative loss and the mixture type of every record, each `[N]`."""
    ratios, types = [np.zeros(0)], []
    for batch in records.batch(_BATCH).as_numpy_iterator():
        scalars = model.evaluate(batch)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios.append(scalars[LOSS.name] / scalars[IDENTITY_LOSS.name])
        types += [read_texts(one, ["mixture_type"])["mixture_type"] for one in batch]
    return np.concatenate(ratios), np.array(types, str)
