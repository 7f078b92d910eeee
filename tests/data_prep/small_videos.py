"""Videos in which every frame is known by its number and the audio by the time of a click."""

from fractions import Fraction

import av
import numpy as np

from data_prep.config import ClipConfig

RATE = 16_000
TINY = ClipConfig(frames=4, fps=8, height=16, width=24, short_side=32, sample_rate=8_000)


def gray(value, height=48, width=64):
    return np.full((height, width, 3), value, np.uint8)


def numbered(count, height=48, width=64):
    """Frame k is has gray level 4k."""
    return np.stack([gray(4 * k, height, width) for k in range(count)])


def numbers(frames):
    """Return the k of each frame of `numbered`; a codec keeps the levels to within 1."""
    return np.rint(frames.mean((1, 2, 3)) / 4).astype(int).tolist()


def click(seconds, at, rate=RATE):
    """A click of a millisecond, centered at a time."""
    times = np.arange(round(seconds * rate)) / rate
    return (24_000 * np.exp(-(((times - at) / 4e-4) ** 2))).astype(np.int16)


def click_time(audio, rate=RATE):
    """Center of mass of the loudest 4 ms."""
    power = audio.astype(float) ** 2
    near = np.abs(np.arange(len(audio)) - power.argmax()) < 2e-3 * rate
    return np.average(np.arange(len(audio)), weights=power * near) / rate


def encode(
    path,
    frames,
    stamps,
    *,
    audio=None,
    audio_start=0.0,
    codec="libx264",
    fps=25,
    keyframes=250,
    rotation=None,
    aspect=None,
    time_base=Fraction(1, 1000),
):
    """Write frames at timestamps, in ticks of time_base."""
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, fps)
        _, video.height, video.width, _ = frames.shape
        video.pix_fmt = "yuv420p"
        video.codec_context.time_base = time_base
        video.codec_context.gop_size = keyframes
        video.codec_context.thread_count = 1
        if aspect:
            video.codec_context.sample_aspect_ratio = aspect
        if rotation is not None:
            video.set_display_rotation(rotation)
        track = None if audio is None else container.add_stream("aac", RATE, layout="mono")
        for pixels, stamp in zip(frames, stamps, strict=True):
            frame = av.VideoFrame.from_ndarray(pixels).reformat(format="yuv420p")
            frame.pts, frame.time_base = stamp, time_base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if track is not None and audio is not None:
            frame = av.AudioFrame.from_ndarray(audio[np.newaxis], format="s16", layout="mono")
            frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
            frame.pts = round(audio_start * RATE)
            container.mux(track.encode(frame))
            container.mux(track.encode(None))


def config(frames=10, fps=25.0, side=32, short_side=48):
    return ClipConfig(
        frames=frames,
        fps=fps,
        height=side,
        width=side,
        short_side=short_side,
        sample_rate=RATE,
    )
