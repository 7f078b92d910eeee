"""The table of systems: a name for every row of the published tables."""

from collections.abc import Callable
from dataclasses import dataclass

import keras

from data_prep.config import ClipConfig
from data_prep.errors import UserError
from models.c2 import c2
from models.c3 import c3
from models.centrifuge import centrifuge, centrifuge_pc, identity
from models.presets import Preset


@dataclass(frozen=True)
class System:
    """A separator: how it is built, and how it is told which video is wanted.

    Attributes:
        description: what it is.
        build: `(clip, preset, outputs, layers) -> keras.Model`.
        control: `"none"` (permutation invariant loss, a fixed slot is chosen),
            `"deterministic"` (slot 1 is trained to be the wanted one) or `"internal"` (the
            smallest score is chosen).
        published_parameters: millions, at the papers' size; None where they give none.
    """

    description: str
    build: Callable[[ClipConfig, Preset, int, int], keras.Model]
    control: str = "none"
    published_parameters: float | None = None

    @property
    def hears(self) -> bool:
        """Whether the network takes a sound."""
        return self.control != "none"


SYSTEMS = {
    "identity": System(
        "every output is the input",
        lambda clip, preset, n, m: identity(clip, outputs=n),
    ),
    "centrifuge": System(
        "the Visual Centrifuge: a U-Net with I3D's encoder",
        lambda clip, preset, n, m: centrifuge(clip, preset, outputs=n),
        published_parameters=22.6,
    ),
    "centrifuge_pc": System(
        "predictor-corrector: a second Centrifuge corrects the first",
        lambda clip, preset, n, m: centrifuge_pc(clip, preset, outputs=n),
        published_parameters=45.4,
    ),
    "c2_no_masking": System(
        "a Centrifuge with the compositional head",
        lambda clip, preset, n, m: c2(clip, preset, outputs=n, layer_count=m, masking=False),
        published_parameters=23.4,
    ),
    "c2": System(
        "C2: the same with grouped channel masking",
        lambda clip, preset, n, m: c2(clip, preset, outputs=n, layer_count=m),
        published_parameters=27.1,
    ),
    "c3_deterministic": System(
        "C3: the wanted video comes out in slot 1",
        lambda clip, preset, n, m: c3(
            clip, preset, outputs=n, layer_count=m, internal_prediction=False
        ),
        control="deterministic",
    ),
    "c3_internal": System(
        "C3: a score says where the wanted video is",
        lambda clip, preset, n, m: c3(clip, preset, outputs=n, layer_count=m),
        control="internal",
    ),
}


def get_system(name: str) -> System:
    """Return the separator of this name.

    Raises:
        UserError: there is none; the message lists what there is.
    """
    if name not in SYSTEMS:
        raise UserError(f"unknown system {name!r}: choose one of {', '.join(SYSTEMS)}")
    return SYSTEMS[name]
