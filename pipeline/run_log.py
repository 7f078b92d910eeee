"""The list of how the runs of an output ended, `outcomes.jsonl`."""

import time
from collections.abc import Callable
from pathlib import Path

from components.run_outcome import Ending, RunOutcome, ending_of, mean_metrics, notify, now
from pipeline.config import PipelineConfig
from pipeline.run_summary import RunSummary

FILE = "outcomes.jsonl"
_MADE = ("manifests", "artifacts")
"""Folders that a run begins with."""


def recorded(config: PipelineConfig, output: Path, run: Callable[[], RunSummary]) -> RunSummary:
    """Call a function that runs the pipeline, and note how it ended, if it has begun.

    Args:
        config: the settings of the run; its `webhook` is told too.
        output: the folder of all results.
        run: the function.

    Returns:
        What it returned.
    """
    started = time.monotonic()
    outcome = RunOutcome(
        pipeline=config.name, system=config.system.name, ending=Ending.INTERRUPTED, time=""
    )
    try:
        summary = run()
        outcome = outcome.model_copy(update=_found(summary))
        return summary
    except Exception as error:
        found = {"ending": Ending.FAILED, "reasons": (" ".join(str(error).split()),)}
        outcome = outcome.model_copy(update=found)
        raise
    finally:
        seconds = round(time.monotonic() - started, 1)
        outcome = outcome.model_copy(update={"time": now(), "seconds": seconds})
        # A command that fails before anything is made leaves nothing.
        if any((output / name).is_dir() for name in _MADE):
            with (output / FILE).open("a", encoding="utf-8") as file:
                file.write(outcome.line + "\n")
        notify(config.webhook, outcome)


def _found(summary: RunSummary) -> dict[str, object]:
    return {
        "ending": ending_of(blessed=summary.blessed, pushed=summary.pushed or ""),
        "pushed": summary.pushed or "",
        "baseline": summary.baseline,
        "reasons": summary.reasons,
        "metrics": mean_metrics(summary.metrics),
    }
