"""Executor of Report: reads what a run left, and writes the page."""

from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import Artifact

from components.analyses.registry import ANALYSES, get_analysis
from components.evaluation.evaluator import BASELINE
from components.html.pages import write_page
from components.report import FILE
from components.report.artifact import ENDING
from components.report.gathering import RunInputs, gather
from components.report.run_page import RunFacts, report_page
from components.report.settings import ReportSettings
from components.run_outcome import RunOutcome, ending_of, mean_metrics, notify, now

_CODE = TypeAdapter(dict[str, str])
_FIXED = tuple(field.name for field in fields(RunInputs) if field.name != "analyses")


class ReportExecutor(BaseExecutor):
    """Writes the page and its lists; inputs beside the fixed ones are results of analyses."""

    def Do(  # noqa: N802  (TFX's name)
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Read the inputs and write the page."""
        artifacts = {name: found[0] for name, found in input_dict.items() if found}
        names = [get_analysis(name).name for name in artifacts if name not in _FIXED]
        inputs = RunInputs(
            **{name: artifacts[name] for name in _FIXED},
            analyses={name: artifacts[name] for name in ANALYSES if name in names},
        )
        settings = ReportSettings.model_validate_json(exec_properties["settings"])
        facts = gather(inputs, _CODE.validate_json(exec_properties["code"]))
        [report] = output_dict["report"]
        write_page(report_page(facts, settings), report.uri, FILE)
        outcome = _outcome(facts, settings, inputs)
        report.set_string_custom_property(ENDING, outcome.ending)
        notify(settings.webhook, outcome)


def _outcome(facts: RunFacts, settings: ReportSettings, inputs: RunInputs) -> RunOutcome:
    verdict = facts.verdict
    return RunOutcome(
        pipeline=settings.pipeline,
        system=settings.model.system,
        ending=ending_of(blessed=verdict.blessed, pushed=verdict.pushed),
        time=now(),
        pushed=verdict.pushed,
        baseline=inputs.blessing.get_string_custom_property(BASELINE),
        reasons=tuple(verdict.reasons),
        metrics=mean_metrics(facts.results.by_mixture_type()),
    )
