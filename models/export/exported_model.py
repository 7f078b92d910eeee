"""A SavedModel of this project, called with NumPy arrays and returning NumPy arrays."""

import numpy as np
import tensorflow as tf

from data_prep import storage
from data_prep.config import clip_of_model
from data_prep.errors import UserError
from models.control import get_control_mode
from models.systems import get_system
from models.tasks.task import Task


class ExportedModel:
    """One version of an exported model, called as a server would call it.

    Attributes:
        system: the system, by the name that the model describes itself with.
        control: its control mode.
        clip: the shape of the clips that it takes.
    """

    def __init__(self, path: str) -> None:
        """Load a model.

        Args:
            path: the version's folder, which holds `saved_model.pb`; local or remote.

        Raises:
            UserError: the folder holds no SavedModel of this project, or its system is unknown.
        """
        try:
            # Kept alive, because its signatures only borrow its weights.
            with storage.without_wildcards(path) as folder:
                self._model = tf.saved_model.load(folder)
            serve = self._model.signatures["serving_default"]
            self._inputs = serve.structured_input_signature[1]
            description = self._model.signatures["description"](batch=tf.zeros(1, tf.int32))
        except (OSError, KeyError, tf.errors.OpError) as error:
            raise UserError(
                f"{path}: must be the folder of one version of a model of this project: {error}"
            ) from error
        values = {name: value.numpy()[0] for name, value in description.items()}
        self.system = get_system(values["system"].decode())
        self.control = get_control_mode(values["control"].decode())
        clip = {name: values[name].item() for name in ("fps", "sample_rate", "short_side")}
        self.clip = clip_of_model(self._inputs["video"].shape, clip, path)

    @property
    def task(self) -> Task:
        """The system's task."""
        return self.system.task

    def separate(self, video: np.ndarray, audio: np.ndarray) -> dict[str, np.ndarray]:
        """Separate videos into layers.

        Args:
            video: uint8 `[B, T, H, W, 3]`.
            audio: float32 `[B, S]` in [-1, 1], the target clips' audio; ignored if the system does
                not use audio.

        Returns:
            What `models.tasks.separator.Separator.serve` returns.
        """
        given = {"video": video, "audio": audio}
        return self._call("serving_default", {name: given[name] for name in self._inputs})

    def classify(self, video: np.ndarray) -> list[str]:
        """Return the class of each of the videos, uint8 `[B, T, H, W, 3]`."""
        return [
            label.decode() for label in self._call("serving_default", {"video": video})["label"]
        ]

    def evaluate(self, records: np.ndarray) -> dict[str, np.ndarray]:
        """Compute the scalars of serialized records `[B]`, float32 `[B]` each."""
        return self._call("evaluate", {"examples": records})

    def _call(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        tensors = {name: tf.convert_to_tensor(value) for name, value in inputs.items()}
        result = self._model.signatures[signature](**tensors)
        return {name: value.numpy() for name, value in result.items()}
