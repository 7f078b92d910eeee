"""The published tables (Kinetics-600, validation), to stand beside what is measured here.

Sizes stand with the systems: `models.systems.System.published_parameters`.
"""

TITLES = {
    "identity": "Identity",
    "centrifuge": "Centrifuge",
    "centrifuge_pc": "CentrifugePC",
    "c2_no_masking": "C2 w/o masking",
    "c2": "C2",
    "c3_deterministic": "C3, deterministic control",
    "c3_internal": "C3, internal prediction",
    "i3d": "I3D",
}
"""System -> its name in the tables."""

PUBLISHED = {
    "identity": {"loss": {"transparency": 0.364, "occlusion": 0.362}},
    "centrifuge": {"loss": {"transparency": 0.149, "occlusion": 0.253}},
    "centrifuge_pc": {
        "loss": {"transparency": 0.135, "occlusion": 0.264},
        "action_accuracy": {"transparency": 0.344, "occlusion": 0.215},
    },
    "c2_no_masking": {"loss": {"transparency": 0.131, "occlusion": 0.200}},
    "c2": {
        "loss": {"transparency": 0.120, "occlusion": 0.190},
        "control_accuracy": {"transparency": 0.5},
        "action_accuracy": {"transparency": 0.401, "occlusion": 0.247},
    },
    "c3_deterministic": {
        "loss": {"transparency": 0.191},
        "control_accuracy": {"transparency": 0.791},
    },
    "c3_internal": {
        "loss": {"transparency": 0.119},
        "control_accuracy": {"transparency": 0.777},
    },
    "i3d": {
        "accuracy": {"transparency": 0.595, "occlusion": 0.595},
        "mixed_accuracy": {"transparency": 0.221, "occlusion": 0.213},
    },
}
"""System -> metric -> mixture type -> value; the metrics' names are those of `models.scalars`,
and `action_accuracy` is I3D's on what a separator gives it."""


def published(system: str, metric: str, mixture_type: str) -> float | None:
    """Return a published figure, or None where the tables have none.

    `relative_loss` is the published loss over Identity's published one.
    """
    if metric == "relative_loss":
        loss, identity = (published(name, "loss", mixture_type) for name in (system, "identity"))
        return loss and identity and loss / identity
    return PUBLISHED.get(system, {}).get(metric, {}).get(mixture_type)
