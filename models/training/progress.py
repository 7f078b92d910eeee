"""Progress of a training run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Progress of a training run at one point of its curves.

    Attributes:
        step: updates done.
        steps: updates in total.
        scalars: means since the last report, by name; empty as a run begins that was resumed or
            starts from an exported model.
        updates: updates done since the start or the resumption.
        seconds: seconds spent on them, without evaluation.
        waited: seconds of them spent waiting for input.
        resumed_from: step of the checkpoint from which the run was resumed; 0 for a fresh run.
        started_from: what was loaded from an exported model, in one line; set as the run begins.
    """

    step: int
    steps: int
    scalars: dict[str, float]
    updates: int
    seconds: float
    waited: float
    resumed_from: int = 0
    started_from: str = ""

    @property
    def seconds_per_update(self) -> float:
        """Mean duration of an update; 0 before the first one."""
        return self.seconds / max(self.updates, 1)

    @property
    def waiting_share(self) -> float:
        """Share of the time spent waiting for input, in [0, 1]."""
        return self.waited / self.seconds if self.seconds else 0.0
