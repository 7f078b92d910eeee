"""Warm start: training that begins with the weights of an exported model."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import accumulate
from math import prod
from typing import Self

import keras

from data_prep import storage
from data_prep.errors import UserError
from data_prep.results import Results
from models.export.exported_weights import ExportedWeights, find_version, open_weights
from models.export.weight_names import stable_names
from models.training.progress import Progress
from models.training.run import Run

FILE = "warm_start.json"
"""The file of a `WarmStart` among the logs of a training run."""

_SHOWN = 6  # fresh layers that are named on one line

Shapes = Mapping[str, tuple[int, ...]]
"""Stable name of a weight, see `stable_names`, -> its shape."""


class WarmStart(Results):
    """What a network took from an exported model.

    Attributes:
        source: folder of the model's version.
        weights: number of the network's weights, kernels and statistics alike.
        loaded: number of them that were taken.
        values: number of values in all weights.
        loaded_values: number of values in those that were taken.
        fresh: layers, or single weights, that keep their fresh values.
    """

    source: str
    weights: int
    loaded: int
    values: int
    loaded_values: int
    fresh: list[str]

    @classmethod
    def compare(cls, source: str, own: Shapes, exported: Shapes) -> Self:
        """Compare a network with a model: weights of one name and shape are taken.

        Args:
            source: folder of the model's version.
            own: the network's weights.
            exported: the model's weights.

        Raises:
            UserError: no weight is taken.
        """
        loaded = {name for name, shape in own.items() if exported.get(name) == shape}
        if not loaded:
            raise UserError(
                f"{source}: must be a model that shares weights with the network, got none of its "
                f"{len(own)} with the same name and shape"
            )
        return cls(
            source=source,
            weights=len(own),
            loaded=len(loaded),
            values=sum(map(prod, own.values())),
            loaded_values=sum(prod(own[name]) for name in loaded),
            fresh=_layers([name for name in own if name not in loaded], loaded),
        )

    @property
    def line(self) -> str:
        """The warm start in one line, for people."""
        text = (
            f"started from {self.source}: {self.loaded} of {self.weights} weights "
            f"({self.loaded_values / 1e6:.3g} of {self.values / 1e6:.3g} M)"
        )
        if not self.fresh:
            return text
        more = f" and {len(self.fresh) - _SHOWN} more" if len(self.fresh) > _SHOWN else ""
        return f"{text}; fresh: {', '.join(self.fresh[:_SHOWN])}{more}"


def warm_start(network: keras.Model, initial: str) -> WarmStart:
    """Load an exported model's weights where the network has the same.

    Weights are the same if their layers' names and their shapes are. The statistics of batch
    normalization are among them. The sizes of clips do not matter, since networks are
    convolutional. Everything else stays as it is.

    Args:
        network: the network, built.
        initial: URI of a version of an exported model, or of a folder of versions for the newest.

    Raises:
        UserError: there is no model that can be read, or it shares no weight with the network.
    """
    with _open(initial) as (version, exported):
        weights = _by_name(network)
        found = WarmStart.compare(version, _shapes(weights), exported.shapes)
        for name, weight in weights.items():
            if exported.shapes.get(name) == tuple(weight.shape):
                weight.assign(exported[name])
    return found


def check_warm_start(network: keras.Model, initial: str) -> str:
    """Check that `warm_start` would load something, and return the folder of the version.

    Raises:
        UserError: as for `warm_start`.
    """
    with _open(initial) as (version, exported):
        WarmStart.compare(version, _shapes(_by_name(network)), exported.shapes)
    return version


def begin_run(
    run: Run,
    network: keras.Model,
    initial: str,
    *,
    logs: str | None,
    report: Callable[[Progress], None],
) -> None:
    """Warm-start a training run, unless it was resumed: its checkpoint is ahead of the model.

    Args:
        run: the run, restored from its last checkpoint if it has one.
        network: its network.
        initial: as for `warm_start`; empty for fresh weights.
        logs: folder for `FILE`; None in workers that write nothing.
        report: called with the run's progress and what was loaded.

    Raises:
        UserError: as for `warm_start`.
    """
    if not initial or run.resumed_from:
        return
    found = warm_start(network, initial)
    if logs is not None:
        found.write(storage.join(logs, FILE))
    report(replace(run.progress(), started_from=found.line))


@contextmanager
def _open(initial: str) -> Iterator[tuple[str, ExportedWeights]]:
    """Yield the folder of the version and its weights; errors name the setting."""
    try:
        version = find_version(initial)
        with open_weights(version) as exported:
            yield version, exported
    except UserError as error:
        raise UserError(f"model.initial: {error}") from error


def _by_name(network: keras.Model) -> dict[str, keras.Variable]:
    """Return the network's weights by their stable names."""
    names = stable_names([weight.path for weight in network.weights])
    return {names[weight.path]: weight for weight in network.weights}


def _shapes(weights: Mapping[str, keras.Variable]) -> Shapes:
    return {name: tuple(weight.shape) for name, weight in weights.items()}


def _layers(fresh: Iterable[str], loaded: Iterable[str]) -> list[str]:
    """Name the outermost layers that hold fresh weights alone; weights of other layers by name."""
    mixed = {part for name in loaded for part in accumulate(name.split("/"), _inside)}
    named = (
        next(part for part in accumulate(name.split("/"), _inside) if part not in mixed)
        for name in fresh
    )
    return list(dict.fromkeys(named))


def _inside(parent: str, name: str) -> str:
    return f"{parent}/{name}"
