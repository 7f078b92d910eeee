"""The platforms that run compiled pipelines."""

from data_prep.errors import UserError
from pipeline.cloud.cloud_platform import CloudPlatform
from pipeline.cloud.kubeflow_platform import KubeflowPlatform
from pipeline.cloud.vertex_platform import VertexPlatform

PLATFORMS: dict[str, CloudPlatform] = {
    platform.name: platform for platform in (VertexPlatform(), KubeflowPlatform())
}


def get_platform(name: str) -> CloudPlatform:
    """Return the platform of a name.

    Raises:
        UserError: there is no such platform.
    """
    if name not in PLATFORMS:
        raise UserError(f"target: must be one of {', '.join(PLATFORMS)}, got {name!r}")
    return PLATFORMS[name]
