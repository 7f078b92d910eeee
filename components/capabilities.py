"""Capabilities of a system, derived from its measures rather than from its name or kind."""

from models.measures import ACCURACY, RELATIVE_LOSS
from models.systems import System


def separates_layers(system: System) -> bool:
    """Return whether the outputs are layers, with a loss relative to the mixture's own."""
    return RELATIVE_LOSS in system.measures


def recognizes_classes(system: System) -> bool:
    """Return whether the system names the class of a video."""
    return ACCURACY in system.measures
