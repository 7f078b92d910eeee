"""Settings of a deployment of TensorFlow Serving."""

from importlib.metadata import version

from pydantic import Field

from data_prep.settings import Settings


class BatchingSettings(Settings):
    """How requests are joined into batches.

    A clip of the published size keeps a CPU busy on its own, so batches stay small; they pay off
    on a GPU.

    Attributes:
        max_batch_size: most clips in a batch; a larger request is refused.
        timeout_micros: microseconds that a request waits for others to fill its batch.
        threads: batches that are computed at the same time.
        max_enqueued_batches: batches that wait for a thread; further requests are refused.
    """

    max_batch_size: int = Field(4, ge=1, le=1024)
    timeout_micros: int = Field(5_000, ge=0, le=60_000_000)
    threads: int = Field(2, ge=1, le=256)
    max_enqueued_batches: int = Field(16, ge=1, le=10_000)

    @property
    def allowed_batch_sizes(self) -> list[int]:
        """Sizes that batches are padded to: powers of two, and the largest size at the end."""
        powers = [2**n for n in range(self.max_batch_size.bit_length())]
        return [*(size for size in powers if size < self.max_batch_size), self.max_batch_size]


class DeploymentSettings(Settings):
    """A deployment of TensorFlow Serving, in Docker or in Kubernetes.

    Attributes:
        name: name of the objects in Kubernetes.
        image: repository of the container image; its tag is the release that goes with the
            installed TensorFlow.
        gpus: GPUs of each server; 0 for the image without CUDA.
        cpus: CPU cores of each server.
        memory_gib: memory of each server in GiB. Up to three versions are loaded at a time.
        replicas: servers in Kubernetes.
        poll_seconds: seconds between two looks at `models.config`.
        drain_seconds: seconds that a server in Kubernetes keeps answering after it was told to end.
        claim: the persistent volume claim in Kubernetes that holds the models, unless they are in
            an object store.
        batching: how requests are joined into batches.
    """

    name: str = Field("layered-video", pattern=r"^[a-z]([a-z0-9-]{0,40}[a-z0-9])?$")
    image: str = Field("tensorflow/serving", pattern=r"^[\w./:-]+$")
    gpus: int = Field(0, ge=0, le=16)
    cpus: int = Field(4, ge=1, le=256)
    memory_gib: int = Field(8, ge=1, le=4096)
    replicas: int = Field(2, ge=1, le=1000)
    poll_seconds: int = Field(10, ge=1, le=3600)
    drain_seconds: int = Field(60, ge=10, le=3600)
    claim: str = Field("models", pattern=r"^[a-z0-9]([a-z0-9.-]{0,200}[a-z0-9])?$")
    batching: BatchingSettings = BatchingSettings()

    @property
    def tagged_image(self) -> str:
        """The image with its tag."""
        return f"{self.image}:{version('tensorflow-serving-api')}{'-gpu' if self.gpus else ''}"
