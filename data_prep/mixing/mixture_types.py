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

Alpha = Callable[[np.ndarray, np.ndarray, np.random.Generator, "DataConfig"], np.ndarray | None]
AlterV2 = Callable[[np.ndarray, np.random.Generator, "DataConfig"], np.ndarray]


@dataclass(frozen=True)
class MixtureType:
    """One way to mix two clips.

    Attributes:
        name: its name in settings and records.
        title: its name in tables, plural.
        alpha: function of clip 1, clip 2 (both uint8 `[T, H, W, 3]`), a random generator and the
            settings. It returns alpha `[T, H, W]` in [0, 1], which a record stores with 8 bits,
            or None for 0.5 everywhere.
        alter_v2: function of clip 2, a random generator and the settings. It returns clip 2 as it
            enters the mixture, which is also its ground truth. None leaves the clip as it is.
    """

    name: str
    title: str
    alpha: Alpha
    alter_v2: AlterV2 | None = None

    def prepare(
        self, v1: np.ndarray, v2: np.ndarray, rng: np.random.Generator, settings: DataConfig
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return clip 2 as it enters the mixture, and the alpha that mixes both clips.

        Args:
            v1: uint8 `[T, H, W, 3]`, the target clip.
            v2: uint8 `[T, H, W, 3]`, the other clip.
            rng: decides everything that is random about the mixture.
            settings: settings of the data set.

        Returns:
            uint8 `[T, H, W, 3]`, and float or bool `[T, H, W]` in [0, 1] or None for 0.5.
        """
        if self.alter_v2 is not None:
            v2 = self.alter_v2(v2, rng, settings)
        return v2, self.alpha(v1, v2, rng, settings)


def get_mixture_type(name: str) -> MixtureType:
    """Return a mixture type by its name.

    Raises:
        UserError: there is no such type; the message lists those there are.
    """
    return lookup(MIXTURE_TYPES, name, "mixture type")


MIXTURE_TYPES: dict[str, MixtureType] = {
    mixture_type.name: mixture_type
    for mixture_type in (
        MixtureType("transparency", "transparencies", alpha=lambda v1, v2, rng, settings: None),
        MixtureType(
            "occlusion",
            "occlusions",
            alpha=lambda v1, v2, rng, settings: occlusion_alpha(v1, settings.segments, rng),
        ),
        MixtureType(
            "reflection",
            "reflections",
            alpha=lambda v1, v2, rng, settings: reflection_alpha(v1.shape[:3], rng),
            alter_v2=lambda v2, rng, settings: reflected(v2, rng),
        ),
    )
}
"""Mixture types by name, in the order of all tables."""
