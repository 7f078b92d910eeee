"""Videos whose every frame and sound is known by a number or a time."""

from fractions import Fraction

import av
import numpy as np

from data_prep.config import ClipConfig

RATE = 16_000


def grey(value, height=48, width=64):
    return np.full((height, width, 3), value, np.uint8)


def numbered(count, height=48, width=64):
    """Frame k is of the grey level 4k."""
    return np.stack([grey(4 * k, height, width) for k in range(count)])


def numbers(frames):
    """The k of each frame of `numbered`, whose levels a codec keeps to within 1."""
    return np.rint(frames.mean((1, 2, 3)) / 4).astype(int).tolist()


def click(seconds, at, rate=RATE):
    """A click of a millisecond, with its middle at a time."""
    times = np.arange(round(seconds * rate)) / rate
    return (24_000 * np.exp(-(((times - at) / 4e-4) ** 2))).astype(np.int16)


def click_time(sound, rate=RATE):
    """Centre of mass of the loudest 4 ms."""
    power = sound.astype(float) ** 2
    near = np.abs(np.arange(len(sound)) - power.argmax()) < 2e-3 * rate
    return np.average(np.arange(len(sound)), weights=power * near) / rate


def encode(
    path,
    frames,
    stamps,
    *,
    sound=None,
    sound_start=0.0,
    codec="libx264",
    fps=25,
    keyframes=250,
    rotation=None,
    aspect=None,
    time_base=Fraction(1, 1000),
):
    """Writes frames at timestamps (in ticks of time_base), to be read as a player would."""
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
        audio = None if sound is None else container.add_stream("aac", RATE, layout="mono")
        for picture, stamp in zip(frames, stamps, strict=True):
            frame = av.VideoFrame.from_ndarray(picture).reformat(format="yuv420p")
            frame.pts, frame.time_base = stamp, time_base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            frame = av.AudioFrame.from_ndarray(sound[np.newaxis], format="s16", layout="mono")
            frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
            frame.pts = round(sound_start * RATE)
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))


def config(frames=10, fps=25.0, side=32, short_side=48):
    return ClipConfig(
        frames=frames,
        fps=fps,
        height=side,
        width=side,
        short_side=short_side,
        sample_rate=RATE,
    )
