"""Report: a page about every run, blessed or not.

Public name: `Report`. Besides its fixed inputs it takes one per analysis of the run.
"""

import json
from collections.abc import Mapping
from typing import ClassVar

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import BaseChannel, Channel, ComponentSpec, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from components.analyses.artifact import AnalysisArtifact
from components.report.artifact import ReportArtifact
from components.report.executor import ReportExecutor
from components.report.settings import ReportSettings


class ReportSpec(ComponentSpec):
    """Parameters, inputs and outputs of `Report` for a run without analyses."""

    PARAMETERS: ClassVar = {
        "settings": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_run": ChannelParameter(type=standard_artifacts.ModelRun),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "pushed_model": ChannelParameter(type=standard_artifacts.PushedModel),
    }
    OUTPUTS: ClassVar = {"report": ChannelParameter(type=ReportArtifact)}


class Report(BaseComponent):
    """Writes `report.html`, complete in itself, and CSVs of the lists that it shows a part of.

    Outputs:
        report: a `ReportArtifact`.
    """

    SPEC_CLASS = ReportSpec
    EXECUTOR_SPEC = ExecutorClassSpec(ReportExecutor)

    def __init__(
        self,
        *,
        examples: BaseChannel,
        model: BaseChannel,
        model_run: BaseChannel,
        evaluation: BaseChannel,
        blessing: BaseChannel,
        pushed_model: BaseChannel,
        settings: ReportSettings,
        code: Mapping[str, str],
        analyses: Mapping[str, BaseChannel] | None = None,
    ):
        """Create the component.

        Args:
            examples: MixtureGen's examples.
            model: the Trainer's model.
            model_run: the Trainer's TensorBoard logs; empty if nothing was trained.
            evaluation: the Evaluator's results.
            blessing: the Evaluator's verdict.
            pushed_model: the Pusher's output, which also says that nothing was pushed.
            settings: the settings of the run.
            code: what some code does -> digest of it. The page lists the digests, and TFX's cache
                notices a change.
            analyses: name of an analysis -> channel of its results.
        """
        spec = _spec_class(analyses or {})(
            examples=examples,
            model=model,
            model_run=model_run,
            evaluation=evaluation,
            blessing=blessing,
            pushed_model=pushed_model,
            settings=settings.model_dump_json(),
            code=json.dumps(dict(code)),
            report=Channel(type=ReportArtifact),
            **(analyses or {}),
        )
        super().__init__(spec=spec)


def _spec_class(analyses: Mapping[str, BaseChannel]) -> type[ReportSpec]:
    """Return the spec with one more input per analysis."""
    if taken := ReportSpec.INPUTS.keys() & analyses.keys():
        raise ValueError(f"analysis: name must differ from Report's inputs, got {min(taken)!r}")
    own = {name: ChannelParameter(type=AnalysisArtifact) for name in analyses}
    return type("ReportSpec", (ReportSpec,), {"INPUTS": {**ReportSpec.INPUTS, **own}})
