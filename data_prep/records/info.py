"""Facts about a data set of mixtures, as `info.json` holds them."""

from pydantic import Field

from data_prep.config import DataConfig
from data_prep.records.work import Work
from data_prep.results import Results

INFO = "info.json"
"""Name of the facts in the folder of a data set."""


class DroppedMixture(Results):
    """A mixture that could not be made.

    Attributes:
        mixture_id: the mixture.
        path: the video that could not be read.
        reason: what was wrong with it.
    """

    mixture_id: str
    path: str
    reason: str


class SplitInfo(Results):
    """Facts about one split.

    Attributes:
        mixtures: number of records.
        mixture_types: number of records of each mixture type, by its name.
        with_audio: number of records whose target clip is audible.
        videos: number of videos that the mixtures were drawn from.
        audible_videos: number of these videos that are at least as loud as the settings demand.
        silent_videos: number of these videos that have an audio track, but a quieter one.
        sources: number of sources of these videos.
        labels: labels of these videos, sorted; "" stands for the videos without one.
        dropped: mixtures that could not be made.
    """

    mixtures: int
    mixture_types: dict[str, int]
    with_audio: int
    videos: int
    sources: int
    labels: list[str]
    audible_videos: int = 0
    silent_videos: int = 0
    dropped: list[DroppedMixture] = Field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        """Classes that a model can learn: the labels that are not empty."""
        return [label for label in self.labels if label]


class DatasetInfo(Results):
    """Facts about a data set.

    Attributes:
        splits: facts about each split, by its name.
        settings: settings that the data set was made with.
        features: type of each feature of a record, by its name.
        shards: size of each file of records in bytes, by SPLIT/NAME.
        annotated_but_absent: number of annotated videos that were not found.
        files_not_used: number of files in `rejected.csv`.
        work: what its making took; the one part of a data set that another run has otherwise.
    """

    splits: dict[str, SplitInfo]
    settings: DataConfig
    features: dict[str, str]
    shards: dict[str, int] = Field(default_factory=dict)
    annotated_but_absent: int = 0
    files_not_used: int = 0
    work: Work = Field(default_factory=Work)
