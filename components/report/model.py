"""A SavedModel's signatures, called with NumPy and answered with NumPy."""

import numpy as np
import tensorflow as tf

from data_prep.config import ClipConfig, load
from data_prep.errors import UserError


class ExportedModel:
    """A model that `models.export` wrote, here or on a remote store.

    Attributes:
        separates: whether it is a separator; else it classifies.
        hears: whether it takes a sound.
        deterministic: whether its first output is trained to be the wanted video.
    """

    def __init__(self, path: str):
        """Load it.

        Args:
            path: folder of the SavedModel.

        Raises:
            UserError: there is none, or none of this project's.
        """
        self._path = path
        try:
            self._model = tf.saved_model.load(path)
            self._inputs = self._signature("serving_default").structured_input_signature[1]
            shapes = self._signature("serving_default").structured_outputs
        except (OSError, KeyError, ValueError) as error:
            raise UserError(f"{path}: a SavedModel of this project is needed: {error}") from error
        self.separates = "outputs" in shapes
        self.hears = "sound" in self._inputs
        self.deterministic = self.hears and "scores" not in shapes

    def clip(self) -> ClipConfig:
        """Return the shape of the clips that it takes."""
        _, frames, height, width, _ = self._inputs["video"].shape
        told = {
            name: value[0].numpy().item()
            for name, value in self._signature("clip")(batch=tf.zeros(1, tf.int32)).items()
        }
        told["fps"] = round(told["fps"], 4)  # it is a float32, in which 29.97 is 29.9699993
        shape = {"frames": frames, "height": height, "width": width}
        return load(ClipConfig, {**shape, **told}, self._path)

    def separate(self, video: np.ndarray, sound: np.ndarray) -> dict[str, np.ndarray]:
        """Take one video apart.

        Args:
            video: uint8 `[T, H, W, 3]`.
            sound: float32 `[S]` in [-1, 1], the cue; left aside where the system does not hear.

        Returns:
            What `models.export.separate` returns, without the batch axis.
        """
        inputs = {"video": tf.constant(video[None])}
        if self.hears:
            inputs["sound"] = tf.constant(sound[None])
        result = self._signature("serving_default")(**inputs)
        return {name: value[0].numpy() for name, value in result.items()}

    def evaluate(self, records: np.ndarray) -> dict[str, np.ndarray]:
        """Compute the scalars of serialized records `[B]`, `[B]` each."""
        result = self._signature("evaluate")(examples=tf.constant(records))
        return {name: value.numpy() for name, value in result.items()}

    def _signature(self, name: str):
        return self._model.signatures[name]
