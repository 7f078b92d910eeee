"""The table of presets: the one home of every width and size of the networks.

`tiny` trains on two cores in minutes, `small` on one GPU in hours, `paper` is the papers' size:
the Inception widths of I3D in the encoder; decoder, mask and audio widths, on which the papers
are silent, such that the published parameter counts come out.
"""

from dataclasses import dataclass

from data_prep.config import ClipConfig
from data_prep.errors import UserError


@dataclass(frozen=True)
class Conv:
    """A 3-D convolution: channels out, kernel and strides (t, h, w)."""

    filters: int
    kernel: int | tuple[int, int, int] = 3
    strides: int | tuple[int, int, int] = 1


@dataclass(frozen=True)
class Inception:
    """An Inception unit, inflated: the channels of its four branches.

    Branches: 1x1x1; 1x1x1 then 3x3x3; 1x1x1 then 3x3x3; 3x3x3 max-pooling then 1x1x1.
    """

    point: int
    first_reduce: int
    first: int
    second_reduce: int
    second: int
    pooled: int


@dataclass(frozen=True)
class Pool:
    """A max-pooling: size and strides (t, h, w)."""

    size: tuple[int, int, int]
    strides: tuple[int, int, int]


@dataclass(frozen=True)
class Level:
    """One level of the encoder, whose last unit's features the decoder reads."""

    name: str
    units: tuple[Conv | Inception | Pool, ...]
    strides: tuple[int, int, int]


@dataclass(frozen=True)
class Audio:
    """The audio network: the spectrogram's window and hop in samples, channels of its blocks."""

    window: int
    hop: int
    widths: tuple[int, ...]


@dataclass(frozen=True)
class Preset:
    """Everything that sizes a network.

    Attributes:
        clip: the clip that the network is meant for; a network takes other sizes too.
        levels: the encoder, finest first.
        up: channels of the decoder's transposed convolutions, deepest first, one a level but
            the deepest.
        head: channels of the features at full resolution that layers and coefficients are
            predicted from; None where the last transposed convolution predicts them itself: of a
            small network it is the slowest part, and a few channels more than it has to predict
            only narrow what comes through (measured in tests/benchmarks/README.md).
        input_skip: whether the heads read the input video too, at full resolution: a small
            network then need not learn to copy it. The papers' skips end at Conv1a.
        mask_groups: channel groups with a mask of their own.
        mask_width: hidden channels of the mask networks.
        audio: the audio network of the systems with control.
        score_width: channels of the network that scores the outputs.
        norm: `"batch"`, or `"none"` where an update must not depend on how a batch is divided among
            devices and accumulated.
        batch: examples a training step.
        optimizer: what trains it: `sgd`, `adam` or `adamw`.
        learning_rate: the optimiser's peak learning rate.
        classes: classes of the action classifier.
    """

    clip: ClipConfig
    levels: tuple[Level, ...]
    up: tuple[int, ...]
    head: int | None
    input_skip: bool
    mask_groups: int
    mask_width: int
    audio: Audio
    score_width: int
    norm: str
    batch: int
    optimizer: str
    learning_rate: float
    classes: int = 600


_I3D = (
    Level("conv1a", (Conv(64, 7, 2),), (2, 2, 2)),
    Level(
        "conv2c",
        (Pool((1, 3, 3), (1, 2, 2)), Conv(64, 1), Conv(192, 3)),
        (1, 2, 2),
    ),
    Level(
        "mixed3c",
        (
            Pool((1, 3, 3), (1, 2, 2)),
            Inception(64, 96, 128, 16, 32, 32),
            Inception(128, 128, 192, 32, 96, 64),
        ),
        (1, 2, 2),
    ),
    Level(
        "mixed4f",
        (
            Pool((3, 3, 3), (2, 2, 2)),
            Inception(192, 96, 208, 16, 48, 64),
            Inception(160, 112, 224, 24, 64, 64),
            Inception(128, 128, 256, 24, 64, 64),
            Inception(112, 144, 288, 32, 64, 64),
            Inception(256, 160, 320, 32, 128, 128),
        ),
        (2, 2, 2),
    ),
    Level(
        "mixed5c",
        (
            Pool((2, 2, 2), (2, 2, 2)),
            Inception(256, 160, 320, 32, 128, 128),
            Inception(384, 192, 384, 48, 128, 128),
        ),
        (2, 2, 2),
    ),
)


