"""A pushed separator, called as a server would call it."""

import math

import tensorflow as tf

from data_prep.config import ClipConfig
from data_prep.errors import UserError


class PushedSeparator:
    """One version of a separator, for mixtures of one shape.

    A call takes `mixture`, uint8 `[B, T, H, W, 3]`, and `sound`, V1's, float32 `[B, S]` in
    [-1, 1], which is given to a separator that hears; it returns the outputs, uint8
    `[B, n, T, H, W, 3]`.
    """

    def __init__(self, name: str, folder: str, clip: ClipConfig):
        """Load it.

        Args:
            name: what the settings call it.
            folder: the version's folder, with its `saved_model.pb`, here or remote.
            clip: the shape of the mixtures.

        Raises:
            UserError: the folder holds no separator, or one for clips of another shape.
        """
        where = f"separators.{name}: {folder}"
        try:
            # Kept, because its signatures only borrow its weights.
            self._model = tf.saved_model.load(folder)
        except OSError as error:
            raise UserError(
                f"{where}: must be the folder of one version of a pushed model: {error}"
            ) from error
        signatures = self._model.signatures
        if not {"serving_default", "clip"} <= set(signatures):
            found = ", ".join(sorted(signatures))
            raise UserError(f"{where}: must have serving_default and clip, received {found}")
        self._serve = signatures["serving_default"]
        if "outputs" not in self._serve.structured_outputs:
            found = ", ".join(sorted(self._serve.structured_outputs))
            raise UserError(f"{where}: a separator must give outputs, received {found}")
        self._inputs = self._serve.structured_input_signature[1]
        self._check(where, clip)

    def __call__(self, mixture: tf.Tensor, sound: tf.Tensor) -> tf.Tensor:
        """Separate mixtures."""
        given = {"video": mixture, "sound": sound}
        return self._serve(**{name: given[name] for name in self._inputs})["outputs"]

    def _check(self, where: str, clip: ClipConfig) -> None:
        _, frames, height, width, _ = self._inputs["video"].shape
        told = self._model.signatures["clip"](batch=tf.zeros([1], tf.int32))
        own = {"frames": frames, "height": height, "width": width}
        own |= {key: value.numpy()[0].item() for key, value in told.items()}
        asked = clip.model_dump()
        if "sound" not in self._inputs:
            del asked["sample_rate"]  # which is nothing to a separator that does not hear
        if not all(math.isclose(asked[key], own[key], rel_tol=1e-6) for key in asked):
            raise UserError(
                f"{where}: a separator must take the records' clips, {_describe(asked)}: "
                f"received one of {_describe({key: own[key] for key in asked})}"
            )


def _describe(clip: dict) -> str:
    text = (
        f"{clip['frames']} frames of {clip['height']}x{clip['width']} at {clip['fps']:g} fps, "
        f"short side {clip['short_side']}"
    )
    return f"{text}, sound at {clip['sample_rate']} Hz" if "sample_rate" in clip else text
