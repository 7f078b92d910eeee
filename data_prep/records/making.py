"""The making of one record: its clips are read, mixed and encoded."""

from dataclasses import replace

import numpy as np

from data_prep import storage
from data_prep.config import ClipConfig, DataConfig
from data_prep.media import pcm
from data_prep.media.clip import Clip
from data_prep.media.decoding import MediaError
from data_prep.media.isolated_reader import IsolatedReader, shared_reader
from data_prep.mixing.mixture_types import get_mixture_type
from data_prep.mixing.pairing import Pairing, Window
from data_prep.records.outcomes import Outcome
from data_prep.records.record import Mixture, encode
from data_prep.records.work import WorkMeter


def make_record(
    pairing: Pairing, config: DataConfig, meter: WorkMeter | None = None
) -> tuple[bytes | None, Outcome]:
    """Make one record: read both clips, prepare the mixture, encode.

    A clip counts as having audio if its window is audible.

    Args:
        pairing: the mixture.
        config: settings of the data set.
        meter: measures the work.

    Returns:
        A serialized tf.train.Example (see `records.features`), or None if one of the videos
        cannot be decoded; and the outcome.

    Raises:
        StorageError: see `read_window`.
    """
    meter = meter or WorkMeter()
    reader = shared_reader(seconds=config.decode_seconds, memory_bytes=config.decode_bytes)
    outcome = Outcome(
        split=pairing.split, mixture_id=pairing.mixture_id, mixture_type=pairing.mixture_type
    )
    try:
        with meter.step("read"):
            v1, v2 = (
                read_window(window, config.recorded_clip, reader)
                for window in (pairing.v1, pairing.v2)
            )
    except MediaError as error:
        return None, outcome.model_copy(update={"path": error.path, "reason": error.reason})
    meter.windows += 2
    meter.bytes_read += v1.bytes_read + v2.bytes_read
    with meter.step("mix"):
        mixture_type = get_mixture_type(pairing.mixture_type)
        made = mixture_type.prepare(v1.frames, v2.frames, pairing.mixing_rng(), config)
        v1, v2 = (
            replace(clip, frames=frames, has_audio=pcm.loudness(clip.audio) >= config.min_loudness)
            for clip, frames in ((v1, made.v1), (v2, made.v2))
        )
    with meter.step("encode"):
        record = encode(Mixture(pairing, v1, v2, made.alpha, made.front))
    return record, outcome.model_copy(update={"with_audio": v1.has_audio})


@storage.retrying
def read_window(window: Window, clip: ClipConfig, reader: IsolatedReader | None = None) -> Clip:
    """Decode a window of a video, in another process (see `media.isolated_reader`).

    Its audio is silence if the manifest names no audio stream.

    Raises:
        MediaError: the video cannot be decoded there, or not within the limits of a window.
        StorageError: the file cannot be read, is missing, or has another size than when it was
            indexed. Its digest is not compared.
    """
    video = window.video
    read = (reader or shared_reader()).read_clip(
        video.path, clip, start=window.start, crop=(window.top, window.left), size=video.bytes
    )
    if video.audio_stream is None:
        return replace(read, audio=np.zeros_like(read.audio), has_audio=False)
    return read
