"""Checks that the settings of a cloud run are complete, before anything is compiled or sent."""

from data_prep.errors import UserError
from data_prep.stack import check_tensorflow_store
from pipeline.cloud.cloud_config import CloudConfig
from pipeline.cloud.cron import check_cron, check_timezone
from pipeline.cloud.machine_checks import (
    check_machine_types,
    check_stages,
    check_stages_for_kubeflow,
    check_stages_for_vertex,
    check_training_devices,
    check_training_job,
)
from pipeline.cloud.rules import (
    ACCOUNT,
    ENCRYPTION_KEY,
    KUBERNETES_NAME,
    NETWORK,
    PROJECT,
    REGION,
    check_endpoint,
    check_image,
    check_labels,
    check_uri,
    require,
    require_form,
)
from pipeline.cloud.stage_names import TRAINER
from pipeline.config import PipelineConfig

__all__ = [
    "check_cron",
    "check_for_kubeflow",
    "check_for_vertex",
    "check_kubeflow_connection",
    "check_timezone",
    "check_vertex_connection",
]

_GOOGLE = ("gs",)
_OF_KUBEFLOW = ("gs", "s3")
"""Stores that both Kubeflow's launcher and the stages know."""


def check_for_vertex(config: PipelineConfig) -> None:
    """Check that the settings are complete for a pipeline that Vertex AI Pipelines can run.

    A file can be compiled without the project that will run it, see `check_vertex_connection`.

    Raises:
        UserError: they aren't; the message names the first wrong setting.
    """
    cloud = config.cloud
    _check_uris(config, _GOOGLE)
    _check_common(config)
    check_stages_for_vertex(cloud.stages)
    vertex = cloud.vertex
    account = "a service account's address"
    require_form("cloud.vertex.service_account", vertex.service_account, ACCOUNT, account)
    network = "projects/NUMBER/global/networks/NAME"
    require_form("cloud.vertex.network", vertex.network, NETWORK, network)
    _check_encryption_key(cloud)
    if vertex.training:
        _check_project(cloud)
        check_training_job(vertex.training)
        if gpus := cloud.stage(TRAINER).gpus:
            raise UserError(
                "cloud.stages.Trainer.gpus: must be 0 with cloud.vertex.training, whose machines "
                f"train, got {gpus}"
            )
    check_training_devices(config, vertex.training)


def check_for_kubeflow(config: PipelineConfig) -> None:
    """Check that the settings are complete for Kubeflow Pipelines.

    Raises:
        UserError: they aren't; the message names the first wrong setting.
    """
    cloud = config.cloud
    _check_uris(config, _GOOGLE if cloud.dataflow else _OF_KUBEFLOW)
    _check_common(config)
    check_stages_for_kubeflow(cloud.stages)
    training = cloud.vertex.training
    if training and training.gpus and not cloud.stage(TRAINER).gpus:
        raise UserError(
            "cloud.stages.Trainer.gpus: must be at least 1 on Kubeflow, which has no "
            "cloud.vertex.training, got 0"
        )
    check_training_devices(config, None)
    kubeflow = cloud.kubeflow
    require("cloud.kubeflow.experiment", kubeflow.experiment, "a name")
    for key in ("namespace", "service_account"):
        value = getattr(kubeflow, key)
        require_form(f"cloud.kubeflow.{key}", value, KUBERNETES_NAME, "a Kubernetes name")


def check_vertex_connection(cloud: CloudConfig) -> None:
    """Check the settings that say where Vertex AI's API is.

    Raises:
        UserError: the project or the region is missing or cannot be right.
    """
    vertex = cloud.vertex
    _check_project(cloud)
    if vertex.endpoint:
        rule = "an address such as https://us-central1-aiplatform.googleapis.com"
        check_endpoint("cloud.vertex.endpoint", vertex.endpoint, rule)


def check_kubeflow_connection(cloud: CloudConfig) -> None:
    """Check the settings that say where the API of Kubeflow Pipelines is.

    Raises:
        UserError: the endpoint is missing or is no address.
    """
    rule = "the address of the API, such as http://localhost:8888"
    check_endpoint("cloud.kubeflow.endpoint", cloud.kubeflow.endpoint, rule)


def _check_common(config: PipelineConfig) -> None:
    cloud = config.cloud
    for analysis, _ in config.applicable_analyses:
        if config.mixtures and analysis.reads_videos:
            raise UserError(
                f"analyses.{analysis.name}: must be left out with mixtures of another run, whose "
                "videos it would read"
            )
    check_image("cloud.image", cloud.image)
    check_labels(cloud.labels)
    check_stages(cloud.stages)
    if cloud.beam_args:
        from data_prep.beam_options import check_options  # loads Beam

        check_options(cloud.beam_args)
    if cloud.dataflow:
        _check_dataflow(cloud)


def _check_uris(config: PipelineConfig, root_schemes: tuple[str, ...]) -> None:
    cloud = config.cloud
    check_uri("cloud.root", cloud.root, root_schemes)
    if config.mixtures:
        check_uri("mixtures", config.mixtures)
    else:
        check_uri("cloud.videos", cloud.videos)
    for uri in cloud.annotations:
        check_uri("cloud.annotations", uri)
    if cloud.serving:
        check_uri("cloud.serving", cloud.serving)
    stores = {"cloud.root": cloud.root, "mixtures": config.mixtures, "cloud.serving": cloud.serving}
    for key, uri in stores.items():
        check_tensorflow_store(key, uri)


def _check_dataflow(cloud: CloudConfig) -> None:
    dataflow = cloud.dataflow
    assert dataflow is not None
    _check_project(cloud)
    if dataflow.image:
        check_image("cloud.dataflow.image", dataflow.image)
    check_machine_types({"cloud.dataflow.machine_type": dataflow.machine_type})
    if any(argument.startswith("--runner") for argument in cloud.beam_args):
        raise UserError("cloud.beam_args: must name no runner with cloud.dataflow, got --runner")


def _check_project(cloud: CloudConfig) -> None:
    """Check Google Cloud's project and region, which Dataflow needs on any platform."""
    project, region = "cloud.vertex.project", "cloud.vertex.region"
    rule = "the ID of a Google Cloud project"
    require(project, cloud.vertex.project, rule)
    require_form(project, cloud.vertex.project, PROJECT, rule)
    rule = "a Google Cloud region such as us-central1"
    require(region, cloud.vertex.region, rule)
    require_form(region, cloud.vertex.region, REGION, rule)


def _check_encryption_key(cloud: CloudConfig) -> None:
    key, region = cloud.vertex.encryption_key, cloud.vertex.region
    rule = "projects/P/locations/REGION/keyRings/R/cryptoKeys/K"
    require_form("cloud.vertex.encryption_key", key, ENCRYPTION_KEY, rule)
    match = ENCRYPTION_KEY.fullmatch(key)
    if match and match["region"] != region:
        raise UserError(f"cloud.vertex.encryption_key: must be in {region}, got {match['region']}")
