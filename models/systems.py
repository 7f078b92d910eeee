"""The registry of systems: the rows of the published tables, and our variants of them.

Kept free of Keras, so that a configuration can be checked at once; a system's module is imported
when its network is built.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from data_prep.config import ClipConfig
from data_prep.registry import lookup
from models.control import DETERMINISTIC, INTERNAL, NO_CONTROL, ControlMode
from models.measures import MEASURES, Measure
from models.presets import Preset
from models.resolving import resolve
from models.tasks.registry import CLASSIFICATION, CONTROLLED_SEPARATION, SEPARATION
from models.tasks.task import Task

if TYPE_CHECKING:
    import keras

Figures = Mapping[str, Mapping[str, float]]
"""Measure name -> mixture type -> value."""


@dataclass(frozen=True)
class Published:
    """Published figures (Kinetics-600, validation).

    Attributes:
        parameters: millions of weights at the papers' size; None if the papers give no number.
        figures: the published tables' rows; shares are in [0, 1].
    """

    parameters: float | None = None
    figures: Figures = field(default_factory=dict)


@dataclass(frozen=True)
class System:
    """A network with its task, its control mode and its published figures.

    Attributes:
        name: its name in configurations, stored results and exported models.
        title: its name in tables.
        task: what it learns.
        builder: the function that builds its network, as `package.module:function`. It takes the
            clip's shape and the preset, then `settings` and `options` by keyword.
        options: fixed arguments of the builder.
        settings: which of `outputs`, `layers` and `classes` the builder takes.
        layers: the number of layers by default; None for the preset's.
        control: how it is asked for the target clip.
        published: its row of the published tables.
        varies: names of the systems that it is compared with, if it is our variant of them and no
            row of the published tables.
    """

    name: str
    title: str
    task: Task
    builder: str
    options: Mapping[str, object] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    layers: int | None = None
    control: ControlMode = NO_CONTROL
    published: Published = Published()
    varies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.task.uses_audio != self.control.uses_audio:
            raise ValueError(
                f"system {self.name}: task and control must agree on audio, got task "
                f"{self.task.kind!r} and control {self.control.name!r}"
            )

    @property
    def uses_audio(self) -> bool:
        """Whether the network takes the audio of the target clip."""
        return self.task.uses_audio

    @property
    def is_variant(self) -> bool:
        """Whether it is our variant of published systems."""
        return bool(self.varies)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures that describe the system, in the order of the tables."""
        own = {measure.name for measure in (*self.task.measures, *self.control.measures)}
        return tuple(measure for name, measure in MEASURES.items() if name in own)

    def build(
        self,
        clip: ClipConfig,
        preset: Preset,
        *,
        outputs: int = 2,
        layers: int | None = None,
        classes: int | None = None,
    ) -> "keras.Model":
        """Build the network with fresh weights.

        Args:
            clip: the shape of the clips.
            preset: the network's size.
            outputs: number of output videos, `n`.
            layers: number of layers composed into them, `m`; the system's or the preset's by
                default.
            classes: number of action classes; the preset's by default.

        Raises:
            UserError: the encoder's strides do not divide the clip.
        """
        given = {
            "outputs": outputs,
            # Fewer would start outputs alike.
            "layers": layers or max(self.layers or preset.layers, outputs),
            "classes": classes or preset.classes,
        }
        settings = {name: given[name] for name in self.settings}
        return resolve(self.builder)(clip, preset, **settings, **self.options)

    def published_value(self, measure: Measure, mixture_type: str) -> float | None:
        """Return a published figure, or None if the tables have none.

        A ratio of two measures is the ratio of their published figures.
        """
        if measure.ratio_of is None:
            return self._figure(measure.name, mixture_type)
        numerator, denominator = (self._figure(name, mixture_type) for name in measure.ratio_of)
        return numerator / denominator if numerator and denominator else None

    def _figure(self, name: str, mixture_type: str) -> float | None:
        return self.published.figures.get(name, {}).get(mixture_type)


def _row(
    parameters: float | None, loss: Mapping[str, float], **more: Mapping[str, float]
) -> Published:
    """Return a separator's row; Identity's published loss goes with every one."""
    identity = {"transparency": 0.364, "occlusion": 0.362}
    return Published(parameters, {"loss": loss, "identity_loss": identity, **more})


