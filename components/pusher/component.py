"""Pusher: copies a blessed model to where it is served."""

from typing import Any

import click
from tfx import v1 as tfx
from tfx.components.pusher.executor import Executor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.proto import pusher_pb2
from tfx.types import Artifact, BaseChannel, standard_component_specs
from tfx.utils import proto_utils

from components.evaluation.evaluator import BASELINE
from components.pusher.pushing import push
from data_prep import storage

OVERTAKEN = "overtaken"
"""Property of the pushed model: 1 if it was blessed, but another model was pushed meanwhile."""
OVERTAKEN_REASON = "another model was pushed since the evaluation"


class PusherExecutor(Executor):
    """Pushes a blessed model, once."""

    def Do(  # noqa: N802  (TFX's name)
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Push the model if it is blessed, see `components.pusher.pushing`."""
        self._log_startup(input_dict, output_dict, exec_properties)
        [pushed] = output_dict[standard_component_specs.PUSHED_MODEL_KEY]
        storage.make_dirs(pushed.uri)
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        [blessing] = input_dict[standard_component_specs.MODEL_BLESSING_KEY]
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(
            exec_properties[standard_component_specs.PUSH_DESTINATION_KEY], destination
        )
        version = push(
            self.GetModelPath(input_dict),
            destination.filesystem.base_directory,
            baseline=blessing.get_string_custom_property(BASELINE),
        )
        if version:
            self._MarkPushed(
                pushed, pushed_destination=version, pushed_version=storage.name(version)
            )
            return
        click.echo(f"Pusher: {OVERTAKEN_REASON}; not pushed", err=True)
        self._MarkNotPushed(pushed)
        pushed.set_int_custom_property(OVERTAKEN, 1)


class Pusher(tfx.components.Pusher):
    """TFX's Pusher with our way of copying a model to where it is served."""

    EXECUTOR_SPEC = ExecutorClassSpec(PusherExecutor)

    def __init__(self, *, model: BaseChannel, blessing: BaseChannel, serving: str, code: str):
        """Create the component.

        Args:
            model: the Trainer's model.
            blessing: the Evaluator's verdict.
            serving: folder of the versions of the model's kind of task.
            code: digest of the code that pushes, so that TFX's cache notices a change.
        """
        super().__init__(
            model=model,
            model_blessing=blessing,
            push_destination=pusher_pb2.PushDestination(
                filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=serving)
            ),
            custom_config={"code": code},
        )
