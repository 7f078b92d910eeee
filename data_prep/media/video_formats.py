"""Formats in which videos are written: container, codec and audio."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class VideoFormat:
    """A container with one video codec.

    Attributes:
        suffix: of the files.
        container: libav's name of the container.
        codec: libav's name of the encoder.
        pixels: libav's name of the pixel format.
        is_subsampled: whether colors have half the resolution, so that sides must be even.
        copied_audio: names of the audio codecs that players expect in the container. Other audio
            is encoded again.
        audio_codec: libav's name of the encoder for that.
        options: of the video encoder.
        joinable_options: more of them, with which frames are coded in the order in which they are
            shown, so that a file can be followed by another one; it is a little larger then.
        audio_options: of the audio encoder.
        container_options: of the container.
    """

    suffix: str
    container: str
    codec: str
    pixels: str
    is_subsampled: bool
    copied_audio: tuple[str, ...]
    audio_codec: str
    options: Mapping[str, str]
    joinable_options: Mapping[str, str] = field(default_factory=dict)
    audio_options: Mapping[str, str] = field(default_factory=dict)
    container_options: Mapping[str, str] = field(default_factory=dict)


_AAC = {"aac_coder": "fast"}  # the default coder takes twice as long as everything else together
_IN_MP4 = ("aac", "ac3", "alac", "eac3", "flac", "mp3", "opus")

MP4 = VideoFormat(
    suffix=".mp4",
    container="mp4",
    codec="libx264",
    pixels="yuv420p",
    is_subsampled=True,
    copied_audio=_IN_MP4,
    audio_codec="aac",
    options={"crf": "18", "preset": "superfast"},
    joinable_options={"bf": "0"},
    audio_options=_AAC,
    container_options={"movflags": "faststart"},
)
"""H.264, which everything plays."""

PRORES = VideoFormat(
    suffix=".mov",
    container="mov",
    codec="prores_ks",
    pixels="yuv444p10le",
    is_subsampled=False,
    copied_audio=("aac", "ac3", "alac", "eac3", "mp3", "pcm_s16le", "pcm_s24le"),
    audio_codec="aac",
    options={"profile": "4444", "vendor": "apl0"},
    audio_options=_AAC,
)
"""ProRes 4444 with ten bits and without alpha, for editing."""

VP9 = VideoFormat(
    suffix=".webm",
    container="webm",
    codec="libvpx-vp9",
    pixels="yuv420p",
    is_subsampled=True,
    copied_audio=("opus", "vorbis"),
    audio_codec="libopus",
    options={"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"},
)
"""VP9 in WebM, for the web."""
