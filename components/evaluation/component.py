"""Evaluator: measures a model on the held-out mixtures, and decides whether it may be pushed."""

import json
from typing import ClassVar

from tensorflow_model_analysis.proto import config_pb2
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from components.evaluation.evaluator import EvaluatorExecutor
from data_prep.splits import EVAL


class EvaluatorSpec(ComponentSpec):
    """Parameters, inputs and outputs of `Evaluator`."""

    PARAMETERS: ClassVar = {
        "eval_config": ExecutionParameter(type=config_pb2.EvalConfig),
        "example_splits": ExecutionParameter(type=str),
        "serving": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS: ClassVar = {
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class Evaluator(BaseBeamComponent):
    """TFX's Evaluator, which finds the model to compare with in the folder of served models.

    Outputs:
        evaluation: TFMA's results.
        blessing: the verdict.
    """

    SPEC_CLASS = EvaluatorSpec
    EXECUTOR_SPEC = BeamExecutorSpec(EvaluatorExecutor)

    def __init__(
        self,
        *,
        examples: BaseChannel,
        model: BaseChannel,
        eval_config: config_pb2.EvalConfig,
        serving: str,
        code: str,
    ):
        """Create the component.

        Args:
            examples: MixtureGen's examples.
            model: the Trainer's model.
            eval_config: metrics, slices and thresholds.
            serving: folder of the versions of the model's kind of task.
            code: digest of the code that evaluates, so that TFX's cache notices a change.
        """
        super().__init__(
            EvaluatorSpec(
                examples=examples,
                model=model,
                eval_config=eval_config,
                example_splits=json.dumps([EVAL]),
                serving=serving,
                code=code,
                evaluation=Channel(type=standard_artifacts.ModelEvaluation),
                blessing=Channel(type=standard_artifacts.ModelBlessing),
            )
        )
