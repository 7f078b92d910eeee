"""Small healthy videos in many containers and codecs, each made by one run of the ffmpeg command.

Frame k shows 12 blocks of random gray and tint that no other frame has. Picture and sound flash
together from `FLASH` on, and noise that never repeats makes every window of the sound unique.
"""

import subprocess
import wave
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from turned_videos import turn

FFMPEG = ("ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", "1")
FLASH = (1.0, 1.2)  # seconds
WIDTH, HEIGHT = 64, 48
AUDIO_RATE = 16_000


@dataclass(frozen=True)
class Recipe:
    """Arguments of the ffmpeg command between its inputs and the output.

    Attributes:
        arguments: codecs and options, in one string.
        rate: frames per second of the source.
        seconds: length of the source.
        before: arguments before the video input.
        sound: arguments before the audio input; None for no audio input.
        pipe: whether the file is written through a pipe, so that its header can't be completed.
        again: arguments of a second run, from the first one's file to the output.
        turned: degrees by which the pictures are to be turned clockwise.
    """

    arguments: str
    rate: str = "25"
    seconds: float = 2.4
    before: str = ""
    sound: str | None = ""
    pipe: bool = False
    again: str | None = None
    turned: int = 0


@cache
def pictures(count: int, start: int, stop: int) -> np.ndarray:
    """Frames, uint8 `[count, HEIGHT, WIDTH, 3]`; those from start to stop are the bright ones."""
    random = np.random.default_rng(7)
    blocks = random.uniform(0, 140, (count, 3, 4, 1)) + random.uniform(0, 40, (count, 3, 4, 3))
    blocks[start:stop] = 90 + 0.9 * blocks[start:stop]
    return blocks.astype(np.uint8).repeat(16, axis=1).repeat(16, axis=2)


def pictures_at(rate: str, seconds: float) -> np.ndarray:
    """The frames of a recipe, uint8 `[T, HEIGHT, WIDTH, 3]`."""
    numerator, _, denominator = rate.partition("/")
    fps = int(numerator) / int(denominator or 1)
    return pictures(round(seconds * fps), round(FLASH[0] * fps), round(FLASH[1] * fps))


def noise(seconds: float, rate: int = AUDIO_RATE) -> np.ndarray:
    """Soft noise below 3 kHz with a loud burst, int16 `[S]`."""
    count = round(seconds * rate)
    spectrum = np.fft.rfft(np.random.default_rng(8).normal(size=count))
    spectrum[np.fft.rfftfreq(count, 1 / rate) > 3_000] = 0
    wave_form = np.fft.irfft(spectrum, count)
    times = np.arange(count) / rate
    loud = (times >= FLASH[0]) & (times < FLASH[1])
    return (np.where(loud, 9_000, 1_500) * wave_form / np.abs(wave_form).max()).astype(np.int16)


def run(*arguments: str | Path) -> None:
    """Run the ffmpeg command; a failure shows what it said."""
    done = subprocess.run(
        [*FFMPEG, *map(str, arguments)], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, f"{done.args}\n{done.stderr}"


class Studio:
    """Makes videos; the inputs of the ffmpeg command are written once.

    Args:
        folder: place of the inputs.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def make(self, path: Path, recipe: Recipe) -> Path:
        """Write a video and return its path."""
        rate, first = recipe.rate, path
        video = self._video(rate, recipe.seconds)
        inputs = [*recipe.before.split(), "-f", "rawvideo", "-pix_fmt", "rgb24"]
        inputs += ["-s", f"{WIDTH}x{HEIGHT}", "-r", rate, "-i", str(video)]
        if recipe.sound is not None:
            inputs += [*recipe.sound.split(), "-i", str(self._sound(recipe.seconds))]
        if recipe.again is not None:
            first = self.folder / f"first-{path.name}"
        if recipe.pipe:
            command = [*FFMPEG, *inputs, *recipe.arguments.split(), "-"]
            with first.open("wb") as file:
                pipe = subprocess.Popen(command, stdout=subprocess.PIPE)
                assert pipe.stdout is not None
                file.write(pipe.stdout.read())
                pipe.stdout.close()
                assert pipe.wait() == 0
        else:
            run(*inputs, *recipe.arguments.split(), f"file:{first}")
        if recipe.again is not None:
            again = recipe.again.replace("COVER", str(self._cover()))
            before, _, after = again.partition("INPUT")
            run(*before.split(), "-i", f"file:{first}", *after.split(), f"file:{path}")
        return turn(path, recipe.turned) if recipe.turned else path

    def _video(self, rate: str, seconds: float) -> Path:
        path = self.folder / f"{rate.replace('/', '-')}-{seconds}.rgb"
        if not path.exists():
            pictures_at(rate, seconds).tofile(path)
        return path

    def _sound(self, seconds: float) -> Path:
        path = self.folder / f"{seconds}.wav"
        if not path.exists():
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(AUDIO_RATE)
                file.writeframes(noise(seconds).tobytes())
        return path

    def _cover(self) -> Path:
        path = self.folder / "cover.png"
        if not path.exists():
            run("-f", "lavfi", "-i", "color=red:s=320x240", "-frames:v", "1", path)
        return path
