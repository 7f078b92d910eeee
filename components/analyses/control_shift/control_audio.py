"""The sounds that a mixture is heard with: its own, shifted, a stranger's, and none."""

from collections.abc import Mapping, Sequence

import numpy as np

from components.analyses.control_shift import SILENCE, STRANGER
from components.analyses.control_shift.records import HeldOut
from components.analyses.control_shift.settings import ShiftConfig
from data_prep.config import ClipConfig
from data_prep.media.reading import MediaError, read_sound
from data_prep.mixing.pairing import DURATION_SLACK
from data_prep.sources.manifest import Video
from data_prep.storage import local_copy

Point = float | str
"""A shift in seconds, `SILENCE` or `STRANGER`."""


class Sounds:
    """The sounds of some held-out mixtures.

    Attributes:
        unreadable: mixture -> why its video's sound cannot be read again, of those asked for.
    """

    def __init__(
        self,
        mixtures: Mapping[str, HeldOut],
        videos: Sequence[Video],
        config: ShiftConfig,
        clip: ClipConfig,
    ):
        """Draw the strangers.

        Args:
            mixtures: by name.
            videos: those that the mixtures were made of, a manifest's.
            config: the shifts and the seed.
            clip: the shape of the clips.
        """
        self._mixtures = mixtures
        self._videos = {video.id: video for video in videos}
        self._shifts = config.shifts
        self._clip = clip
        self._strangers = draw_strangers(mixtures, config.seed)
        self.unreadable: dict[str, str] = {}

    def of(self, mixture: HeldOut) -> dict[Point, np.ndarray]:
        """Return a mixture's sounds, int16 `[S]` each.

        Shifts for which the window would leave the video are left out; all are where the video
        cannot be read, and so is the stranger where there is none.
        """
        sounds: dict[Point, np.ndarray] = {SILENCE: np.zeros(self._clip.samples, np.int16)}
        stranger = self._strangers.get(mixture.mixture_id)
        if stranger is not None:
            sounds[STRANGER] = self._mixtures[stranger].v1_sound
        try:
            return sounds | self._shifted(mixture)
        except MediaError as error:
            self.unreadable[mixture.mixture_id] = str(error)
            return sounds

    def _shifted(self, mixture: HeldOut) -> dict[Point, np.ndarray]:
        video = self._videos.get(mixture.v1_id)
        if video is None or video.source != mixture.v1_source:
            raise MediaError(mixture.v1_id, "is not in the manifest")
        starts = window_starts(mixture.v1_start, self._shifts, video.duration, self._clip)
        size = {"samples": self._clip.samples, "sample_rate": self._clip.sample_rate}
        try:
            # Each window is decoded by itself, as MixtureGen did: at 0 the samples are the same.
            with local_copy(video.path) as path:
                return {
                    shift: read_sound(path, start=start, **size) for shift, start in starts.items()
                }
        except OSError as error:
            raise MediaError(video.path, f"cannot be read: {error.strerror or error}") from error


def window_starts(
    start: float, shifts: Sequence[float], duration: float, clip: ClipConfig
) -> dict[float, float]:
    """Return shift -> where the shifted window starts, of those that stay in the video.

    Args:
        start: seconds at which the window itself starts.
        shifts: seconds.
        duration: the video's seconds.
        clip: the window's length.
    """
    last = duration - clip.seconds + DURATION_SLACK
    # Rounded, so that 0.3 - 0.1 - 0.2 is not before the beginning.
    starts = {shift: round(start + shift, 6) for shift in shifts}
    return {shift: at for shift, at in starts.items() if 0 <= at <= last}


def draw_strangers(mixtures: Mapping[str, HeldOut], seed: int) -> dict[str, str]:
    """Draw the mixture whose V1 lends each mixture a sound that belongs to neither of its videos.

    It is drawn among those whose V1 sounds and is of neither source; of these, among those whose
    class is neither of the mixture's where there are any. Mixtures without one are left out.

    Args:
        mixtures: by name.
        seed: decides the draw.

    Returns:
        mixture -> the mixture that lends the sound.
    """
    sounding = [mixture for mixture in mixtures.values() if mixture.v1_has_sound]
    drawn = {}
    for number, mixture in enumerate(mixtures.values()):
        sources = (mixture.v1_source, mixture.v2_source)
        own = ("", mixture.v1_label, mixture.v2_label)
        others = [other for other in sounding if other.v1_source not in sources]
        pool = [other for other in others if other.v1_label not in own] or others
        if pool:
            place = np.random.default_rng([seed, number]).integers(len(pool))
            drawn[mixture.mixture_id] = pool[place].mixture_id
    return drawn
