"""The audio cues of a mixture: its own audio, shifted; unrelated audio; silent audio."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from components.analyses.control_shift.held_out import HeldOutMixture
from components.analyses.control_shift.shift_results import (
    SAME_CLASS_AUDIO,
    SILENT_AUDIO,
    UNRELATED_AUDIO,
    Cue,
)
from data_prep import storage
from data_prep.config import ClipConfig
from data_prep.errors import StorageError
from data_prep.media.clip import read_audio
from data_prep.media.decoding import MediaError
from data_prep.mixing.pairing import DURATION_SLACK
from data_prep.sources.videos import Video


class ControlAudio:
    """The audio cues of held-out mixtures.

    Attributes:
        unreadable: mixture -> why the audio of its video cannot be read again, of the mixtures
            asked for so far.
    """

    def __init__(
        self,
        mixtures: Mapping[str, HeldOutMixture],
        videos: Sequence[Video],
        shifts: Sequence[float],
        clip: ClipConfig,
        *,
        seed: int,
    ):
        """Draw the unrelated audio.

        Args:
            mixtures: the mixtures by name.
            videos: the manifest that the mixtures were made from.
            shifts: seconds.
            clip: the shape of the clips.
            seed: decides the unrelated audio.
        """
        self._mixtures = mixtures
        self._videos = {video.id: video for video in videos}
        self._shifts = shifts
        self._clip = clip
        self._donors = {
            SAME_CLASS_AUDIO: draw_donors_of_class(mixtures, seed),
            UNRELATED_AUDIO: draw_donors(mixtures, seed),
        }
        self.unreadable: dict[str, str] = {}

    def of(self, mixture: HeldOutMixture) -> dict[Cue, np.ndarray]:
        """Return the cues of a mixture, int16 `[S]` each.

        Shifts for which the window would leave the video are left out. So are all shifts if the
        video cannot be read, and unrelated audio of either kind if there is none.

        Raises:
            StorageError: the storage failed several times in a way that may pass. Without the
                mixture, the curve would be another one.
        """
        cues: dict[Cue, np.ndarray] = {SILENT_AUDIO: np.zeros(self._clip.samples, np.int16)}
        for cue, donors in self._donors.items():
            if donor := donors.get(mixture.mixture_id):
                cues[cue] = self._mixtures[donor].v1_audio
        try:
            return cues | self._shifted(mixture)
        except (MediaError, StorageError) as error:
            if isinstance(error, StorageError) and not storage.is_lasting(error):
                raise
            self.unreadable[mixture.mixture_id] = str(error)
            return cues

    @storage.retrying
    def _shifted(self, mixture: HeldOutMixture) -> dict[Cue, np.ndarray]:
        video = self._videos.get(mixture.v1_id)
        if video is None or video.source != mixture.v1_source:
            raise MediaError(mixture.v1_id, "is not in the manifest")
        starts = window_starts(mixture.v1_start, self._shifts, video.duration, self._clip)
        if video.audio_stream is None:
            return {shift: np.zeros(self._clip.samples, np.int16) for shift in starts}
        # Each window is decoded by itself, as MixtureGen did: at 0 the samples are the same.
        with storage.local_copy(video.path) as path:
            return {
                shift: read_audio(
                    path,
                    start=start,
                    samples=self._clip.samples,
                    sample_rate=self._clip.sample_rate,
                )
                for shift, start in starts.items()
            }


def window_starts(
    start: float, shifts: Sequence[float], duration: float, clip: ClipConfig
) -> dict[float, float]:
    """Return where shifted windows start, for the shifts that stay in the video.

    Args:
        start: where the window itself starts, seconds.
        shifts: seconds.
        duration: length of the video, seconds.
        clip: the length of the window.

    Returns:
        shift -> start of the shifted window, seconds.
    """
    last = duration - clip.seconds + DURATION_SLACK
    # Rounded, so that 0.3 - 0.1 - 0.2 is not before the beginning.
    starts = {shift: round(start + shift, 6) for shift in shifts}
    return {shift: begin for shift, begin in starts.items() if 0 <= begin <= last}


def draw_donors(mixtures: Mapping[str, HeldOutMixture], seed: int) -> dict[str, str]:
    """Draw the mixture whose V1 lends each mixture audio that belongs to neither of its videos.

    Candidates are mixtures whose V1 has audio and comes from neither source; among these, the
    ones whose class is neither of the mixture's, if there are any. Mixtures without candidates
    are left out.

    Args:
        mixtures: the mixtures by name.
        seed: decides the draw.

    Returns:
        mixture -> the mixture that lends its audio.
    """

    def pool(mixture: HeldOutMixture, others: list[HeldOutMixture]) -> list[HeldOutMixture]:
        own = ("", mixture.v1_label, mixture.v2_label)
        return [other for other in others if other.v1_label not in own] or others

    return _draw(mixtures, pool, [seed, 0])


def draw_donors_of_class(mixtures: Mapping[str, HeldOutMixture], seed: int) -> dict[str, str]:
    """Draw likewise, among the candidates of V1's class only.

    Args:
        mixtures: the mixtures by name.
        seed: decides the draw.

    Returns:
        mixture -> the mixture that lends its audio; mixtures whose V1 has no class are left out.
    """

    def pool(mixture: HeldOutMixture, others: list[HeldOutMixture]) -> list[HeldOutMixture]:
        own = mixture.v1_label
        return [other for other in others if own and other.v1_label == own]

    return _draw(mixtures, pool, [seed, 1])


def _draw(
    mixtures: Mapping[str, HeldOutMixture],
    pool_of: Callable[[HeldOutMixture, list[HeldOutMixture]], list[HeldOutMixture]],
    seeds: list[int],
) -> dict[str, str]:
    with_audio = [mixture for mixture in mixtures.values() if mixture.v1_has_audio]
    drawn = {}
    for number, mixture in enumerate(mixtures.values()):
        sources = (mixture.v1_source, mixture.v2_source)
        others = [other for other in with_audio if other.v1_source not in sources]
        if pool := pool_of(mixture, others):
            place = np.random.default_rng([*seeds, number]).integers(len(pool))
            drawn[mixture.mixture_id] = pool[place].mixture_id
    return drawn
