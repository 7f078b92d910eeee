"""Every system at a size that runs in a fraction of a second; needs no TensorFlow."""

import dataclasses

import numpy as np

from data_prep.config import ClipConfig
from models.presets import PRESETS, Audio, Conv, Inception, Level, Pool
from models.systems import SYSTEMS, get_system
from models.tasks.registry import CLASSIFICATION
from models.tasks.separator import Separator

# Sizes along the encoder: 6x12x20, 3x6x10, 3x3x5, 2x2x3. The deepest ones are rounded up.
CLIP = ClipConfig(frames=6, fps=10, height=12, width=20, short_side=20, sample_rate=1_000)
PRESET = dataclasses.replace(
    PRESETS["tiny"],
    clip=CLIP,
    levels=(
        Level("first", (Conv(8, 3, 2),), (2, 2, 2)),
        Level("second", (Pool((1, 3, 3), (1, 2, 2)), Conv(8, 3)), (1, 2, 2)),
        Level("third", (Pool((3, 3, 3), (2, 2, 2)), Inception(4, 4, 4, 2, 4, 4)), (2, 2, 2)),
    ),
    up=(8, 8),
    refine=8,
    mask_groups=4,
    mask_width=4,
    audio=Audio(window=64, hop=32, widths=(4, 4)),
    batch=2,
    classes=5,
)
# The same sizes without pooling, for which TensorFlow has no half precision on CPUs.
PLAIN_LEVELS = tuple(
    Level(level.name, (Conv(8, 3, level.strides),), level.strides) for level in PRESET.levels
)
# The smallest size that trains.
TWO_LEVELS = dataclasses.replace(PRESET, levels=PLAIN_LEVELS[:2], up=(8,))
SEPARATORS = tuple(name for name, system in SYSTEMS.items() if system.task is not CLASSIFICATION)
TRAINABLE = tuple(name for name in SEPARATORS if name != "identity")


def build(name: str, *, outputs=2, layers=2, clip=CLIP, seed=0, **changes) -> Separator:
    """Build a separator with filled weights; changes are the preset's."""
    system = get_system(name)
    preset = dataclasses.replace(PRESET, **changes)
    network = system.build(clip, preset, outputs=outputs, layers=layers)
    fill(network, seed)
    return Separator(network, system, preset)


def fill(network, seed: int, scale: float = 1.0) -> None:
    """Set every weight by a rule that needs no backend; positive biases keep every ReLU alive."""
    rng = np.random.default_rng(seed)
    values = []
    for weight in network.weights:
        if len(weight.shape) == 1:
            values.append(rng.uniform(0.1, 0.5, weight.shape))
        else:
            deviation = scale / np.sqrt(np.prod(weight.shape[:-1]))
            values.append(rng.normal(0, deviation, weight.shape))
    network.set_weights(values)


def textured(rng: np.random.Generator, shape) -> np.ndarray:
    """Return coarse blocks of color with fine noise on them, uint8 `[..., T, H, W, 3]`."""
    *lead, t, h, w, channels = shape
    coarse = rng.uniform(40, 215, (*lead, t, -(-h // 4), -(-w // 4), channels))
    blocks = coarse.repeat(4, axis=-3).repeat(4, axis=-2)[..., :h, :w, :]
    return np.clip(np.round(blocks + rng.normal(0, 12, shape)), 0, 255).astype(np.uint8)


def numpy_spectrogram(audio: np.ndarray, settings: Audio) -> np.ndarray:
    """Compute the spectrogram's magnitudes in float64, `[B, T_a, F]`, by its definition."""
    columns, _ = settings.shape(audio.shape[1])
    padding = (columns - 1) * settings.hop + settings.window - audio.shape[1]
    padded = np.pad(audio.astype(np.float64), ((0, 0), (padding // 2, padding - padding // 2)))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(settings.window) / settings.window)
    starts = settings.hop * np.arange(columns)
    pieces = [padded[:, start : start + settings.window] * window for start in starts]
    return np.abs(np.fft.rfft(np.stack(pieces, axis=1)))


def make_batch(size: int, seed: int = 0, clip: ClipConfig = CLIP) -> dict[str, np.ndarray]:
    """Make a prepared batch for a separator: transparencies and occlusions in turn."""
    rng = np.random.default_rng(seed)
    shape = (size, clip.frames, clip.height, clip.width)
    alpha = (rng.random((*shape, 1)) < 0.4).astype(np.float32)
    alpha[::2] = 0.5
    v1, v2 = textured(rng, (*shape, 3)), textured(rng, (*shape, 3))
    audio = rng.uniform(-1, 1, (size, clip.samples)).astype(np.float32)
    return {"v1": v1, "v2": v2, "alpha": alpha, **with_audio(audio)}


def with_audio(audio: np.ndarray) -> dict[str, np.ndarray]:
    """Return what a prepared batch holds of V1's audio."""
    return {
        "audio1": audio,
        "spectrogram": numpy_spectrogram(audio, PRESET.audio).astype(np.float32),
    }