SYSTEMS: dict[str, System] = {
    system.name: system
    for system in (
        System(
            name="identity",
            title="Identity",
            task=SEPARATION,
            builder="models.networks.centrifuge:identity",
            settings=("outputs",),
            published=_row(None, {"transparency": 0.364, "occlusion": 0.362}),
        ),
        System(
            name="centrifuge",
            title="Centrifuge",
            task=SEPARATION,
            builder="models.networks.centrifuge:centrifuge",
            settings=("outputs",),
            published=_row(22.6, {"transparency": 0.149, "occlusion": 0.253}),
        ),
        System(
            name="centrifuge_wide",
            title="Centrifuge, widened to the FLOPs of CentrifugePC",
            task=SEPARATION,
            builder="models.networks.centrifuge:centrifuge",
            # Within 5 % of CentrifugePC's FLOPs at every preset.
            options={"width": (1.68, 1.2)},
            settings=("outputs",),
            varies=("centrifuge", "centrifuge_pc"),
        ),
        System(
            name="centrifuge_pc",
            title="CentrifugePC",
            task=SEPARATION,
            builder="models.networks.centrifuge:centrifuge_pc",
            settings=("outputs",),
            published=_row(
                45.4,
                {"transparency": 0.135, "occlusion": 0.264},
                action_accuracy={"transparency": 0.344, "occlusion": 0.215},
            ),
        ),
        System(
            name="centrifuge_pc_error",
            title="CentrifugePC, corrector reads errors",
            task=SEPARATION,
            builder="models.networks.centrifuge:centrifuge_pc",
            options={"reads_error": True},
            settings=("outputs",),
            varies=("centrifuge_pc",),
        ),
        System(
            name="c2_no_masking",
            title="C2 w/o masking",
            task=SEPARATION,
            builder="models.networks.c2:c2",
            options={"masking": None},
            settings=("outputs", "layers"),
            published=_row(23.4, {"transparency": 0.131, "occlusion": 0.200}),
        ),
        System(
            name="c2",
            title="C2",
            task=SEPARATION,
            builder="models.networks.c2:c2",
            settings=("outputs", "layers"),
            published=_row(
                27.1,
                {"transparency": 0.120, "occlusion": 0.190},
                control_accuracy={"transparency": 0.5},
                action_accuracy={"transparency": 0.401, "occlusion": 0.247},
            ),
        ),
        System(
            name="c2_competing_masks",
            title="C2, competing masks",
            task=SEPARATION,
            builder="models.networks.c2:c2",
            options={"masking": "competing"},
            settings=("outputs", "layers"),
            varies=("c2",),
        ),
        System(
            name="c3_deterministic",
            title="C3, deterministic control",
            task=CONTROLLED_SEPARATION,
            builder="models.networks.c3:c3",
            # Until the audio is understood, the input is the best answer for both slots, and a
            # layer that is the input itself makes that easy. Single runs with one did not learn
            # control at `tiny`; without one, it depends on the seed.
            options={"scores": None, "input_layer": False},
            settings=("outputs", "layers"),
            layers=2,
            control=DETERMINISTIC,
            published=_row(None, {"transparency": 0.191}, control_accuracy={"transparency": 0.791}),
        ),
        System(
            name="c3_internal",
            title="C3, internal prediction",
            task=CONTROLLED_SEPARATION,
            builder="models.networks.c3:c3",
            settings=("outputs", "layers"),
            control=INTERNAL,
            published=_row(None, {"transparency": 0.119}, control_accuracy={"transparency": 0.777}),
        ),
        System(
            name="c3_internal_fused",
            title="C3, internal prediction from fused features",
            task=CONTROLLED_SEPARATION,
            builder="models.networks.c3:c3",
            options={"scores": "features"},
            settings=("outputs", "layers"),
            control=INTERNAL,
            varies=("c3_internal",),
        ),
        System(
            name="i3d",
            title="I3D",
            task=CLASSIFICATION,
            builder="models.networks.i3d:i3d",
            settings=("classes",),
            published=Published(
                figures={
                    "accuracy": {"transparency": 0.595, "occlusion": 0.595},
                    "mixed_accuracy": {"transparency": 0.221, "occlusion": 0.213},
                }
            ),
        ),
    )
}
"""Every system by name, in the order of the tables."""


def get_system(name: str) -> System:
    """Return the system of this name.

    Raises:
        UserError: there is none; the message lists the known ones.
    """
    return lookup(SYSTEMS, name, "system")
