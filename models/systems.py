"""The table of systems: a name for every row of the published tables.

Kept free of Keras, so that a configuration can be checked at once; a network's own module is
imported when it is built.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_prep.config import ClipConfig
from data_prep.errors import UserError
from models.presets import Preset

if TYPE_CHECKING:
    import keras


def _identity(clip, preset, outputs, layers):
    from models.networks.centrifuge import identity

    return identity(clip, outputs=outputs)


def _centrifuge(clip, preset, outputs, layers):
    from models.networks.centrifuge import centrifuge

    return centrifuge(clip, preset, outputs=outputs)


def _centrifuge_pc(clip, preset, outputs, layers):
    from models.networks.centrifuge import centrifuge_pc

    return centrifuge_pc(clip, preset, outputs=outputs)


def _c2(clip, preset, outputs, layers, **options):
    from models.networks.c2 import c2

    return c2(clip, preset, outputs=outputs, layer_count=layers, **options)


def _c2_no_masking(clip, preset, outputs, layers):
    return _c2(clip, preset, outputs, layers, masking=False)


def _c3(clip, preset, outputs, layers, **options):
    from models.networks.c3 import c3

    return c3(clip, preset, outputs=outputs, layer_count=layers, **options)


def _c3_deterministic(clip, preset, outputs, layers):
    return _c3(clip, preset, outputs, layers, internal_prediction=False)


@dataclass(frozen=True)
class System:
    """A separator: how it is built, and how it is told which video is wanted.

    Attributes:
        build: `(clip, preset, outputs, layers)` to its network.
        control: `"none"` (permutation invariant loss, a fixed slot is chosen),
            `"deterministic"` (slot 1 is trained to be the wanted one) or `"internal"` (the
            smallest score is chosen).
        published_parameters: millions, at the papers' size; None where they give none.
    """

    build: Callable[[ClipConfig, Preset, int, int], "keras.Model"]
    control: str = "none"
    published_parameters: float | None = None

    @property
    def hears(self) -> bool:
        """Whether the network takes a sound."""
        return self.control != "none"


SYSTEMS = {
    "identity": System(_identity),
    "centrifuge": System(_centrifuge, published_parameters=22.6),
    "centrifuge_pc": System(_centrifuge_pc, published_parameters=45.4),
    "c2_no_masking": System(_c2_no_masking, published_parameters=23.4),
    "c2": System(_c2, published_parameters=27.1),
    "c3_deterministic": System(_c3_deterministic, control="deterministic"),
    "c3_internal": System(_c3, control="internal"),
}

CLASSIFIER = "i3d"
"""The action classifier of the downstream task: no separator, but trained and served like one."""

NAMES = (*SYSTEMS, CLASSIFIER)
"""Every system, in the order of the tables."""


def check_name(name: str) -> None:
    """Check that there is a system of this name.

    Raises:
        UserError: there is none; the message lists what there is.
    """
    if name not in NAMES:
        raise UserError(f"unknown system {name!r}: choose one of {', '.join(NAMES)}")


def get_system(name: str) -> System:
    """Return the separator of this name.

    Raises:
        UserError: there is none; the message lists what there is.
    """
    if name not in SYSTEMS:
        raise UserError(f"unknown system {name!r}: choose one of {', '.join(SYSTEMS)}")
    return SYSTEMS[name]
