"""Settings of what `prune` keeps."""

from pydantic import Field

from data_prep.settings import Settings


class RetentionConfig(Settings):
    """What `prune` keeps.

    Attributes:
        runs: newest runs of each pipeline whose artifacts stay: records, models, reports. What an
            earlier run made and one of these used stays too.
        models: newest versions that stay in each folder of served models.
        unfinished_days: days without a change after which checkpoints, and mixtures that were
            begun, count as given up.
    """

    runs: int = Field(10, ge=1, le=1_000_000)
    models: int = Field(10, ge=1, le=1_000_000)
    unfinished_days: float = Field(14, ge=0, le=36_500)
