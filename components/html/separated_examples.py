"""Mixtures taken apart, as entries of a page: what went in, what came out, what is true."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from components.html.data_uris import in_grid, picture_uri, video_uri
from components.html.pages import Entry, Shown
from data_prep.config import ClipConfig
from data_prep.mixing.compose import compose
from data_prep.mixing.pairing import MIXTURE_TYPES
from data_prep.records.record import decode
from models.export.exported_model import ExportedModel
from models.losses.assignment import (
    DeterministicControlLoss,
    PermutationInvariantLoss,
    reconstruction,
)
from models.tasks.separation import from_uint8, identity_loss

_BATCH = 32
_MASK_COLUMNS = 8


@dataclass(frozen=True, eq=False)
class Footage:
    """A clip with what is known about it.

    Attributes:
        frames: uint8 `[T, H, W, 3]`.
        sound: float32 `[S]` in [-1, 1]; None where it has none.
        about: what it shows, in words.
    """

    frames: np.ndarray
    sound: np.ndarray | None
    about: str = ""


@dataclass(frozen=True, eq=False)
class Example:
    """A video to take apart.

    Attributes:
        title: its heading.
        about: what it is, in words.
        video: the mixture, with the sound that says what is wanted.
        truths: V1 and V2, or nothing for a video that was never mixed.
        identity_loss: of the mixture; None without truths.
    """

    title: str
    about: str
    video: Footage
    truths: tuple[Footage, ...] = ()
    identity_loss: float | None = None


def pick(ratios: Sequence[float]) -> list[tuple[str, int]]:
    """Pick the best, the median and the worst: (name, place), each place at most once."""
    order = np.argsort(ratios, kind="stable").tolist()
    if not order:
        return []
    places = [("best", order[0]), ("median", order[(len(order) - 1) // 2]), ("worst", order[-1])]
    if len(order) < 3:
        places = [places[0], places[-1]][: len(order)]
    return places


def held_out(
    model: ExportedModel, files: list[str], clip: ClipConfig, *, limit: int
) -> dict[str, list[Entry]]:
    """Show the best, the median and the worst mixture of each type, by loss over Identity's.

    Args:
        model: a separator.
        files: TFRecord files of held-out mixtures.
        clip: the shape of their clips.
        limit: so many of them are looked at, the first.

    Returns:
        mixture type -> entries.
    """
    records = tf.data.TFRecordDataset(files).take(limit)
    parts, types = [], []
    for batch in records.batch(_BATCH).as_numpy_iterator():
        scalars = model.evaluate(batch)
        with np.errstate(divide="ignore", invalid="ignore"):
            parts.append(scalars["loss"] / scalars["identity_loss"])
        types += [_text(serialized, "mixture_type") for serialized in batch]
    ratios = np.concatenate(parts)
    picked = {}
    for name in MIXTURE_TYPES:
        # Of two equal clips Identity's loss is 0: they are neither well nor badly separated.
        places = [
            place
            for place, found in enumerate(types)
            if found == name and np.isfinite(ratios[place])
        ]
        picked[name] = [(title, places[i]) for title, i in pick(ratios[places])]
    wanted = {place for chosen in picked.values() for _, place in chosen}
    values = {
        place: decode(serialized, clip)
        for place, serialized in enumerate(records.as_numpy_iterator())
        if place in wanted
    }
    return {
        name: [take_apart(model, clip, example_of(values[place], title)) for title, place in chosen]
        for name, chosen in picked.items()
        if chosen
    }


def example_of(values: dict, title: str) -> Example:
    """Make an example of a record.

    Args:
        values: what `data_prep.records.record.decode` gives.
        title: its heading.
    """
    v1, v2 = (
        Footage(
            values[name],
            values[f"sound{name[1]}"] if values[f"{name}_has_sound"] else None,
            ", ".join(filter(None, (values[f"{name}_label"], values[f"{name}_id"]))),
        )
        for name in ("v1", "v2")
    )
    mixed = compose(v1.frames.astype(np.float32), v2.frames.astype(np.float32), values["alpha"])
    mixture = Footage(np.round(mixed).astype(np.uint8), v1.sound)
    batch = {name: values[name][None] for name in ("v1", "v2", "alpha")}
    about = f"{values['mixture_type']} {values['mixture_id']}"
    return Example(title, about, mixture, (v1, v2), float(identity_loss(batch)[0]))


def distances(truth: Footage, outputs: np.ndarray) -> np.ndarray:
    """Compute l(V, O_i) of one truth and outputs uint8 `[n, T, H, W, 3]`: `[n]`."""
    return np.asarray(reconstruction(from_uint8(truth.frames[None]), from_uint8(outputs[None])))[0]


def take_apart(model: ExportedModel, clip: ClipConfig, example: Example) -> Entry:
    """Have a model take an example apart, and make what it gives ready to be shown."""
    video = example.video
    silence = np.zeros(clip.samples, np.float32)
    sound = silence if video.sound is None else video.sound
    batch = model.separate(video.frames[None], sound[None])
    given = {name: value[0] for name, value in batch.items()}
    outputs = given["outputs"]
    chosen = int(given["chosen"]) if "chosen" in given else None
    lines: list[list[str]] = [[] for _ in outputs]
    facts = []
    if example.truths:
        to_truths = [distances(truth, outputs) for truth in example.truths]
        slots = _assign(*to_truths, deterministic=model.deterministic)
        for number, (slot, to_truth) in enumerate(zip(slots, to_truths, strict=True), start=1):
            lines[slot].append(f"l(V{number}, O{slot + 1}) = {to_truth[slot]:.3f}")
        loss = sum(float(to_truth[slot]) for slot, to_truth in zip(slots, to_truths, strict=True))
        against = f"Identity's {example.identity_loss:.3f}"
        # Two equal clips leave nothing to separate.
        if example.identity_loss > 0:
            against = f"{loss / example.identity_loss:.2f} of {against}"
        facts.append(f"loss {loss:.3f}, {against}")
        if chosen is not None:
            right = to_truths[0][chosen] < to_truths[1][chosen]
            verdict = "nearer to V1: right" if right else "nearer to V2: wrong"
            facts.append(f"V1's sound chooses O{chosen + 1}, {verdict}")
    elif chosen is not None:
        facts.append(f"its sound chooses O{chosen + 1}")
    if model.hears and video.sound is None:
        facts.append("without sound: the choice means little")
    if "scores" in given:
        for own, score in zip(lines, given["scores"], strict=True):
            own.append(f"score {score:.3f}")
    subject = f"{example.title}, {example.about}".rstrip(", ")
    return Entry(
        title=example.title,
        about=example.about,
        facts=facts,
        mixture=Shown(
            *("", 0, video_uri(video.frames, clip, video.sound)),
            alt=f"{subject}: the video that is taken apart",
            sounds=video.sound is not None,
        ),
        outputs=[
            Shown(
                *("O", i + 1, video_uri(frames, clip, video.sound if i == chosen else None)),
                alt=f"{subject}: output {i + 1}" + (", chosen" if i == chosen else ""),
                sounds=i == chosen and video.sound is not None,
                lines=tuple(own),
                chosen=i == chosen,
            )
            for i, (frames, own) in enumerate(zip(outputs, lines, strict=True))
        ],
        truths=[
            Shown(
                *("V", i, video_uri(truth.frames, clip, truth.sound)),
                alt=f"{subject}: truth V{i}, {truth.about}",
                sounds=truth.sound is not None,
                lines=(truth.about,) if truth.about else (),
            )
            for i, truth in enumerate(example.truths, start=1)
        ],
        scored="scores" in given,
        compositions=_compositions(given),
        masks=_masks(given),
    )


def _assign(to_v1: np.ndarray, to_v2: np.ndarray, *, deterministic: bool) -> tuple[int, int]:
    """Return the outputs that stand for V1 and V2, by the system's own loss."""
    loss = DeterministicControlLoss() if deterministic else PermutationInvariantLoss()
    first, second = loss.assign(to_v1[None], to_v2[None])
    return int(first[0]), int(second[0])


def _compositions(given: dict) -> list[list[tuple[str, str]]]:
    if "layers" not in given:
        return []
    middle = given["layers"].shape[1] // 2
    layers = [picture_uri(layer[middle]) for layer in given["layers"]]
    return [
        [(picture_uri(beta[middle]), layer) for beta, layer in zip(betas, layers, strict=True)]
        for betas in given["coefficients"]
    ]


def _masks(given: dict) -> str | None:
    if "masks" not in given:
        return None
    masks = given["masks"]
    return picture_uri(in_grid(masks[:, masks.shape[1] // 2], _MASK_COLUMNS))


def _text(serialized: bytes, key: str) -> str:
    features = tf.train.Example.FromString(serialized).features.feature
    return features[key].bytes_list.value[0].decode()
