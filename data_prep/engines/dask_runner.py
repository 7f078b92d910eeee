"""Beam's DaskRunner, fixed. It was tested with Beam 2.59 and 2.77 and Dask 2024.8.

As it is, Beam's runner

- hands all of Beam's options to Dask's client, which refuses them,
- waits for workers without saying for how many, which Dask refuses,
- ignores steps that it cannot run, such as reading a file, and loses their data,
- calls no method of a DoFn but `process`, which must return an iterable,
- cuts a list into parts of 128, so that few workers get any, and groups by windows, which a step
  that is handed none cannot do; both are newer than Beam 2.59,
- computes the output of every step and sends it to the command,
- has no metrics, leaves its client open, and does not say that its options exist.

Create, Reshuffle, GroupByKey, Flatten and ParDo run; side inputs and tagged outputs do not.
"""

import asyncio
import concurrent.futures
import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pipeline import AppliedPTransform, PipelineVisitor
from apache_beam.runners.runner import PipelineResult, PipelineState

from data_prep.engines.limited import Limited
from data_prep.errors import UserError

try:
    from apache_beam.runners.dask import dask_runner, overrides
    from dask import bag, distributed
    from dask.bag import Bag
    from distributed.scheduler import KilledWorker
except ImportError as _error:
    raise ImportError("pip install layered-video[dask]") from _error

_PATIENCE = 5.0  # seconds
_FOR_WORKERS = 300.0  # seconds in which the first worker must be there
_CLIENT_OPTIONS = ("address", "timeout", "scheduler_file", "name", "connection_limit")
_LOST = (
    OSError,
    asyncio.CancelledError,
    concurrent.futures.CancelledError,
    distributed.client.FutureCancelledError,
)
# Beam's own GroupByKey stays: the one for Dask groups by windows.
_OVERRIDES = [
    override
    for override in overrides.dask_overrides()
    if type(override).__name__ != "GroupByKeyOverride"
]


class _FixedRunner(dask_runner.DaskRunner):
    """Beam's runner without its faults."""

    def run_pipeline(self, pipeline: beam.Pipeline, options: PipelineOptions) -> PipelineResult:
        pipeline.replace_all(_OVERRIDES)
        translation = _Translation()
        pipeline.visit(translation)
        given = options.view_as(dask_runner.DaskOptions).get_all_options(drop_default=True)
        with _scheduler_errors([]):
            client = distributed.Client(**{k: given[k] for k in _CLIENT_OPTIONS if k in given})
        return _DaskJob(client, translation.ends)


class DaskRunner(Limited, _FixedRunner):
    """Runs a pipeline on a Dask cluster, whose scheduler is named by the options."""

    def check_options(self, options: PipelineOptions) -> None:
        """Check that a scheduler is named and can be reached."""
        named = options.view_as(dask_runner.DaskOptions)
        if named.address is None and named.scheduler_file is None:
            raise UserError(
                "--runner DaskRunner: must have --dask_client_address or --dask_scheduler_file"
            )
        if named.address is not None:
            _check_address(named.address)


def _check_address(address: str) -> None:
    """Check what Dask would find out after half a minute."""
    rule = f"--dask_client_address: must be tcp://HOST:PORT of a scheduler, got {address}"
    try:
        parts = urlsplit(address if "://" in address else f"tcp://{address}")
        if parts.scheme in ("tcp", "tls"):
            socket.create_connection((parts.hostname or "", parts.port or 0), _PATIENCE).close()
    except (OSError, ValueError) as error:
        raise UserError(f"{rule}: {error}") from error


class _Translation(PipelineVisitor):
    """Turns each step of a pipeline into a bag.

    Attributes:
        ends: the bags that no other one is made of.
    """

    def __init__(self) -> None:
        self._bags: dict[AppliedPTransform, Bag] = {}
        self.ends: list[Bag] = []

    def visit_transform(self, node: AppliedPTransform) -> None:
        inputs = [self._bags[i.producer] for i in node.inputs if i.producer in self._bags]
        bag = _bag_of(node, inputs)
        self.ends = [end for end in self.ends if not any(end is made_of for made_of in inputs)]
        self.ends.append(bag)
        self._bags[node] = bag


