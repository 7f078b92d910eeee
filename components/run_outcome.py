"""How a run ended, for programs: a line of JSON, which a webhook receives too."""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

import tenacity
from pydantic import Field

from components.evaluation.slice_metrics import SliceMetrics
from data_prep.results import Results

_SECONDS = 10.0
_ATTEMPTS = 3


class Ending(StrEnum):
    """How a run ended."""

    PUSHED = "pushed"
    NOT_BLESSED = "not blessed"
    NOT_PUSHED = "not pushed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class RunOutcome(Results):
    """How a run ended.

    Attributes:
        pipeline: the pipeline's name.
        system: the system's name.
        ending: what became of it: `pushed`; `not blessed` by the evaluation; `not pushed`, because
            another model was pushed meanwhile; `failed`; or `interrupted`.
        time: when it ended, in UTC, by ISO 8601.
        seconds: how long it took; None if that is not known.
        pushed: folder of the pushed version; empty if none was pushed.
        baseline: folder of the version that the model was compared with; empty if there was none.
        reasons: the missed thresholds, or the error.
        metrics: mixture type -> measure -> mean over the held-out mixtures.
    """

    pipeline: str
    system: str
    ending: Ending
    time: str
    seconds: float | None = None
    pushed: str = ""
    baseline: str = ""
    reasons: tuple[str, ...] = ()
    metrics: dict[str, dict[str, float]] = Field(default_factory=dict)

    @property
    def line(self) -> str:
        """The outcome as one line of JSON, without its end."""
        return json.dumps(self.model_dump(mode="json"), allow_nan=False)


def ending_of(*, blessed: bool, pushed: str) -> Ending:
    """Return how a run ended that came to its end."""
    if not blessed:
        return Ending.NOT_BLESSED
    return Ending.PUSHED if pushed else Ending.NOT_PUSHED


def mean_metrics(metrics: Mapping[str, SliceMetrics]) -> dict[str, dict[str, float]]:
    """Return mixture type -> measure -> mean."""
    return {
        name: {measure: found.value for measure, found in each.estimates.items()}
        for name, each in metrics.items()
    }


def now() -> str:
    """Return the time, in UTC, by ISO 8601, in seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def notify(webhook: str, outcome: RunOutcome) -> None:
    """Send an outcome to a webhook, as JSON; a webhook that does not answer fails no run.

    Args:
        webhook: its address; empty for none. It may hold a secret, so no message names it.
        outcome: the outcome.
    """
    if not webhook:
        return
    import requests

    @tenacity.retry(
        stop=tenacity.stop_after_attempt(_ATTEMPTS),
        wait=tenacity.wait_exponential(multiplier=0.5),
        retry=tenacity.retry_if_exception_type(requests.ConnectionError),
        reraise=True,
    )
    def post() -> None:
        headers = {"Content-Type": "application/json"}
        answer = requests.post(webhook, outcome.line, headers=headers, timeout=_SECONDS)
        answer.raise_for_status()

    try:
        post()
    except requests.RequestException as error:
        code = getattr(error.response, "status_code", None)
        reason = f"answer {code}" if code else type(error).__name__
        print(f"webhook: was not told how the run ended: {reason}", file=sys.stderr)
