"""What the ffmpeg command shows of a file: all frames and the audio, each with its time."""

import re
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data_prep.config import ClipConfig
from data_prep.media.clip import Clip, read_clip

SIDE = 48  # pixels of the square in the middle that is compared
RATE = 16_000
LEVELS = 6.0  # gray levels by which a frame may differ on average
DAMAGE = 20.0  # gray levels by which a frame may differ from the encoded one
CLOCK = 1.2e-3  # seconds by which a container may round a time
LAG = 3e-3  # seconds by which audio may be off
ALIKE = 0.9  # least correlation of the same audio, decoded by two versions of a library
SECONDS_OF_FFMPEG = 60  # after which it is given up

# Square pixels, the shorter side SIDE, the middle of it, halves rounded to even. If that is too
# large to be scaled, the middle of the coded picture comes first.
_WIDTH = "max(1,round(iw*sar))"
_SIZE = (
    f"w='max({SIDE},round({_WIDTH}*{SIDE}/min({_WIDTH},ih)))'"
    f":h='max({SIDE},round(ih*{SIDE}/min({_WIDTH},ih)))'"
)
_MIDDLE = ":".join(
    f"{axis}='if(mod({side}-{SIDE},2),2*round(({side}-{SIDE})/4),({side}-{SIDE})/2)'"
    for axis, side in (("x", "iw"), ("y", "ih"))
)
_SCALE = f"scale={_SIZE}:flags=area,format=rgb24,crop={SIDE}:{SIDE}:{_MIDDLE},setsar=1"
_CROP = "crop=w='min(iw,2*ceil(ih/sar/2))':h='min(ih,2*ceil(iw*sar/2))':exact=1"
_MONO = f"aformat=sample_fmts=s16:channel_layouts=mono:sample_rates={RATE}"
# Filters that write each frame's time, and each piece of audio's time and length, to a file. What
# showinfo logs cannot be told apart: newer versions log from several threads into the same line.
_LOG_FRAMES = "metadata=mode=add:key=shown:value=1,metadata=mode=print:file={}"
_LOG_AUDIO = (
    "astats=metadata=1:reset=1:measure_perchannel=none:measure_overall=Number_of_samples,"
    "ametadata=mode=print:file={}"
)
_FRAME = re.compile(r"^frame:\d+ +pts:\S+ +pts_time:(\S+)", re.MULTILINE)
_SAMPLES = re.compile(r"^frame:\d+ +pts:(\S+) .*\n.*Number_of_samples=(\d+)", re.MULTILINE)
_NO_PICTURE = "rawvideo|s16le|out#|aist#|aac|ac3|flac|mp[123]|opus|pcm|vorbis|wma"
_COMPLAINT = re.compile(rf"(\[(?!{_NO_PICTURE})\S+ @ \w+\] )?\[(?:error|fatal)\]")


@dataclass(frozen=True)
class Shown:
    """A file as the ffmpeg command decodes it.

    Attributes:
        times: seconds on ffmpeg's clock, float `[T]`, as the frames come.
        frames: uint8 `[T, SIDE, SIDE, 3]`.
        sounds: for each of `_STEPS`: audio, int16 `[S]` from `_BEFORE` seconds before the first
            frame on, and where the file has some, bool `[S]`.
        complaints: the errors of demuxers and of the pictures' decoders.
    """

    times: np.ndarray
    frames: np.ndarray
    sounds: tuple[tuple[np.ndarray, np.ndarray], ...]
    complaints: str


_STEPS = (0.03, 0.003)  # seconds by which audio's clock may step within continuous audio
_BEFORE = 2.0  # seconds of audio that are kept before the first frame


def shown_by_ffmpeg(path: Path) -> Shown | None:
    """Decode a whole file with the ffmpeg command, which chooses the streams; None if it can't.

    One run decodes both, because the command's clock depends on the streams that it reads.
    """
    with tempfile.TemporaryDirectory() as folder:
        video, audio, shown, heard = (Path(folder, name) for name in ("v", "a", "shown", "heard"))
        log_frames, log_audio = _LOG_FRAMES.format(shown), _LOG_AUDIO.format(heard)
        picture = ("-an", "-pix_fmt", "rgb24", "-fps_mode", "passthrough", "-f", "rawvideo")
        first = (*picture, "-vf", f"{log_frames},{_SCALE}", str(video))
        sound = ("-vn", "-af", f"{_MONO},{log_audio}", "-f", "s16le", str(audio))
        log = _ffmpeg(path, *first, *sound)
        if not video.exists() or not video.stat().st_size:  # no audio that can be decoded
            log = _ffmpeg(path, *first)
        if not video.exists():
            return None
        if not video.stat().st_size:
            log = _ffmpeg(path, *picture, "-vf", f"{log_frames},{_CROP},{_SCALE}", str(video))
        frames = np.fromfile(video, np.uint8).reshape(-1, SIDE, SIDE, 3)
        samples = np.fromfile(audio, np.int16) if audio.exists() else np.empty(0, np.int16)
        times = _times(shown.read_text() if shown.exists() else "")
        pieces = _SAMPLES.findall(heard.read_text() if heard.exists() else "")
    if not len(frames):
        return None
    assert len(times) == len(frames), f"{len(times)} times, {len(frames)} frames\n{log}"
    complaints = [line for line in log.splitlines() if _COMPLAINT.match(line)]
    sounds = tuple(_placed(pieces, samples, float(times.min()), step) for step in _STEPS)
    return Shown(times, frames, sounds, "\n".join(complaints))


