"""Description of a served model, as its signature `description` gives it."""

from collections.abc import Mapping, Sequence

import numpy as np

from data_prep.config import ClipConfig, clip_of_model
from data_prep.settings import Settings, load


class ModelDescription(Settings):
    """Facts about a model that the shapes of its inputs do not show.

    Attributes:
        kind: kind of its task; models of one kind can replace each other behind a server.
        system: name of the system that was trained.
        control: name of the mode in which audio selects an output.
        uses_audio: whether the audio of the target clip is an input.
        clip: shape of the clips that it takes.
    """

    kind: str
    system: str
    control: str
    uses_audio: bool
    clip: ClipConfig


class _Outputs(Settings):
    kind: str
    system: str
    control: str
    uses_audio: bool
    fps: float
    sample_rate: int
    short_side: int


def read_description(
    video: Sequence[int | None], outputs: Mapping[str, np.ndarray], where: str
) -> ModelDescription:
    """Read the outputs of the signature `description`.

    Args:
        video: shape of the model's input `video`, `[B, T, H, W, 3]`.
        outputs: name -> array `[1]`; strings are bytes. Unknown names are ignored, because newer
            models may say more.
        where: which model; error messages begin with it.

    Raises:
        UserError: an output is missing, or the values describe no valid clip.
    """
    known = {name: outputs[name][0] for name in _Outputs.model_fields if name in outputs}
    values = load(_Outputs, {name: _plain(value) for name, value in known.items()}, where)
    rates = values.model_dump(include={"fps", "sample_rate", "short_side"})
    return ModelDescription(
        kind=values.kind,
        system=values.system,
        control=values.control,
        uses_audio=values.uses_audio,
        clip=clip_of_model(video, rates, where),
    )


def _plain(value: np.generic | bytes) -> bool | int | float | str:
    return value.decode() if isinstance(value, bytes) else value.item()