def _plain(conv1a, conv2c, mixed3c, mixed4f, mixed5c, *, mixed4f_strides):
    """I3D's levels with one plain convolution each, strided in place of the pooling.

    Pooling and the Inception units' many narrow convolutions are slow on a CPU: at these sizes
    one dense convolution learns more in the same time.
    """
    return (
        Level("conv1a", (Conv(conv1a, (3, 5, 5), 2),), (2, 2, 2)),
        Level("conv2c", (Conv(conv2c, 3, (1, 2, 2)),), (1, 2, 2)),
        Level("mixed3c", (Conv(mixed3c, 3, (1, 2, 2)),), (1, 2, 2)),
        Level("mixed4f", (Conv(mixed4f, 3, mixed4f_strides),), mixed4f_strides),
        Level("mixed5c", (Conv(mixed5c, 3, 2),), (2, 2, 2)),
    )


PRESETS = {
    "tiny": Preset(
        clip=ClipConfig(frames=8, fps=8, height=48, width=48, short_side=56, sample_rate=8_000),
        # Two steps in time are left at the end, each with its own sound.
        levels=_plain(24, 48, 96, 128, 128, mixed4f_strides=(1, 2, 2)),
        up=(64, 64, 48, 24),
        head=None,
        input_skip=True,
        mask_groups=4,
        mask_width=16,
        audio=Audio(window=256, hop=128, widths=(32, 48, 64)),
        score_width=32,
        norm="batch",
        batch=8,
        optimizer="adam",
        learning_rate=3e-3,
    ),
    "small": Preset(
        clip=ClipConfig(frames=32, fps=12.5, height=96, width=96, short_side=112),
        levels=_plain(64, 128, 256, 384, 512, mixed4f_strides=(2, 2, 2)),
        up=(256, 128, 96, 64),
        head=32,
        input_skip=True,
        mask_groups=4,
        mask_width=32,
        audio=Audio(window=512, hop=160, widths=(32, 64, 128, 256)),
        score_width=64,
        norm="batch",
        batch=16,
        optimizer="adam",
        learning_rate=5e-4,
    ),
    "paper": Preset(
        clip=ClipConfig(),
        levels=_I3D,
        up=(64, 64, 64, 64),
        head=64,
        input_skip=False,
        mask_groups=8,
        mask_width=56,
        audio=Audio(window=512, hop=160, widths=(64, 128, 256, 512)),
        score_width=128,
        norm="batch",
        batch=16,
        optimizer="sgd",
        learning_rate=1e-1,
    ),
}


def get_preset(name: str) -> Preset:
    """Return the preset of this name.

    Raises:
        UserError: there is none; the message lists what there is.
    """
    if name not in PRESETS:
        raise UserError(f"unknown preset {name!r}: choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


def check_size(clip: ClipConfig, preset: Preset) -> None:
    """Check that the encoder's strides down to the last skip divide the clip.

    Raises:
        UserError: names the size, the number and what must divide it.
    """
    # The deepest level has no skip: its odd sizes are rounded up, and cropped on the way back.
    strides = [level.strides for level in preset.levels[:-1]]
    for axis, (name, size) in enumerate(
        (("frames", clip.frames), ("height", clip.height), ("width", clip.width))
    ):
        total = 1
        for stride in strides:
            total *= stride[axis]
        if size % total:
            raise UserError(
                f"{name} must be divisible by {total}, the encoder's stride: received {size}"
            )
