"""The platforms that run compiled pipelines."""

from pipeline.cloud.cloud_platform import CloudPlatform
from pipeline.cloud.kubeflow_platform import KubeflowPlatform
from pipeline.cloud.vertex_platform import VertexPlatform

PLATFORMS: dict[str, CloudPlatform] = {
    platform.name: platform for platform in (VertexPlatform(), KubeflowPlatform())
}
