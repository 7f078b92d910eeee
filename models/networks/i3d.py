"""I3D: the encoder of every separator, and the action classifier (Carreira and Zisserman, 2017)."""

import keras
from keras import ops

from data_prep.config import ClipConfig
from models.networks.conv import conv, max_pool
from models.networks.masking import GroupedChannelMasking
from models.presets import Conv, Inception, Pool, Preset, Unit, check_size
from models.typing import Tensor


def encode(
    video: Tensor, preset: Preset, *, masking: str | None = None, name: str = "encoder"
) -> tuple[list[Tensor], list[Tensor]]:
    """Apply the encoder.

    Args:
        video: `[B, T, H, W, C]`, values in [-1, 1].
        preset: the encoder's levels, and the masks' sizes.
        masking: apply grouped channel masking of this name in `models.networks.masking.MASKINGS`
            at every level (C2): the next level and the skip then read the masked features.
        name: prefix of the layers' names.

    Returns:
        The features of every level, finest first, and the masks of every level (empty without
        masking), `[B, T_l, H_l, W_l, G]`.
    """
    x = video
    features: list[Tensor] = []
    masks: list[Tensor] = []
    for level in preset.levels:
        for number, unit in enumerate(level.units):
            x = _unit(x, unit, preset.norm, f"{name}_{level.name}_{number}")
        if masking:
            x, mask = GroupedChannelMasking(
                preset.mask_groups, preset.mask_width, masking, name=f"{name}_{level.name}_masking"
            )(x)
            masks.append(mask)
        features.append(x)
    return features, masks


def _unit(x: Tensor, unit: Unit, norm: str, name: str) -> Tensor:
    match unit:
        case Conv(filters, kernel, strides):
            return conv(x, filters, kernel, strides, norm=norm, name=name)
        case Pool(size, strides):
            return max_pool(x, size, strides, name=f"{name}_pool")
        case Inception():
            return _inception(x, unit, norm, name)


def _inception(x: Tensor, unit: Inception, norm: str, name: str) -> Tensor:
    def branch(x: Tensor, filters: int, kernel: int, branch: str) -> Tensor:
        return conv(x, filters, kernel, norm=norm, name=f"{name}_{branch}")

    first = branch(x, unit.first_reduce, 1, "first_reduce")
    second = branch(x, unit.second_reduce, 1, "second_reduce")
    pooled = max_pool(x, 3, 1, name=f"{name}_pool")
    return keras.layers.Concatenate(name=f"{name}_concat")(
        [
            branch(x, unit.point, 1, "point"),
            branch(first, unit.first, 3, "first"),
            branch(second, unit.second, 3, "second"),
            branch(pooled, unit.pooled, 1, "pooled"),
        ]
    )


def i3d(clip: ClipConfig, preset: Preset, *, classes: int) -> keras.Model:
    """Build the action classifier of the downstream task.

    Args:
        clip: the clip's shape.
        preset: the encoder.
        classes: number of action classes.

    Returns:
        A model from `video` `[B, T, H, W, 3]` in [-1, 1] to `logits` `[B, classes]`.

    Raises:
        UserError: the encoder's strides do not divide the clip.
    """
    check_size(clip, preset)
    video = keras.Input((clip.frames, clip.height, clip.width, 3), name="video")
    features, _ = encode(video, preset, name="i3d")
    pooled = keras.layers.GlobalAveragePooling3D(name="pool")(features[-1])
    pooled = keras.layers.Dropout(0.5, name="dropout")(pooled)
    logits = keras.layers.Dense(classes, dtype="float32", name="logits")(pooled)
    return keras.Model({"video": video}, {"logits": logits}, name="i3d")


def cross_entropy(labels: Tensor, logits: Tensor) -> Tensor:
    """Compute the softmax cross-entropy.

    Args:
        labels: integers `[B]`; an example with a negative, hence unknown, label counts 0.
        logits: `[B, K]`.

    Returns:
        float32 `[B]`.
    """
    log_probabilities = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
    return -ops.sum(ops.one_hot(labels, logits.shape[-1]) * log_probabilities, axis=-1)
