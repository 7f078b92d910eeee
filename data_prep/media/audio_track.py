"""The audio track of a file that is being written, taken from another file."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain

import numpy as np
from av import AudioFrame, AudioResampler, AudioStream, Packet
from av.container import InputContainer, OutputContainer

from data_prep.media.decoding import decoded, demux, read_only
from data_prep.media.streams import audio_of
from data_prep.media.video_formats import MP4, VideoFormat

_RATE = 48_000
_LARGEST_GAP = 0.03  # seconds by which a timestamp may be off without being a gap


def take_audio(
    source: InputContainer,
    origin: float,
    container: OutputContainer,
    video_format: VideoFormat = MP4,
) -> Iterator[Packet]:
    """Declare an audio track like that of another file, and return its packets to be muxed.

    Packets are copied if the format may hold them, and encoded again otherwise.

    Args:
        source: the other file; nothing else is read from it afterwards.
        origin: time on its clock at which the new file begins.
        container: the new file.
        video_format: its format.

    Returns:
        The packets by time; none if the other file has no audio.

    Raises:
        UnusableError: while iterating, if the audio cannot be read.
    """
    stream = audio_of(source)
    if stream is None:
        return iter(())
    read_only(source, stream)
    if stream.codec_context.codec.canonical_name in video_format.copied_audio:
        return _copied(demux(source, stream), origin, container.add_stream_from_template(stream))
    layout = "mono" if stream.channels == 1 else "stereo"
    options = dict(video_format.audio_options)
    track = container.add_stream(video_format.audio_codec, _RATE, layout=layout, options=options)
    assert isinstance(track, AudioStream)
    frames = chain.from_iterable(map(decoded, demux(source, stream)))
    return _encoded(frames, origin, track)


def _copied(packets: Iterable[Packet], origin: float, track: AudioStream) -> Iterator[Packet]:
    for packet in packets:
        if packet.size and packet.pts is not None and packet.time_base:
            packet.pts -= round(origin / packet.time_base)
            packet.dts = packet.pts  # audio is decoded in the order in which it is heard
            packet.stream = track
            yield packet


def _encoded(frames: Iterable[AudioFrame], origin: float, track: AudioStream) -> Iterator[Packet]:
    layout = track.codec_context.layout.name
    resampler = AudioResampler("fltp", layout, _RATE)
    position = 0  # samples written so far
    for frame in chain(frames, [None]):
        for ready in resampler.resample(frame):
            samples = _placed(ready, origin, position)
            if samples.size:
                yield from track.encode(_frame(samples, layout, position))
            position += samples.shape[1]
    yield from track.encode(None)


def _placed(frame: AudioFrame, origin: float, position: int) -> np.ndarray:
    """Return a frame's samples `[C, S]`, behind silence for a gap, or without what is too early."""
    samples = frame.to_ndarray()
    gap = 0 if frame.time is None else round((frame.time - origin) * _RATE) - position
    if gap > _LARGEST_GAP * _RATE or (gap > 0 and not position):
        return np.pad(samples, ((0, 0), (gap, 0)))
    if gap < 0 and not position:
        return samples[:, -gap:]
    return samples


def _frame(samples: np.ndarray, layout: str, position: int) -> AudioFrame:
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", layout)
    frame.sample_rate, frame.pts, frame.time_base = _RATE, position, Fraction(1, _RATE)
    return frame
