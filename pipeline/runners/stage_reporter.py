"""A local runner that reports what it is doing: one line per stage, with its time."""

import datetime
import logging
import time
from typing import Any

import click
from absl import logging as absl_logging
from tfx.dsl.compiler import constants
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.portable import runtime_parameter_utils

Proto = Any
"""A message of TFX's compiled pipelines, whose classes are generated at import."""


class StageReporter(LocalDagRunner):
    """TFX's local runner, which prints each stage to stderr as it starts and ends.

    TFX's log says the same, but libraries silence it as soon as a model is trained.

    Attributes:
        seconds: stage to its seconds, for the stages that ended.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seconds: dict[str, float] = {}

    def run_with_ir(self, pipeline: Proto, run_options: Proto | None = None) -> None:
        """Run a compiled pipeline, one stage after the other.

        Args:
            pipeline: the compiled pipeline, its stages in topological order.
            run_options: TFX's options of a partial run, which must be None.

        Raises:
            ValueError: there are run options.
        """
        if run_options is not None:
            raise ValueError(f"run options: must be None, got {run_options}")
        _silence_log()
        # One id for all stages. TFX fills it in only where it is still open.
        now = datetime.datetime.now().isoformat()
        runtime_parameter_utils.substitute_runtime_parameter(
            pipeline, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: now}
        )
        for number, node in enumerate(pipeline.nodes, start=1):
            name = node.pipeline_node.node_info.id
            click.echo(f"[{number}/{len(pipeline.nodes)}] {name} ...", err=True)
            started = time.monotonic()
            super().run_with_ir(_only(node, pipeline))
            self.seconds[name] = time.monotonic() - started
            click.echo(f"    {name}: {self.seconds[name]:.1f} s", err=True)


def _only(node: Proto, pipeline: Proto) -> Proto:
    """Return a pipeline with one of its stages alone."""
    stage = type(pipeline)()
    stage.CopyFrom(pipeline)
    del stage.nodes[:]
    stage.nodes.append(node)
    return stage


def _silence_log() -> None:
    """Keep TFX's notices, one per artifact query, off the screen."""
    absl_logging.use_absl_handler()
    absl_logging.get_absl_handler().setLevel(logging.ERROR)
