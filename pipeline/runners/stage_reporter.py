"""A local runner that reports what it is doing: one line per stage, with its time."""

import datetime
import errno
import logging
import os
import re
import time
from functools import partial
from typing import Any

import click
import tensorflow as tf
from absl import logging as absl_logging
from tfx.dsl.compiler import constants
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.portable import runtime_parameter_utils

from data_prep.beam_run import run_quietly
from data_prep.errors import UserError

Proto = Any
"""A message of TFX's compiled pipelines, whose classes are generated at import."""

_REMARK = re.compile(r" \[while running '.*|\s+with exceptions None.*", re.DOTALL)
_STORAGE_FAILURES = (
    *map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO)),
    "disk is full",
    "disk I/O error",
)
"""What TensorFlow, Beam and SQLite say in errors of many classes if a file cannot be written."""


class StageReporter(LocalDagRunner):
    """TFX's local runner, which prints each stage to stderr as it starts and ends.

    TFX's log says the same, but libraries silence it as soon as a model is trained.

    Attributes:
        run_id: name of the run in ML Metadata.
        seconds: stage to its seconds, for the stages that ended.
    """

    def __init__(self) -> None:
        super().__init__()
        self.run_id = datetime.datetime.now().isoformat()
        self.seconds: dict[str, float] = {}

    def run_with_ir(self, pipeline: Proto, run_options: Proto | None = None) -> None:
        """Run a compiled pipeline, one stage after the other.

        Args:
            pipeline: the compiled pipeline, its stages in topological order.
            run_options: TFX's options of a partial run, which must be None.

        Raises:
            ValueError: there are run options.
            UserError: a stage failed for a reason that a user can fix.
            MemoryError: a stage ran out of memory.
            RuntimeError: a stage failed for another reason.
        """
        if run_options is not None:
            raise ValueError(f"run options: must be None, got {run_options}")
        _silence_log()
        # One id for all stages. TFX fills it in only where it is still open.
        runtime_parameter_utils.substitute_runtime_parameter(
            pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: self.run_id}
        )
        for number, node in enumerate(pipeline.nodes, start=1):
            name = node.pipeline_node.node_info.id
            click.echo(f"[{number}/{len(pipeline.nodes)}] {name} ...", err=True)
            started = time.monotonic()
            self._run_stage(name, _only(node, pipeline))
            self.seconds[name] = time.monotonic() - started
            click.echo(f"    {name}: {self.seconds[name]:.1f} s", err=True)

    def _run_stage(self, name: str, pipeline: Proto) -> None:
        try:
            run_quietly(partial(super().run_with_ir, pipeline), beside=False)
        except Exception as error:
            raise failure_of(name, error) from error


def failure_of(name: str, error: Exception) -> Exception:
    """Return an error that names a stage.

    Args:
        name: the stage.
        error: what it raised.

    Returns:
        A UserError with the cause on one line if a user can fix that, a MemoryError if there is
        too little memory, otherwise a RuntimeError.
    """
    lines = _REMARK.sub("", str(error)).splitlines()
    text = _one_line(*lines)
    if isinstance(error, (UserError, OSError)):
        return UserError(f"{name}: {text}")
    for line in reversed(lines):  # the last one of a traceback from a worker process
        if any(failure in line for failure in _STORAGE_FAILURES):
            return UserError(f"{name}: {_one_line(line)}")
    if isinstance(error, (MemoryError, tf.errors.ResourceExhaustedError)):
        return MemoryError(f"{name}: {text or type(error).__name__}")
    return RuntimeError(f"{name}: {type(error).__name__}: {text}")


def _one_line(*texts: str) -> str:
    return " ".join(" ".join(texts).split())


def _only(node: Proto, pipeline: Proto) -> Proto:
    """Return a pipeline with one of its stages alone."""
    stage = type(pipeline)()
    stage.CopyFrom(pipeline)
    del stage.nodes[:]
    stage.nodes.append(node)
    return stage


def _silence_log() -> None:
    """Keep TFX's notices off the screen, and tracebacks of errors that are raised as well."""
    absl_logging.use_absl_handler()
    absl_logging.get_absl_handler().setLevel(logging.CRITICAL)
