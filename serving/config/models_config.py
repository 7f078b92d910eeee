"""TensorFlow Serving's `models.config`: which versions of which models are loaded, and labels."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Self

from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig, ModelServerConfig

from data_prep import storage
from data_prep.errors import UserError

NAME = "models.config"
"""Name of the file, beside the models' folders."""

MOUNT = "/models"
"""Folder of the models in a container, unless they are in an object store."""

PLATFORM = "tensorflow"
"""The platform of every model."""

_HEAD = """\
# tensorflow_model_server --model_config_file: ModelServerConfig. `python -m serving promote` and
# `rollback` write this file; the servers read it again every few seconds.
"""


class ModelsConfig:
    """The models that servers load, each with its versions and labels.

    A version is loaded if a label points to it, or if it is named on its own.
    """

    def __init__(self, config: ModelServerConfig) -> None:
        """Wrap the proto, which is not copied."""
        self._config = config

    @classmethod
    def empty(cls) -> Self:
        """Return a configuration without models."""
        return cls(ModelServerConfig())

    @classmethod
    def single(cls, model: str, base_path: str) -> Self:
        """Return the configuration of one model, whose newest version is loaded.

        Args:
            model: its name in requests.
            base_path: the folder of its versions.
        """
        config = ModelServerConfig()
        config.model_config_list.config.add(
            name=model, base_path=base_path, model_platform=PLATFORM
        )
        return cls(config)

    @classmethod
    def read(cls, uri: str) -> Self:
        """Read a file.

        Raises:
            UserError: it is missing, or no ModelServerConfig in protobuf's text format.
        """
        text = storage.read_text(uri)
        try:
            return cls(text_format.Parse(text, ModelServerConfig()))
        except text_format.ParseError as error:
            raise UserError(
                f"{uri}: must be a ModelServerConfig in protobuf's text format: {error}"
            ) from error

    def write(self, uri: str) -> None:
        """Write a file, whole or not at all."""
        storage.write_text(uri, _HEAD + text_format.MessageToString(self._config))

    @property
    def entries(self) -> Sequence[ModelConfig]:
        """The models' protos, which must not be changed."""
        return self._config.model_config_list.config

    @property
    def models(self) -> list[str]:
        """Names of the models."""
        return [entry.name for entry in self.entries]

    def labels(self, model: str) -> dict[str, int]:
        """Return the labels of a model -> the versions that they point to.

        Raises:
            UserError: there is no such model.
        """
        return dict(self._find(self._config, model).version_labels)

    def base_path(self, model: str) -> str:
        """Return the folder of a model's versions, as the servers see it.

        Raises:
            UserError: there is no such model.
        """
        return self._find(self._config, model).base_path

    def with_model(self, model: str, base_path: str, labels: Mapping[str, int]) -> Self:
        """Return a copy that also has this model.

        Args:
            model: its name in requests.
            base_path: the folder of its versions, as the servers see it.
            labels: label -> version.
        """
        changed = self._copy()
        changed.model_config_list.config.add(
            name=model, base_path=base_path, model_platform=PLATFORM
        )
        return type(self)(changed).with_labels(model, labels)

    def with_labels(
        self, model: str, labels: Mapping[str, int], loaded: Iterable[int] = ()
    ) -> Self:
        """Return a copy in which a model has exactly these labels.

        Args:
            model: the model.
            labels: label -> version.
            loaded: versions to load that have no label.

        Raises:
            UserError: there is no such model.
        """
        changed = self._copy()
        entry = self._find(changed, model)
        entry.version_labels.clear()
        entry.version_labels.update(labels)
        entry.ClearField("model_version_policy")
        entry.model_version_policy.specific.versions.extend(sorted({*labels.values(), *loaded}))
        return type(self)(changed)

    def beside(self, folder: Path) -> Self:
        """Return a copy for a server outside of a container.

        Args:
            folder: stands for `MOUNT` in the base paths that this machine does not have.
        """
        changed = self._copy()
        for entry in changed.model_config_list.config:
            path = PurePosixPath(entry.base_path)
            if path.is_relative_to(MOUNT) and not Path(path).exists():
                entry.base_path = str(folder / path.relative_to(MOUNT))
        return type(self)(changed)

    def _copy(self) -> ModelServerConfig:
        copy = ModelServerConfig()
        copy.CopyFrom(self._config)
        return copy

    @staticmethod
    def _find(config: ModelServerConfig, model: str) -> ModelConfig:
        for entry in config.model_config_list.config:
            if entry.name == model:
                return entry
        known = ", ".join(entry.name for entry in config.model_config_list.config)
        raise UserError(f"model: must be one of {known or 'none'}, got {model}")
