"""The input under predicted maps of its colors: what full-size heads start from (ours)."""

from typing import Any

import keras
from keras import ops

from models import PACKAGE
from models.fused import fused
from models.typing import Tensor


@keras.saving.register_keras_serializable(PACKAGE)
class ColorMaps(keras.layers.Layer):
    """Apply maps of a coarse grid to the colors of a video: `C_k = (I + M_k) V` at each pixel.

    Where each of two mixed videos has colors of one hue, an affine map of the mixture's colors
    gives either video in full detail. The details are the input's; only maps that vary slowly must
    be predicted, as in HDRnet (Gharbi et al., 2017). This layer is their linear part; the colors
    that a head predicts are added to the result and give the offset.

    A call takes maps `[B, t, h, w, 9k]`, whose sizes divide the video's, and a video
    `[B, T, H, W, 3]`. The nine channels of a map are its columns, red's first. It returns
    `[B, T, H, W, 3k]`, float32.
    """

    def __init__(self, **kwargs: Any) -> None:
        # The input must not be rounded to half precision.
        super().__init__(autocast=False, **kwargs)
        self._fused_apply = fused(self._apply)

    def call(self, maps: Tensor, video: Tensor, training: bool = False) -> Tensor:
        """Return the mapped videos."""
        return (self._fused_apply if training else self._apply)(maps, video)

    def _apply(self, maps: Tensor, video: Tensor) -> Tensor:
        t, h, w, channels = maps.shape[1:]
        times, height, width = video.shape[1:4]
        maps = ops.repeat(ops.cast(maps, "float32"), times // t, axis=1)
        # The pixels of a cell have axes of their own. The CPU's kernels take five axes that differ.
        columns = ops.split(ops.reshape(maps, (-1, h, 1, w, 1, channels)), channels // 3, axis=-1)
        video = ops.cast(video, "float32")
        video = ops.reshape(video, (-1, h, height // h, w, width // w, 3))
        red, green, blue = ops.split(video, 3, axis=-1)
        mapped = [
            video + red * of_red + green * of_green + blue * of_blue
            for of_red, of_green, of_blue in zip(*[iter(columns)] * 3, strict=True)
        ]
        return ops.reshape(
            ops.concatenate(mapped, axis=-1), (-1, times, height, width, channels // 3)
        )

    def compute_output_shape(
        self, maps_shape: tuple[Any, ...], video_shape: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """Return the shape of the mapped videos."""
        return (*video_shape[:-1], maps_shape[-1] // 3)


def mapped_input(features: Tensor, video: Tensor, videos: int, *, name: str) -> Tensor:
    """Predict maps of the input's colors from features, and apply them.

    Added to a head's predictions, the result lets a network start near the Identity baseline.

    Args:
        features: the decoder's features, `[B, t, h, w, C]`, whose sizes divide the video's.
        video: the mixture `[B, T, H, W, 3]`.
        videos: number of mapped videos `k`.
        name: prefix of the layers' names.

    Returns:
        `[B, T, H, W, 3k]`, nearly copies of the video at first.
    """
    maps = keras.layers.Conv3D(
        9 * videos,
        1,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
        name=f"{name}_predict",
    )(features)
    return ColorMaps(name=name)(maps, video)
