"""A SavedModel of this project, called with NumPy and answered with NumPy."""

import numpy as np
import tensorflow as tf

from data_prep.config import clip_of_model
from data_prep.errors import UserError


class ExportedModel:
    """One version of a model, here or on a remote store, called as a server would call it.

    Attributes:
        separates: whether it is a separator; else it classifies.
        hears: whether it takes a sound.
        deterministic: whether its first output is trained to be the wanted video.
        clip: the shape of the clips that it takes.
    """

    def __init__(self, path: str):
        """Load it.

        Args:
            path: the version's folder, with its `saved_model.pb`.

        Raises:
            UserError: there is no SavedModel, or none of this project's.
        """
        try:
            # Kept, because its signatures only borrow its weights.
            self._model = tf.saved_model.load(path)
            serve = self._model.signatures["serving_default"]
            self._inputs = serve.structured_input_signature[1]
            told = self._model.signatures["clip"](batch=tf.zeros(1, tf.int32))
        except (OSError, KeyError) as error:
            raise UserError(
                f"{path}: must be the folder of one version of a model of this project: {error}"
            ) from error
        self.separates = "outputs" in serve.structured_outputs
        self.hears = "sound" in self._inputs
        self.deterministic = self.hears and "scores" not in serve.structured_outputs
        told = {name: value.numpy()[0].item() for name, value in told.items()}
        self.clip = clip_of_model(self._inputs["video"].shape, told, path)

    def separate(self, video: np.ndarray, sound: np.ndarray) -> dict[str, np.ndarray]:
        """Take videos apart.

        Args:
            video: uint8 `[B, T, H, W, 3]`.
            sound: float32 `[B, S]` in [-1, 1], the cue; left aside where the system does not hear.

        Returns:
            What `models.export.saved_model.separate` returns.
        """
        given = {"video": video, "sound": sound}
        return self._call("serving_default", **{name: given[name] for name in self._inputs})

    def classify(self, video: np.ndarray) -> list[str]:
        """Name the class of each of the videos uint8 `[B, T, H, W, 3]`."""
        return [label.decode() for label in self._call("serving_default", video=video)["label"]]

    def evaluate(self, records: np.ndarray) -> dict[str, np.ndarray]:
        """Compute the scalars of serialized records `[B]`, `[B]` each."""
        return self._call("evaluate", examples=records)

    def _call(self, signature: str, **inputs) -> dict[str, np.ndarray]:
        tensors = {name: tf.convert_to_tensor(value) for name, value in inputs.items()}
        result = self._model.signatures[signature](**tensors)
        return {name: value.numpy() for name, value in result.items()}
