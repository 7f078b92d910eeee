"""Settings of the report's component."""

from data_prep.settings import Settings
from models.config import ModelConfig, TrainConfig
from models.tasks.bounds import EvaluationSettings


class ReportSettings(Settings):
    """The settings that the report shows; those of the data lie with the records.

    Attributes:
        pipeline: the pipeline's name.
        model: the system and its size.
        train: how it was trained.
        evaluation: what it had to reach.
        webhook: address that is told how the run ended; empty for none.
    """

    pipeline: str
    model: ModelConfig
    train: TrainConfig
    evaluation: EvaluationSettings
    webhook: str = ""
