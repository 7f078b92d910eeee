"""Settings of the served models, checked as TensorFlow Serving's server_core.cc does."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tensorflow_serving.config.model_server_config_pb2 import ModelConfig, ModelType

from data_prep.errors import StorageError
from data_prep.storage.uris import is_local, local_path
from serving.config.models_config import PLATFORM, ModelsConfig
from serving.server.errors import invalid
from serving.server.version_policy import VersionPolicy, read_policy


@dataclass(frozen=True)
class ModelSettings:
    """A model to serve.

    Attributes:
        name: its name in requests.
        folder: holds one folder per version.
        policy: chooses the versions to serve.
        labels: label -> version.
    """

    name: str
    folder: Path
    policy: VersionPolicy
    labels: Mapping[str, int]


def read_models(config: ModelsConfig) -> list[ModelSettings]:
    """Return the models of a configuration.

    Raises:
        StatusError: the configuration is one that TensorFlow Serving refuses, or a model is not on
            this machine.
    """
    models = [_read_model(entry) for entry in config.entries]
    for name, count in Counter(model.name for model in models).items():
        if count > 1:
            raise invalid(f"model {name}: must be listed once, got {count} entries")
    return models


def _read_model(entry: ModelConfig) -> ModelSettings:
    _require_platform(entry)
    folder = _folder(entry)
    return ModelSettings(entry.name, folder, read_policy(entry), dict(entry.version_labels))


def _folder(entry: ModelConfig) -> Path:
    """Return the folder of a model's versions.

    Raises:
        StatusError: its base path is not absolute, or not on this machine.
    """
    try:
        local, folder = is_local(entry.base_path), Path(local_path(entry.base_path))
    except StorageError as error:
        raise invalid(f"model {entry.name}: base_path: {error}") from error
    if not local or not folder.is_absolute():
        rule = "base_path must be an absolute path on this machine"
        raise invalid(f"model {entry.name}: {rule}, got {entry.base_path or 'none'}")
    return folder


def _require_platform(entry: ModelConfig) -> None:
    """Raise StatusError unless a model is TensorFlow's, said by the old field or by the new one."""
    old = "" if not entry.model_type else ModelType.Name(entry.model_type).lower()
    named = [platform for platform in (old, entry.model_platform) if platform]
    if named != [PLATFORM]:
        got = " and ".join(named) or "none"
        raise invalid(f"model {entry.name}: must have model_platform {PLATFORM}, got {got}")
