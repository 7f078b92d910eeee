"""Examples separated by a model, as entries of a page.

Public names: `Footage`, `Example`, `example_of(values, title)` for a decoded record, and
`separate_example(model, clip, example)`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.html.data_uris import image_uri, in_grid, video_uri
from components.html.pages import Entry, Video
from data_prep.config import ClipConfig
from data_prep.mixing.compose import mix_uint8
from models.control import ControlMode
from models.export.exported_model import ExportedModel
from models.losses.reconstruction import identity_loss, reconstruction
from models.pixels import from_uint8

_MASK_COLUMNS = 8


@dataclass(frozen=True, eq=False)
class Footage:
    """A clip.

    Attributes:
        frames: uint8 `[T, H, W, 3]`.
        audio: float32 `[S]` in [-1, 1]; None for a clip without audio.
        about: what it shows, in words.
    """

    frames: np.ndarray
    audio: np.ndarray | None
    about: str = ""


@dataclass(frozen=True, eq=False)
class Example:
    """A video to separate.

    Attributes:
        title: its heading.
        about: what it is, in words.
        video: the mixture, with the audio that is the cue.
        targets: V1 and V2; empty for a video that is no mixture.
        identity_loss: Identity's loss on the mixture; 0 without targets.
    """

    title: str
    about: str
    video: Footage
    targets: tuple[Footage, ...] = ()
    identity_loss: float = 0.0


def example_of(values: Mapping[str, Any], title: str) -> Example:
    """Make an example of a record.

    Args:
        values: what `data_prep.records.record.decode` returns.
        title: its heading.
    """
    v1, v2 = (_target(values, index) for index in ("1", "2"))
    mixture = Footage(mix_uint8(v1.frames, v2.frames, values["alpha"]), v1.audio)
    batch = {name: values[name][None] for name in ("v1", "v2", "alpha")}
    about = f"{values['mixture_type']} {values['mixture_id']}"
    return Example(title, about, mixture, (v1, v2), float(identity_loss(batch)[0]))


def _target(values: Mapping[str, Any], index: str) -> Footage:
    clip = f"v{index}"
    about = ", ".join(filter(None, (values[f"{clip}_label"], values[f"{clip}_id"])))
    audio = values[f"audio{index}"] if values[f"{clip}_has_sound"] else None
    return Footage(values[clip], audio, about)


def separate_example(model: ExportedModel, clip: ClipConfig, example: Example) -> Entry:
    """Separate an example with a model, and prepare inputs and outputs for a page.

    Args:
        model: a separator.
        clip: the shape of the clips.
        example: the example.
    """
    video = example.video
    audio = np.zeros(clip.samples, np.float32) if video.audio is None else video.audio
    batch = model.separate(video.frames[None], audio[None])
    served = {name: value[0] for name, value in batch.items()}
    outputs = served["outputs"]
    chosen = int(served["chosen"]) if "chosen" in served else None
    scores = served.get("scores", ())
    facts: list[str] = []
    captions: list[list[str]] = [[] for _ in outputs]
    if example.targets:
        facts, captions = _evaluate(example, outputs, chosen, model.control)
    elif chosen is not None:
        facts.append(f"the audio chooses O{chosen + 1}")
    if model.control.uses_audio and video.audio is None:
        facts.append("no audio: the choice is arbitrary")
    for i, score in enumerate(scores):
        captions[i].append(f"score {score:.3f}" if np.isfinite(score) else "score not finite")
    subject = f"{example.title}, {example.about}".rstrip(", ")
    return Entry(
        title=example.title,
        about=example.about,
        facts=facts,
        mixture=Video(
            video_uri(video.frames, clip, video.audio),
            alt=f"{subject}: input",
            has_audio=video.audio is not None,
        ),
        outputs=[
            Video(
                video_uri(frames, clip, video.audio if i == chosen else None),
                alt=f"{subject}: output {i + 1}" + (", chosen" if i == chosen else ""),
                symbol="O",
                index=i + 1,
                has_audio=i == chosen and video.audio is not None,
                captions=lines,
                chosen=i == chosen,
            )
            for i, (frames, lines) in enumerate(zip(outputs, captions, strict=True))
        ],
        targets=[
            Video(
                video_uri(target.frames, clip, target.audio),
                alt=f"{subject}: ground truth V{i}, {target.about}",
                symbol="V",
                index=i,
                has_audio=target.audio is not None,
                captions=[target.about] if target.about else [],
            )
            for i, target in enumerate(example.targets, start=1)
        ],
        scored=len(scores) > 0,
        compositions=_compositions(served),
        masks=_masks(served),
    )


def _distances(target: Footage, outputs: np.ndarray) -> np.ndarray:
    """Compute l(V, O_i) between a clip and outputs uint8 `[n, T, H, W, 3]`, float32 `[n]`."""
    return np.asarray(reconstruction(from_uint8(target.frames[None]), from_uint8(outputs[None])))[0]


def _evaluate(
    example: Example, outputs: np.ndarray, chosen: int | None, control: ControlMode
) -> tuple[list[str], list[list[str]]]:
    """Describe how good a separation is.

    Args:
        example: an example with targets.
        outputs: uint8 `[n, T, H, W, 3]`.
        chosen: index of the chosen output; None without control.
        control: the control mode, whose loss assigns outputs to V1 and V2.

    Returns:
        Facts about the example, and the captions of each output.
    """
    distances = to_v1, to_v2 = [_distances(target, outputs) for target in example.targets]
    captions: list[list[str]] = [[] for _ in to_v1]
    slots = [int(slot[0]) for slot in control.assignment().assign(to_v1[None], to_v2[None])]
    loss = 0.0
    for number, (slot, to_target) in enumerate(zip(slots, distances, strict=True), start=1):
        captions[slot].append(f"l(V{number}, O{slot + 1}) = {to_target[slot]:.3f}")
        loss += float(to_target[slot])
    facts = [_loss_fact(loss, example.identity_loss)]
    if chosen is not None:
        right = to_v1[chosen] < to_v2[chosen]
        verdict = "closer to V1: right" if right else "closer to V2: wrong"
        facts.append(f"the audio of V1 chooses O{chosen + 1}, {verdict}")
    return facts, captions


def _loss_fact(loss: float, identity: float) -> str:
    # Two equal clips leave nothing to separate.
    if identity <= 0:
        return f"loss {loss:.3f}, Identity's {identity:.3f}"
    return f"loss {loss:.3f}, {loss / identity:.2f} of Identity's {identity:.3f}"


def _compositions(served: Mapping[str, np.ndarray]) -> list[list[tuple[str, str]]]:
    if "layers" not in served:
        return []
    middle = served["layers"].shape[1] // 2
    layers = [image_uri(layer[middle]) for layer in served["layers"]]
    return [
        [(image_uri(beta[middle]), layer) for beta, layer in zip(betas, layers, strict=True)]
        for betas in served["coefficients"]
    ]


def _masks(served: Mapping[str, np.ndarray]) -> str | None:
    if "masks" not in served:
        return None
    masks = served["masks"]
    return image_uri(in_grid(masks[:, masks.shape[1] // 2], _MASK_COLUMNS))
