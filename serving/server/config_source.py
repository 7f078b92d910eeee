"""Where the server's configuration comes from: one model, or a file that is read again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from serving.config.models_config import ModelsConfig


class ConfigSource(Protocol):
    """Configuration of the served models."""

    def read(self) -> ModelsConfig:
        """Return the configuration at the start.

        Raises:
            UserError: it cannot be read.
        """

    def poll(self) -> ModelsConfig | None:
        """Return the configuration to follow now; None to keep the last one.

        Raises:
            UserError: it cannot be read.
        """


@dataclass(frozen=True)
class SingleModel:
    """The newest version of one model.

    Attributes:
        name: the model's name in requests.
        folder: holds one folder per version.
    """

    name: str
    folder: Path

    def read(self) -> ModelsConfig:
        """Return the configuration at the start; see `ConfigSource`."""
        return ModelsConfig.single(self.name, str(self.folder))

    def poll(self) -> None:
        """Keep the last configuration, which a HandleReloadConfigRequest may have replaced."""


@dataclass(frozen=True)
class ConfigFile:
    """A `models.config`, which `configure`, `promote` and `rollback` write.

    Attributes:
        path: the file.
    """

    path: Path

    def read(self) -> ModelsConfig:
        """Return the configuration at the start; see `ConfigSource`."""
        return ModelsConfig.read(str(self.path)).beside(self.path.parent)

    def poll(self) -> ModelsConfig:
        """Return the configuration to follow now; see `ConfigSource`."""
        return self.read()
