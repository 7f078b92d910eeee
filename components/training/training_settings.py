"""Settings of the Trainer, which travel in its `custom_config`.

Public name: `TrainingSettings`; `TrainingSettings(...).custom_config(checkpoints=..., code=...)` is
what the pipeline gives to `Trainer(custom_config=...)`.
"""

from collections.abc import Mapping
from typing import Self

from data_prep.config import ClipConfig
from data_prep.settings import Settings
from models.config import ModelConfig, TrainConfig


class TrainingSettings(Settings):
    """Everything that decides a training run beside its records.

    Attributes:
        model: the system and its size.
        train: how it is trained.
        clip: the shape of the records' clips.
    """

    model: ModelConfig
    train: TrainConfig
    clip: ClipConfig

    def custom_config(self, *, checkpoints: str, code: str) -> dict[str, str]:
        """Return the Trainer's `custom_config`.

        Args:
            checkpoints: folder that outlives the execution, for the checkpoints of unfinished
                training runs.
            code: digest of the code that trains, so that TFX's cache notices a change.
        """
        return {"settings": self.model_dump_json(), "checkpoints": checkpoints, "code": code}

    @classmethod
    def of(cls, custom_config: Mapping[str, str]) -> Self:
        """Return the settings in a `custom_config`."""
        return cls.model_validate_json(custom_config["settings"])
