"""Settings of what `prune` keeps."""

from pydantic import Field

from data_prep.settings import Settings


class RetentionConfig(Settings):
    """What `prune` keeps.

    Attributes:
        runs: newest runs of each pipeline that came to their end, whose artifacts stay: records,
            models, reports. What an earlier run made and one of these used stays too, and what
            later runs made that failed or were interrupted.
        models: newest versions that stay in each folder of served models. A version that a label
            names, and the newest one of each size of clips, stay too.
        unfinished_days: days without a change after which checkpoints, and mixtures that were
            begun, count as given up. A training that is interrupted for longer begins again.
    """

    runs: int = Field(10, ge=1, le=1_000_000)
    models: int = Field(10, ge=1, le=1_000_000)
    unfinished_days: float = Field(14, ge=1, le=36_500)
