"""The Identity baseline on real videos: the figure that fixes the loss's convention.

On natural video at the papers' clip shape its loss must come out near the published 0.364.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from data_prep.config import DataConfig
from data_prep.manifest import Video
from data_prep.media import MediaError
from data_prep.mixing import occlusion_alpha
from data_prep.mixtures import read_window
from data_prep.pairing import draw, usable
from models.separation import identity_loss


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

    Args:
        videos: a manifest's.
        config: the clips' shape, the supervoxels and the seed.
        pairs: how many pairs to draw; those that cannot be decoded are left out.

    Raises:
        UserError: fewer than two usable videos.
    """
    kept, _ = usable([replace(video, split="train") for video in videos], config.clip)
    losses = []
    for pairing in draw(kept, "train", pairs, config):
        try:
            v1, v2 = (read_window(window, config.clip) for window in (pairing.v1, pairing.v2))
        except MediaError:
            continue
        mask = occlusion_alpha(v1.frames, config.segments, pairing.mask_rng())
        alphas = (np.full(mask.shape, 0.5, np.float32), mask.astype(np.float32))
        losses.append([_identity_loss(v1.frames, v2.frames, alpha) for alpha in alphas])
    transparency, occlusion = np.array(losses).T
    return IdentityLosses(transparency, occlusion)


def _identity_loss(v1, v2, alpha) -> float:
    batch = {"v1": v1[None], "v2": v2[None], "alpha": alpha[None, ..., None]}
    return float(identity_loss(batch)[0])
