"""The Identity baseline on real videos, which fixes the loss's convention.

On natural video at the papers' clip shape, its loss on transparencies must come out near the
published 0.364.
"""

from collections.abc import Sequence

import numpy as np

from data_prep.config import ClipConfig, DataConfig
from data_prep.errors import UserError
from data_prep.media.decoding import MediaError
from data_prep.media.frames import middle_start
from data_prep.mixing.compose import as_share
from data_prep.mixing.mixture_types import MIXTURE_TYPES, MixtureType
from data_prep.mixing.pairing import Window, usable
from data_prep.records.making import read_window
from data_prep.sources.videos import Video
from models.losses.reconstruction import identity_loss


def identity_losses(
    videos: Sequence[Video], config: DataConfig, pairs: int
) -> dict[str, np.ndarray]:
    """Mix pairs of videos in every registered way, and measure the Identity baseline's loss.

    A binary mask gives the colors the same loss as alpha = 0.5, and the gradients a larger one at
    its edges. So the loss on an occlusion is never below that on the same pair's transparency.

    Every video is in as many pairs as any other, give or take one, with its middle frames. With
    random pairs, the mean over a few dozen videos would depend more on the draw than on the videos.

    Args:
        videos: a manifest's videos.
        config: the clips' shape, the mixture types' settings and the seed, which decides the pairs.
        pairs: number of pairs to mix; pairs of one source and pairs that cannot be decoded are
            left out.

    Returns:
        Mixture type -> losses, `[pairs]`, of the same pairs in the same order.

    Raises:
        UserError: there are fewer than two usable videos, or fewer than two pairs could be mixed.
    """
    kept, _ = usable(videos, config.clip)
    if len(kept) < 2:
        raise UserError(f"videos: must be at least 2 usable ones, got {len(kept)}")
    order = np.random.default_rng(config.seed).permutation(len(kept))
    losses = []
    for number in range(pairs):
        turn, place = divmod(number, len(kept))
        other = (place + 1 + turn % (len(kept) - 1)) % len(kept)
        first, second = (kept[order[i]] for i in (place, other))
        if first.source == second.source:
            continue
        try:
            v1, v2 = (_middle(video, config.clip) for video in (first, second))
        except MediaError:
            continue
        losses.append([_loss(kind, v1, v2, config, number) for kind in MIXTURE_TYPES.values()])
    if len(losses) < 2:
        raise UserError(
            "pairs: must be at least 2 of two sources each that can be decoded, got "
            f"{len(losses)} of {pairs}"
        )
    return dict(zip(MIXTURE_TYPES, np.array(losses).T, strict=True))


def _middle(video: Video, clip: ClipConfig) -> np.ndarray:
    window = Window(video, middle_start(video.duration, clip), 0.5, 0.5)
    return read_window(window, clip).frames


def _loss(
    kind: MixtureType, v1: np.ndarray, v2: np.ndarray, config: DataConfig, number: int
) -> float:
    rng = np.random.default_rng([config.seed, number])
    mixture = kind.prepare(v1, v2, rng, config)
    alpha = np.broadcast_to(as_share(mixture.alpha), (*v1.shape[:3], 1)).astype(np.float32)
    batch = {"v1": mixture.v1[None], "v2": mixture.v2[None], "alpha": alpha[None]}
    return float(identity_loss(batch)[0])
