"""Settings of the Trainer, which travel in its `custom_config`.

Public name: `TrainingSettings`; `TrainingSettings(...).custom_config(checkpoints=..., code=...)` is
what the pipeline gives to `Trainer(custom_config=...)`.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Self

from components.training.job_config import TrainingJob
from data_prep import storage
from data_prep.config import ClipConfig
from data_prep.settings import Settings
from models.config import PUSHED, ModelConfig, TrainConfig
from models.export.exported_weights import newest_version

JOB = "job"
"""Key of the training job in a `custom_config`; nothing that decides the model."""

_PACKAGES = "packages"

_PATIENCE = 30 * 86_400.0
"""Seconds to wait for another run's training: as long as one may take."""


class TrainingSettings(Settings):
    """Everything that decides a training run beside its records.

    Attributes:
        model: the system and its size.
        train: how it is trained.
        clip: the shape of the records' clips.
        serving: folder of the versions of the model's kind of task, the newest of which
            `model.initial: pushed` stands for.
    """

    model: ModelConfig
    train: TrainConfig
    clip: ClipConfig
    serving: str = ""

    @property
    def started_model(self) -> ModelConfig:
        """The model, with the version that training starts from now; fresh weights if none is."""
        if self.model.initial != PUSHED:
            return self.model
        found = newest_version(self.serving) or ""
        return self.model.model_copy(update={"initial": found})

    def agreed_model(self, gather: Callable[[int], list[int]]) -> ModelConfig:
        """Return the same for all workers, though a model may be pushed between their looks.

        Args:
            gather: function from a worker's number to the numbers of all workers.
        """
        model = self.started_model
        looked_up = self.model.initial == PUSHED and model.initial
        found = int(storage.name(model.initial)) if looked_up else 0
        oldest = min(gather(found))
        if oldest == found:
            return model
        initial = storage.join(self.serving, str(oldest)) if oldest else ""
        return model.model_copy(update={"initial": initial})

    def custom_config(
        self, *, checkpoints: str, code: str, packages: str = "", job: TrainingJob | None = None
    ) -> dict[str, str]:
        """Return the Trainer's `custom_config`.

        Args:
            checkpoints: folder that outlives the execution, for the checkpoints of unfinished
                training runs.
            code: digest of the code that trains, so that TFX's cache notices a change.
            packages: digest of the packages that it uses, likewise. An interrupted run resumes with
                other ones.
            job: the job of Vertex AI to train in, for `TrainingJobTrainer`; None to train in the
                stage itself.
        """
        given = {"settings": self.model_dump_json(), "checkpoints": checkpoints, "code": code}
        given[_PACKAGES] = packages
        return given if job is None else {**given, JOB: job.model_dump_json()}

    @classmethod
    def of(cls, custom_config: Mapping[str, str]) -> Self:
        """Return the settings in a `custom_config`."""
        return cls.model_validate_json(custom_config["settings"])


def job_of(custom_config: Mapping[str, str]) -> TrainingJob:
    """Return the training job in a `custom_config`."""
    return TrainingJob.model_validate_json(custom_config[JOB])


def training_key(custom_config: Mapping[str, str], records: Sequence[str]) -> str:
    """Name a training run: two have one name if they train alike, on the same records.

    Args:
        custom_config: the Trainer's.
        records: the records' files or folders.
    """
    return _digest(custom_config, records, without={JOB})


def checkpoint_key(custom_config: Mapping[str, str], records: Sequence[str]) -> str:
    """Name the checkpoints of a training run.

    It is `training_key`, except that other versions of the packages resume the same checkpoints.

    Args:
        custom_config: the Trainer's.
        records: the records' files or folders.
    """
    return _digest(custom_config, records, without={JOB, _PACKAGES})


def _digest(custom_config: Mapping[str, str], records: Sequence[str], without: set[str]) -> str:
    decisive = {key: custom_config[key] for key in custom_config.keys() - without}
    text = json.dumps([decisive, list(records)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextmanager
def sole_training(custom_config: Mapping[str, str], key: str) -> Iterator[Callable[[], None]]:
    """Be the only run that trains under a name; wait while another one does.

    The lease lies outside the training's folder, which the run may remove.

    Args:
        custom_config: the Trainer's.
        key: the name.

    Yields:
        What `data_prep.storage.lease` yields.

    Raises:
        UserError: the other run trains for longer than any may.
    """
    folder = storage.join(custom_config["checkpoints"], "leases", key)
    with storage.waiting_lease(folder, _PATIENCE) as require_held:
        yield require_held
    # A process that was killed may have left them.
    storage.remove_if_empty(folder)
    storage.remove_if_empty(storage.parent(folder))
