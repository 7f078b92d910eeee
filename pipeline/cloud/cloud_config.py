"""Settings of runs on Vertex AI Pipelines and Kubeflow Pipelines.

Whatever a name in them means, such as a type of GPU, is the platform's own; `pipeline.cloud.checks`
checks that the settings are complete for a platform.
"""

from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from components.training.job_config import TrainingJobConfig
from data_prep.settings import Settings

Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9_-]{0,62})$")]
"""A label's name or value, as Google Cloud takes it."""

DEFAULT_STAGE = "default"
"""Key of the machine of the stages that have no entry."""


class StageConfig(Settings):
    """The machine of one stage, and how often the stage is tried.

    Attributes:
        cpus: virtual CPUs.
        memory_gb: memory in GB.
        gpus: number of GPUs.
        gpu_type: their type, by the platform's name: `NVIDIA_L4` on Vertex AI, the name of the
            resource, `nvidia.com/gpu`, on Kubeflow.
        node_labels: labels that a node must have, on Kubeflow, for example
            `{cloud.google.com/gke-accelerator: nvidia-l4}`.
        spot: whether the nodes may be taken away, on Kubeflow on Google's clusters.
        retries: how often the stage is tried again after it failed.
        timeout_hours: the stage fails after so many hours, on Kubeflow.
    """

    cpus: float = Field(4, gt=0, le=1000)
    memory_gb: float = Field(16, gt=0, le=24_000)
    gpus: int = Field(0, ge=0, le=64)
    gpu_type: str = ""
    node_labels: dict[str, str] = Field(default_factory=dict)
    spot: bool = False
    retries: int = Field(2, ge=0, le=10)
    timeout_hours: float | None = Field(None, gt=0, le=24 * 30)


class DataflowConfig(Settings):
    """Dataflow, as the engine of the stages that Beam runs; the project and region are Vertex's.

    Attributes:
        image: image of the workers, which holds `data_prep` and `components`; that of the pipeline
            by default.
        machine_type: machines of the workers.
        max_workers: their largest number.
        disk_gb: their disks.
        public_ips: whether they have public addresses. Without, their subnetwork needs Private
            Google Access, or they cannot fetch the image.
        subnetwork: `regions/REGION/subnetworks/NAME`, which a shared network, or one without
            automatic subnetworks, needs.
    """

    image: str = ""
    machine_type: str = "n2-standard-8"
    max_workers: int = Field(16, ge=1, le=4000)
    disk_gb: int = Field(50, ge=30, le=65_536)
    public_ips: bool = False
    subnetwork: str = ""


class VertexConfig(Settings):
    """Vertex AI Pipelines.

    Attributes:
        project: Google Cloud's project.
        region: for example `us-central1`.
        service_account: account of the stages; by default the project's.
        network: network of the stages, `projects/NUMBER/global/networks/NAME`.
        encryption_key: key that encrypts what Vertex AI keeps,
            `projects/.../cryptoKeys/KEY`.
        endpoint: address of the API, if it isn't the region's public one, for example a private
            endpoint. One that begins with `http://` gets no credentials.
        training: the training job; None to train in the stage's container.
    """

    project: str = ""
    region: str = ""
    service_account: str = ""
    network: str = ""
    encryption_key: str = ""
    endpoint: str = ""
    training: TrainingJobConfig | None = None


class KubeflowConfig(Settings):
    """Kubeflow Pipelines.

    Attributes:
        endpoint: address of its API, for example `http://localhost:8888`. Credentials are those of
            the environment.
        namespace: namespace of the runs, in an installation for several users.
        experiment: name of the experiment that the runs belong to.
        service_account: Kubernetes' account of the stages.
    """

    endpoint: str = ""
    namespace: str = ""
    experiment: str = "layered-video"
    service_account: str = ""


class CloudConfig(Settings):
    """Where a compiled pipeline runs, and on what.

    Attributes:
        image: the container image that holds this package, with a tag that names a version or a
            digest.
        root: folder of everything that runs write, for example `gs://MY_BUCKET/layered-video`.
        videos: folder of the videos. Each run indexes it first.
        annotations: Kinetics' CSVs; found beside the videos by default.
        check_packets: whether a run only reads through new videos, in place of decoding them.
        serving: folder that models are pushed to, one subfolder per kind of task; `ROOT/serving` by
            default.
        labels: labels of the runs.
        stages: stage, or `default` -> its machine. An entry stands alone: it takes nothing from
            `default`.
        beam_args: options of the stages that Beam runs, for an engine other than Dataflow. By
            default they use all CPUs of their machine.
        dataflow: Dataflow, if these stages run there.
        vertex: settings of Vertex AI alone.
        kubeflow: settings of Kubeflow alone.
    """

    image: str = ""
    root: str = ""
    videos: str = ""
    annotations: tuple[str, ...] = ()
    check_packets: bool = False
    serving: str = ""
    labels: dict[Label, Label] = Field(default_factory=dict)
    stages: dict[str, StageConfig] = Field(default_factory=dict)
    beam_args: tuple[str, ...] = ()
    dataflow: DataflowConfig | None = None
    vertex: VertexConfig = VertexConfig()
    kubeflow: KubeflowConfig = KubeflowConfig()

    @field_validator("root", "videos", "serving")
    @classmethod
    def _without_slash(cls, uri: str) -> str:
        return uri.rstrip("/")

    def stage(self, name: str) -> StageConfig:
        """Return the machine of a stage."""
        default = self.stages.get(DEFAULT_STAGE, StageConfig())
        return self.stages.get(name, default)

    @property
    def manifests(self) -> str:
        """Folder of the manifests' spans."""
        return f"{self.root}/manifests"

    @property
    def models(self) -> str:
        """Folder that models are pushed to, one subfolder per kind of task."""
        return self.serving or f"{self.root}/serving"
