"""The registry of presets, the one home of every width and size of the networks.

`tiny` trains on two cores in minutes, and `small` is meant for one GPU. `paper` is the published
network, but for the score head: the encoder has I3D's Inception widths; the decoder, mask and
audio widths are fitted to the published parameter counts. `large` has the same encoder and what
learned better at `tiny`.
"""

from dataclasses import dataclass

from data_prep.config import ClipConfig
from data_prep.errors import UserError
from data_prep.registry import lookup


@dataclass(frozen=True)
class Conv:
    """A 3-D convolution: output channels, kernel and strides `(t, h, w)`."""

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
    """A max-pooling: size and strides `(t, h, w)`."""

    size: tuple[int, int, int]
    strides: tuple[int, int, int]


Unit = Conv | Inception | Pool


@dataclass(frozen=True)
class Level:
    """One level of the encoder; the decoder reads the features of its last unit."""

    name: str
    units: tuple[Unit, ...]
    strides: tuple[int, int, int]


@dataclass(frozen=True)
class Audio:
    """The audio network and its spectrogram.

    Attributes:
        window: samples of the Hann window and of the transform; a power of two.
        hop: samples between two columns; at most the window.
        widths: channels of the blocks.
    """

    window: int
    hop: int
    widths: tuple[int, ...]

    def shape(self, samples: int) -> tuple[int, int]:
        """Return the columns and frequencies `(T_a, F)` of so many samples' spectrogram."""
        return -(-samples // self.hop), self.window // 2 + 1


@dataclass(frozen=True)
class Preset:
    """Everything that sizes a network.

    Attributes:
        clip: the clip that the network is meant for; it takes other sizes too.
        levels: the encoder, finest level first.
        up: channels of the decoder's transposed convolutions, deepest first, one for every level
            but the deepest.
        refine: channels of a convolution at the decoder's finest level (ours). With it, a
            convolution also follows each skip, see `models.networks.decoder`. None for the
            published decoder.
        head: channels of the full-resolution features from which layers and coefficients are
            predicted. None lets the last transposed convolution predict them itself.
        layers: number of layers `m` of the compositional head, unless the settings say another.
        input_skip: whether the heads also read the input video at full resolution, under predicted
            maps of its colors, so that a small network need not learn to draw its details. The
            papers' skips end at Conv1a.
        mask_groups: channel groups with a mask each.
        mask_width: hidden channels of the mask networks.
        audio: the audio network of the systems with control.
        score_width: channels of the network that scores the outputs.
        norm: a name in `models.networks.normalization.NORMALIZATIONS`. With `batch`, an update
            depends on how a batch is divided among devices or accumulated.
        batch: examples per training step.
        optimizer: `sgd`, `adam`, `adamw` or `muon`.
        learning_rate: the optimizer's peak learning rate.
        classes: classes of the action classifier.
    """

    clip: ClipConfig
    levels: tuple[Level, ...]
    up: tuple[int, ...]
    refine: int | None
    head: int | None
    layers: int
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


def _plain(
    conv1a: int,
    conv2c: int,
    mixed3c: int,
    mixed4f: int,
    mixed5c: int,
    *,
    mixed4f_strides: tuple[int, int, int],
) -> tuple[Level, ...]:
    """Return I3D's levels with one plain strided convolution each.

    Pooling and the Inception units' many narrow convolutions are slow on a CPU. At these sizes
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
        # Two time steps are left at the end, each with its own audio.
        levels=_plain(24, 48, 96, 128, 128, mixed4f_strides=(1, 2, 2)),
        up=(64, 64, 48, 24),
        refine=64,
        head=None,
        layers=7,
        input_skip=True,
        mask_groups=4,
        mask_width=16,
        audio=Audio(window=256, hop=128, widths=(16, 32, 64)),
        score_width=32,
        norm="group",
        batch=8,
        optimizer="muon",
        learning_rate=3e-3,
    ),
    "small": Preset(
        clip=ClipConfig(frames=32, fps=12.5, height=96, width=96, short_side=112),
        levels=_plain(64, 128, 256, 384, 512, mixed4f_strides=(2, 2, 2)),
        up=(256, 128, 96, 64),
        refine=64,
        head=None,
        layers=7,
        input_skip=True,
        mask_groups=4,
        mask_width=32,
        audio=Audio(window=512, hop=160, widths=(32, 64, 128, 256)),
        score_width=64,
        norm="group",
        batch=16,
        optimizer="muon",
        learning_rate=2e-3,
    ),
    # Ours; a little smaller than the papers' network.
    "large": Preset(
        clip=ClipConfig(),
        levels=_I3D,
        up=(256, 256, 128, 64),
        refine=64,
        head=None,
        layers=7,
        input_skip=True,
        mask_groups=8,
        mask_width=56,
        audio=Audio(window=512, hop=160, widths=(64, 128, 256, 512)),
        score_width=128,
        norm="group",
        batch=16,
        optimizer="muon",
        learning_rate=1e-3,
    ),
    # The published network.
    "paper": Preset(
        clip=ClipConfig(),
        levels=_I3D,
        up=(64, 64, 64, 64),
        refine=None,
        head=64,
        layers=2,
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
        UserError: there is none; the message lists the known ones.
    """
    return lookup(PRESETS, name, "preset")


def check_size(clip: ClipConfig, preset: Preset) -> None:
    """Check that the encoder's strides down to the last skip divide the clip.

    Raises:
        UserError: they do not; the message names the axis, its size and the stride.
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
                f"{name}: must be divisible by {total}, the encoder's stride, got {size}"
            )
