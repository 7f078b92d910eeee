"""The Identity baseline on real videos: the figure that fixes the loss's convention.

On natural video at the papers' clip shape its loss must come out near the published 0.364.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data_prep.config import ClipConfig, DataConfig
from data_prep.errors import UserError
from data_prep.media.reading import MediaError
from data_prep.mixing.compose import occlusion_alpha
from data_prep.mixing.pairing import Window, usable
from data_prep.records.making import read_window
from data_prep.sources.manifest import Video
from models.tasks.separation import identity_loss


@dataclass(frozen=True)
class IdentityLosses:
    """Identity's losses, `[pairs]` each, of the same pairs mixed both ways."""

    transparency: np.ndarray
    occlusion: np.ndarray


def identity_losses(videos: Sequence[Video], config: DataConfig, pairs: int) -> IdentityLosses:
    """Mix pairs of videos both ways, and measure how far the mixture is from its two videos.

    For a binary mask the colours' part of the loss is that of alpha = 0.5, and the gradients' part
    is larger at the mask's edges: the loss of an occlusion is never below that of the
    transparency of the same pair.

    Every video stands in as many pairs as any other, give or take one, by the middle of its
    pictures and of its time: with random pairs the mean over a few dozen videos would depend more
    on the draw than on the videos.

    Args:
        videos: a manifest's.
        config: the clips' shape, the supervoxels and the seed, which decides the pairs.
        pairs: how many pairs to mix; those of one source and those that cannot be decoded are
            left out.

    Raises:
        UserError: fewer than two usable videos, or fewer than two pairs that could be mixed.
    """
    kept, _ = usable(videos, config.clip)
    if len(kept) < 2:
        raise UserError(f"pairs need at least 2 usable videos: received {len(kept)}")
    order = np.random.default_rng(config.seed).permutation(len(kept))
    losses = []
    for number in range(pairs):
        turn, place = divmod(number, len(kept))
        other = (place + 1 + turn % (len(kept) - 1)) % len(kept)
        pair = [kept[order[i]] for i in (place, other)]
        if pair[0].source == pair[1].source:
            continue
        try:
            v1, v2 = (_middle(video, config.clip) for video in pair)
        except MediaError:
            continue
        rng = np.random.default_rng([config.seed, number])
        mask = occlusion_alpha(v1, config.segments, rng)
        alphas = (np.full(mask.shape, 0.5, np.float32), mask.astype(np.float32))
        losses.append([_identity_loss(v1, v2, alpha) for alpha in alphas])
    if len(losses) < 2:
        raise UserError(
            f"a mean needs at least 2 pairs of videos of two sources that can be decoded: received "
            f"{len(losses)} of {pairs}"
        )
    transparency, occlusion = np.array(losses).T
    return IdentityLosses(transparency, occlusion)


def _middle(video: Video, clip: ClipConfig) -> np.ndarray:
    start = max(0.0, (video.duration - clip.seconds) / 2)
    return read_window(Window(video, start, 0.5, 0.5), clip).frames


def _identity_loss(v1, v2, alpha) -> float:
    batch = {"v1": v1[None], "v2": v2[None], "alpha": alpha[None, ..., None]}
    return float(identity_loss(batch)[0])
