"""The videos of a separation that the page shows side by side."""

from dataclasses import dataclass

import numpy as np

from serving.separate import Separation

PARTS = ("layers", "coefficients", "masks")
"""Outputs of a model that the page shows beside the separated videos."""


@dataclass(frozen=True, eq=False)
class ShownVideo:
    """One video.

    Attributes:
        group: heading of the videos that it belongs to.
        name: name that a file of it has, without ending.
        caption: what it shows.
        frames: uint8 `[T, H, W, 3]`.
        chosen: whether the audio selects it.
        score: predicted loss against the target clip; None if the model predicts none.
    """

    group: str
    name: str
    caption: str
    frames: np.ndarray
    chosen: bool = False
    score: float | None = None


def main_videos(separation: Separation) -> list[ShownVideo]:
    """Return the input and the outputs."""
    group = "Input and outputs"
    scores = separation.scores
    return [
        ShownVideo(group, "input", "Input", separation.clip.frames),
        *(
            ShownVideo(
                group,
                f"output_{index + 1}",
                f"Output {index + 1}",
                frames,
                chosen=index == separation.chosen,
                score=None if scores is None else float(scores[index]),
            )
            for index, frames in enumerate(separation.outputs)
        ),
    ]


def part_videos(separation: Separation) -> list[ShownVideo]:
    """Return the layers, coefficients and masks that the separation has."""
    videos = []
    for layer, frames in enumerate(separation.parts.get("layers", ()), 1):
        videos.append(ShownVideo("Layers", f"layer_{layer}", f"Layer {layer}", frames))
    for output, shares in enumerate(separation.parts.get("coefficients", ()), 1):
        for layer, share in enumerate(shares, 1):
            group, name = f"Coefficients of output {output}", f"coefficients_{output}_{layer}"
            videos.append(ShownVideo(group, name, f"Layer {layer}", _gray(share)))
    for mask, shares in enumerate(separation.parts.get("masks", ()), 1):
        videos.append(ShownVideo("Masks", f"mask_{mask}", f"Mask {mask}", _gray(shares)))
    return videos


def _gray(shares: np.ndarray) -> np.ndarray:
    """Turn uint8 `[T, H, W]` into gray frames `[T, H, W, 3]`."""
    return np.repeat(shares[..., np.newaxis], 3, axis=-1)
