"""Registry of mixture types: how two clips become one.

To add a type, write a function for its alpha and add one entry to `MIXTURE_TYPES`. Settings,
tables, slices and command lines read the registry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data_prep.mixing.reflection import reflected, reflection_alpha
from data_prep.mixing.supervoxels import occlusion_alpha
from data_prep.registry import lookup

if TYPE_CHECKING:  # settings check their shares against this registry
    from data_prep.config import DataConfig

Alpha = Callable[[np.ndarray, np.random.Generator, "DataConfig"], np.ndarray | None]
AlterBack = Callable[[np.ndarray, np.random.Generator, "DataConfig"], np.ndarray]


@dataclass(frozen=True, eq=False)
class Prepared:
    """Two clips as they enter their mixture, which are also its ground truth.

    Attributes:
        v1: uint8 `[T, H, W, 3]`, the target clip.
        v2: uint8 `[T, H, W, 3]`, the other clip.
        alpha: float or bool `[T, H, W]` in [0, 1], the share of V1; None for 0.5 everywhere.
        front: 1 or 2, the clip that is in front; 0 if neither is.
    """

    v1: np.ndarray
    v2: np.ndarray
    alpha: np.ndarray | None
    front: int

    def swapped(self) -> Prepared:
        """Return the same mixture with the names V1 and V2 swapped."""
        front = (0, 2, 1)[self.front]
        return Prepared(self.v2, self.v1, _complement(self.alpha), front)


@dataclass(frozen=True)
class MixtureType:
    """One way to mix two clips.

    A type with a `front` draws which clip that is for each mixture, because otherwise "take what
    is in front" would find the target clip without its audio.

    Attributes:
        name: its name in settings and records.
        title: its name in tables, plural.
        alpha: function of the clip in front (uint8 `[T, H, W, 3]`), a random generator and the
            settings. It returns the share of that clip, `[T, H, W]` in [0, 1], which a record
            stores with 8 bits, or None for 0.5 everywhere. Without a front, the clip is V1.
        has_front: whether one of the clips is in front of the other.
        alter_back: function of the clip in the back, a random generator and the settings. It
            returns that clip as it enters the mixture. None leaves it as it is.
    """

    name: str
    title: str
    alpha: Alpha
    has_front: bool = False
    alter_back: AlterBack | None = None

    def __post_init__(self) -> None:
        if self.alter_back is not None and not self.has_front:
            raise ValueError(f"{self.name}: alter_back must come with has_front")

    def prepare(
        self, v1: np.ndarray, v2: np.ndarray, rng: np.random.Generator, settings: DataConfig
    ) -> Prepared:
        """Draw how two clips are mixed.

        Args:
            v1: uint8 `[T, H, W, 3]`, the target clip.
            v2: uint8 `[T, H, W, 3]`, the other clip.
            rng: decides everything that is random about the mixture.
            settings: settings of the data set.

        Returns:
            The clips as they enter the mixture, and the alpha that mixes them.
        """
        if not self.has_front:
            return Prepared(v1, v2, self.alpha(v1, rng, settings), front=0)
        if rng.integers(2):
            return self._layered(v2, v1, rng, settings).swapped()
        return self._layered(v1, v2, rng, settings)

    def _layered(
        self, front: np.ndarray, back: np.ndarray, rng: np.random.Generator, settings: DataConfig
    ) -> Prepared:
        """Prepare a mixture whose V1 is the clip in front."""
        if self.alter_back is not None:
            back = self.alter_back(back, rng, settings)
        return Prepared(front, back, self.alpha(front, rng, settings), front=1)


def get_mixture_type(name: str) -> MixtureType:
    """Return a mixture type by its name.

    Raises:
        UserError: there is no such type; the message lists those there are.
    """
    return lookup(MIXTURE_TYPES, name, "mixture type")


def _complement(alpha: np.ndarray | None) -> np.ndarray | None:
    """Return the share of V2 as `alpha` is that of V1."""
    if alpha is None:
        return None
    return ~alpha if alpha.dtype == bool else 1 - alpha


MIXTURE_TYPES: dict[str, MixtureType] = {
    mixture_type.name: mixture_type
    for mixture_type in (
        MixtureType("transparency", "transparencies", alpha=lambda v1, rng, settings: None),
        MixtureType(
            "occlusion",
            "occlusions",
            alpha=lambda front, rng, settings: occlusion_alpha(front, settings.segments, rng),
            has_front=True,
        ),
        MixtureType(
            "reflection",
            "reflections",
            alpha=lambda front, rng, settings: reflection_alpha(front.shape[:3], rng),
            has_front=True,
            alter_back=lambda back, rng, settings: reflected(back, rng),
        ),
    )
}
"""Mixture types by name, in the order of all tables."""
