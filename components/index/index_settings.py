"""Settings of the stage Index, which travel as JSON text."""

from data_prep.config import DataConfig
from data_prep.settings import Settings


class IndexSettings(Settings):
    """What is indexed, where to, and how.

    Attributes:
        videos: folder of the videos.
        annotations: Kinetics' CSVs; found beside the videos by default.
        manifests: folder of the manifests' spans.
        data: settings of the data set, which the videos must suffice for.
        decode: whether every video is decoded completely.
        beam_args: options of the Beam pipeline.
    """

    videos: str
    annotations: tuple[str, ...] = ()
    manifests: str
    data: DataConfig
    decode: bool = True
    beam_args: tuple[str, ...] = ()
