"""The settings that an analysis's component receives."""

from typing import Generic, TypeVar

from data_prep.config import ClipConfig
from data_prep.settings import Settings

SettingsT = TypeVar("SettingsT", bound=Settings)


class AnalysisRequest(Settings, Generic[SettingsT]):
    """The settings of an analysis's component, which travel as one JSON text.

    Attributes:
        settings: the analysis's own settings.
        clip: the shape of the records' clips.
        seed: seed for whatever the analysis draws.
    """

    settings: SettingsT
    clip: ClipConfig
    seed: int = 0
