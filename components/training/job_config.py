"""Settings of a training job of Vertex AI, which the stage Trainer starts and waits for.

Public names: `TrainingJobConfig`, what a user sets, and `TrainingJob`, which travels in the
Trainer's `custom_config`.
"""

from pydantic import Field

from data_prep.settings import Settings

_HOUR = 3600


class TrainingJobConfig(Settings):
    """A training job of Vertex AI, which the stage Trainer starts and waits for.

    Without it, training happens in the container of the stage itself. A job has several workers,
    cheaper machines that may be taken away, and a choice of GPUs, which a stage cannot have.

    Attributes:
        machine_type: machines of the workers.
        gpus: GPUs of each machine.
        gpu_types: their types, by Vertex AI's names. If there are none of the first type, the next
            one is tried.
        machine_types: type of GPU -> its machines, where they differ from `machine_type`.
        workers: machines that train together.
        spot: whether they may be taken away; training goes on from its last checkpoint.
        retries: how often a job is started again after it failed.
        timeout_hours: the job fails after so many hours.
        wait_hours: how long a job waits for machines before the next type is tried.
        disk_gb: disks of the machines.
    """

    machine_type: str = "a2-highgpu-1g"
    gpus: int = Field(1, ge=0, le=16)
    gpu_types: tuple[str, ...] = ("NVIDIA_TESLA_A100",)
    machine_types: dict[str, str] = Field(default_factory=dict)
    workers: int = Field(1, ge=1, le=64)
    spot: bool = False
    retries: int = Field(2, ge=0, le=10)
    timeout_hours: float = Field(7 * 24, gt=0, le=28 * 24)
    wait_hours: float = Field(1, gt=0, le=7 * 24)
    disk_gb: int = Field(200, ge=100, le=64_000)

    @property
    def choices(self) -> tuple[str, ...]:
        """Types of GPU in the order in which they are tried; an empty name for machines without."""
        return self.gpu_types if self.gpus else ("",)

    def machine(self, gpu_type: str) -> str:
        """Return the machines that have GPUs of a type."""
        return self.machine_types.get(gpu_type, self.machine_type)


class TrainingJob(Settings):
    """What the stage Trainer needs to start its job.

    Attributes:
        config: the job's machines.
        project: Google Cloud's project.
        region: for example `us-central1`.
        image: container image of the workers, that of the stage itself.
        endpoint: address of the API, if it isn't the region's public one.
        service_account: account of the workers; by default the project's.
        network: network of the workers.
        encryption_key: key that encrypts what Vertex AI keeps.
        labels: labels of the job.
        seconds_between_polls: time between two questions for the job's state.
    """

    config: TrainingJobConfig
    project: str
    region: str
    image: str
    endpoint: str = ""
    service_account: str = ""
    network: str = ""
    encryption_key: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    seconds_between_polls: float = Field(30, gt=0, le=_HOUR)

    @property
    def parent(self) -> str:
        """Resource name of the project and region."""
        return f"projects/{self.project}/locations/{self.region}"

    @property
    def address(self) -> str:
        """Address of the API."""
        return self.endpoint or f"https://{self.region}-aiplatform.googleapis.com"
