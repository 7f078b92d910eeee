"""Which versions in a model's folder are served, as `models.config` says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tensorflow_serving.config.model_server_config_pb2 import ModelConfig


class VersionPolicy(Protocol):
    """A choice of versions."""

    def choose(self, versions: Sequence[int]) -> list[int]:
        """Return the versions to serve.

        Args:
            versions: those that there are, newest first.
        """


@dataclass(frozen=True)
class LatestVersions:
    """The newest versions.

    Attributes:
        count: how many.
    """

    count: int = 1

    def choose(self, versions: Sequence[int]) -> list[int]:
        """Return the versions to serve; see `VersionPolicy`."""
        return list(versions[: self.count])


@dataclass(frozen=True)
class AllVersions:
    """Every version."""

    def choose(self, versions: Sequence[int]) -> list[int]:
        """Return the versions to serve; see `VersionPolicy`."""
        return list(versions)


@dataclass(frozen=True)
class SpecificVersions:
    """The versions of a list.

    Attributes:
        versions: the list; empty for no version at all.
    """

    versions: frozenset[int] = frozenset()

    def choose(self, versions: Sequence[int]) -> list[int]:
        """Return the versions to serve; see `VersionPolicy`."""
        return [version for version in versions if version in self.versions]


def read_policy(config: ModelConfig) -> VersionPolicy:
    """Return the policy of a model; without one, the newest version is served."""
    policy = config.model_version_policy
    match policy.WhichOneof("policy_choice"):
        case "all":
            return AllVersions()
        case "specific":
            return SpecificVersions(frozenset(policy.specific.versions))
        case _:
            return LatestVersions(max(policy.latest.num_versions, 1))