def _ffmpeg(path: Path, *arguments: str) -> str:
    """Return the log of a run."""
    # Several threads conceal damage in another way each time.
    command = ["ffmpeg", "-nostdin", "-y", "-v", "level+error", "-threads", "1"]
    command += ["-i", f"file:{path}", *arguments]
    done = subprocess.run(command, capture_output=True, timeout=SECONDS_OF_FFMPEG)
    return done.stderr.decode(errors="replace")


def _times(shown: str) -> np.ndarray:
    """Return the time of each frame; one without a timestamp comes with the one before."""
    times: list[float] = []
    for time in _FRAME.findall(shown):
        times.append((times or [0.0])[-1] if time == "NOPTS" else float(time))
    return np.array(times)


def _placed(
    pieces: list[tuple[str, str]], samples: np.ndarray, first_frame: float, step: float
) -> tuple[np.ndarray, np.ndarray]:
    """Place runs of samples at their times; a smaller step of the clock is no gap."""
    runs = [(int(stamp), int(count)) for stamp, count in pieces if stamp != "NOPTS"]
    begin = round((first_frame - _BEFORE) * RATE)
    length = max([stamp + count - begin for stamp, count in runs], default=0)
    audio, heard = np.zeros(max(length, 0), np.int16), np.zeros(max(length, 0), bool)
    position, read = None, 0
    for stamp, count in runs:
        if position is None or abs(stamp - position) > step * RATE:
            position = stamp
        low, high = max(position - begin, 0), min(max(position - begin + count, 0), len(audio))
        skipped = low - (position - begin)
        audio[low:high] = samples[read + skipped : read + skipped + high - low]
        heard[low:high] = True
        position, read = position + count, read + count
    return audio, heard


def windows(duration: float) -> list[tuple[ClipConfig, float]]:
    """Shapes and starts: the beginning, the middle, the last possible, and some all along."""
    found = []
    for frames, fps in ((10, 25.0), (8, 15.0)):
        clip = ClipConfig(
            frames=frames, fps=fps, height=SIDE, width=SIDE, short_side=SIDE, sample_rate=RATE
        )
        last = duration - clip.seconds
        starts = {0.0, last / 2, last, 0.3137, *np.arange(0.1, last, 0.25)}
        found += [(clip, start) for start in sorted(starts) if 0 <= start <= last]
    return found


def differences(
    path: Path, shown: Shown, duration: float, known: np.ndarray | None = None
) -> list[str]:
    """Read every window, and say where it is not what ffmpeg shows.

    Args:
        path: the file.
        shown: what ffmpeg shows of it.
        duration: seconds that the file should have, according to the code under test.
        known: uint8 `[N, SIDE, SIDE, 3]`, the only frames that the file may show. What ffmpeg
            shows before the first of them is garbage that a reader may leave out.
    """
    found = _differences(path, shown, duration, known)
    if found and known is not None:
        errors = [_error(frame, known) for frame in shown.frames]
        begin = int(np.argmax(np.array(errors) <= 1 + 2 * np.median(errors)))
        if begin:
            rest = replace(
                shown,
                times=shown.times[begin:],
                frames=shown.frames[begin:],
                sounds=tuple(
                    (audio[skipped:], heard[skipped:])
                    for skipped in [round((shown.times[begin] - shown.times.min()) * RATE)]
                    for audio, heard in shown.sounds
                ),
            )
            return _differences(path, rest, duration, known)
    return found