def _bag_of(node: AppliedPTransform, inputs: list[Bag]) -> Bag:
    transform = node.transform
    match transform:
        case overrides._Create():
            return bag.from_sequence(list(transform.values))
        case overrides._Flatten():
            return bag.concat(inputs)
        case overrides._Reshuffle():  # a part is worked on as a whole anyway
            return inputs[0]
        case beam.GroupByKey():
            return inputs[0].groupby(_key).map(_without_keys)
        case beam.ParDo() if not transform.side_inputs:
            step = _ParDo(transform.fn, transform.args, transform.kwargs)
            return inputs[0].map_partitions(step)
    raise UserError(f"--runner DaskRunner: must be another one for steps such as {node}")


def _key(pair: tuple[Any, Any]) -> Any:
    return pair[0]


def _without_keys(group: tuple[Any, list[tuple[Any, Any]]]) -> tuple[Any, list[Any]]:
    key, pairs = group
    return key, [value for _, value in pairs]


@dataclass(frozen=True)
class _ParDo:
    """A step that a Dask worker applies to a partition."""

    fn: beam.DoFn
    args: Sequence[Any]
    kwargs: dict[str, Any]

    def __call__(self, elements: Any) -> list[Any]:
        self.fn.setup()
        try:
            self.fn.start_bundle()
            outputs = list(self._outputs(elements))
            self.fn.finish_bundle()
        finally:
            self.fn.teardown()
        return outputs

    def _outputs(self, elements: Any) -> Iterator[Any]:
        for element in elements:
            yield from self.fn.process(element, *self.args, **self.kwargs) or ()


class _DaskJob(PipelineResult):
    def __init__(self, client: distributed.Client, bags: list[Bag]):
        super().__init__(PipelineState.RUNNING)
        self._client = client
        self._bags = bags
        self._futures: list[distributed.Future] = []

    def wait_until_finish(self, duration: int | None = None) -> str:
        self._state = PipelineState.FAILED
        try:
            with _scheduler_errors(self._futures):
                self._client.wait_for_workers(1, timeout=_FOR_WORKERS)
                self._futures += self._client.compute(self._bags)
                self._client.gather(self._futures)
            self._state = PipelineState.DONE
        finally:
            self._close()
        return str(self._state)

    def cancel(self) -> str:
        self._state = PipelineState.CANCELLED
        self._client.cancel(self._futures)
        self._close()
        return str(self._state)

    def _close(self) -> None:
        with suppress(*_LOST):
            self._client.close(timeout=_PATIENCE)

    def metrics(self) -> "_NoMetrics":
        return _NoMetrics()


class _NoMetrics:
    """What `MetricResults` is to other runners; Dask's workers collect no counters."""

    def query(self, filter: Any = None) -> dict[str, list[Any]]:
        return {"counters": [], "distributions": [], "gauges": [], "stringsets": []}


@contextmanager
def _scheduler_errors(futures: list[distributed.Future]) -> Iterator[None]:
    """Report what Dask raises if a scheduler or its workers are gone, not what a task raised."""
    try:
        yield
    except KilledWorker as error:
        raise UserError(
            f"--runner DaskRunner: workers must survive their tasks, got KilledWorker: {error}"
        ) from error
    except _LOST as error:
        if isinstance(error, UserError) or any(future.status == "error" for future in futures):
            raise
        reason = str(error) or type(error).__name__
        raise UserError(
            f"--runner DaskRunner: the scheduler must answer and have workers until the job has "
            f"ended, got {reason}; rerun the same command to resume"
        ) from error


for _name in ("distributed", "distributed.client", "distributed.core", "tornado.application"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)  # what they log is raised as well