def _differences(path: Path, shown: Shown, duration: float, known: np.ndarray | None) -> list[str]:
    found = _wrong_duration(shown, duration)
    for clip, start in windows(duration):
        where = f"{clip.fps:g} fps from {start:.3f} s: "
        read = read_clip(path, clip, start=start)
        found += [where + text for text in _wrong_frames(read, shown, clip, start)]
        found += [where + text for text in _wrong_audio(read, shown, start)]
        found += [
            f"{where}frame {k} is damaged"
            for k, frame in enumerate(read.frames)
            if known is not None and _error(frame, known) >= DAMAGE
        ][:2]
    return found


def _error(frame: np.ndarray, known: np.ndarray) -> float:
    """Return the mean difference in gray levels from the known frame that is most like it."""
    return float(np.abs(known.astype(np.int16) - frame).mean((1, 2, 3)).min())


def _wrong_duration(shown: Shown, duration: float) -> list[str]:
    """The duration must go to the last frame, and past it by no more than a frame lasts."""
    ordered = np.sort(shown.times)
    least, longest = ordered[-1] - ordered[0], np.diff(ordered).max(initial=0)
    most = least + longest + 0.1 if len(ordered) > 1 else np.inf
    if least - 0.02 <= duration <= most:
        return []
    return [f"duration is {duration:.3f}, but ffmpeg's last frame comes after {least:.3f} s"]


def _wrong_frames(read: Clip, shown: Shown, clip: ClipConfig, start: float) -> list[str]:
    wrong = []
    for k, frame in enumerate(read.frames):
        time = shown.times[0] + start + k / clip.fps
        allowed = _visible(shown, time - CLOCK) | _visible(shown, time + CLOCK)
        errors = np.abs(shown.frames.astype(np.int16) - frame).mean((1, 2, 3))
        if min(errors[i] for i in allowed) >= LEVELS:
            near = int(errors.argmin())
            wrong.append(
                f"frame {k} is off by {min(errors[i] for i in allowed):.0f} levels; ffmpeg shows "
                f"{sorted(allowed)}, this is {near} ({errors[near]:.1f})"
            )
    return wrong[:2]


def _visible(shown: Shown, time: float) -> set[int]:
    """The frame at a time: the last that came by then, or the one with the latest timestamp."""
    past = np.flatnonzero(shown.times <= time)
    if not len(past):
        return {int(shown.times.argmin()), 0}
    latest = past[shown.times[past] == shown.times[past].max()]
    return {int(latest[-1]), int(latest[0])}


def _wrong_audio(read: Clip, shown: Shown, start: float) -> list[str]:
    """Compare with the audio as ffmpeg places it; the first frame sets the time."""
    first = shown.times[0] - shown.times.min() + _BEFORE + start
    found = [_wrong_sound(read, *sound, first) for sound in shown.sounds]
    return min(found, key=len)


def _wrong_sound(read: Clip, audio: np.ndarray, heard: np.ndarray, first: float) -> list[str]:
    count, margin = len(read.audio), round(0.06 * RATE)
    begin, size = round(first * RATE) - margin, count + 2 * margin
    reference, heard = (
        np.pad(array, (0, max(0, begin + size - len(array))))[begin : begin + size]
        for array in (audio, heard)
    )
    inside = heard[margin : margin + count]
    edge = round(2 * LAG * RATE)
    silent = ~np.convolve(heard, np.ones(2 * edge + 1), "same").astype(bool)
    wrong = []
    if np.abs(read.audio[silent[margin : margin + count]]).max(initial=0) > 32:
        wrong.append("audio where ffmpeg has none")
    if inside.sum() > 0.1 * RATE and not read.has_audio:
        wrong.append("no audio where ffmpeg has some")
    elif inside.sum() > 0.1 * RATE and np.abs(reference[margin : margin + count]).max() > 300:
        wrong += _wrong_lag(read.audio.astype(float), reference.astype(float), margin)
    return wrong


def _wrong_lag(audio: np.ndarray, reference: np.ndarray, margin: int) -> list[str]:
    """Compare at every lag, each with the loudness that the reference has there.

    What is above 2 kHz is left out: it changes with fractions of a sample.
    """
    audio, reference = (np.convolve(x, np.ones(8) / 8, "same") for x in (audio, reference))
    products = np.correlate(reference, audio, "valid")
    power = np.convolve(reference**2, np.ones(len(audio)), "valid") * (audio**2).sum()
    alike = products / np.sqrt(np.maximum(power, 1.0))
    allowed = round(LAG * RATE)
    if alike[margin - allowed : margin + allowed + 1].max() >= ALIKE:
        return []
    best = int(alike.argmax())
    if alike[best] < ALIKE:
        return [f"audio is not alike (correlation {alike[best]:.2f})"]
    return [f"audio is off by {1000 * (margin - best) / RATE:.1f} ms"]
