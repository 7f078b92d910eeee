"""The files of a deployment of TensorFlow Serving: what the servers read, and how they are run."""

import hashlib

from jinja2 import Environment, PackageLoader, StrictUndefined

from data_prep import storage
from data_prep.errors import UserError
from serving.config.deployment import BatchingSettings, DeploymentSettings
from serving.config.labels import CANARY, STABLE
from serving.config.models_config import MOUNT, NAME, ModelsConfig
from serving.versions import MODEL_FILES, parse_version

_CONFIG = "/config"
_METRICS = "/monitoring/prometheus/metrics"
_BATCHING, _MONITORING = "batching_parameters.txt", "monitoring_config.txt"


def write_models_config(models: str) -> ModelsConfig:
    """Write `models.config` into the folder of the models, or add what is new to the one there.

    A new model gets its newest version as `stable` and as `canary`. The labels of models that the
    file names already stay.

    Args:
        models: folder with one folder per model, which holds its versions, as the pipeline pushes
            them; on this machine or in an object store.

    Raises:
        UserError: the folder holds no model, or the file there cannot be read.
    """
    newest = _newest_versions(models)
    if not newest:
        raise UserError(f"{models}: must hold at least one model, MODEL/VERSION/saved_model.pb")
    uri = storage.join(models, NAME)
    with storage.lease(models) as require_held:
        config = ModelsConfig.read(uri) if storage.exists(uri) else ModelsConfig.empty()
        for model in sorted(newest.keys() - {*config.models}):
            labels = dict.fromkeys((STABLE, CANARY), newest[model])
            config = config.with_model(model, storage.join(_seen(models), model), labels)
        require_held()
        config.write(uri)
    return config


def write_deployment(models: str, settings: DeploymentSettings, output: str) -> list[str]:
    """Write the files that run TensorFlow Serving on a folder of models.

    Args:
        models: the folder, which holds `models.config`.
        settings: the deployment.
        output: folder of the files; files of the same names are replaced.

    Returns:
        The files' URIs.
    """
    texts = {
        _BATCHING: batching_parameters(settings.batching),
        _MONITORING: monitoring_config(),
    }
    values = {
        "settings": settings,
        "flags": server_flags(models, settings),
        "files": texts,
        "digest": hashlib.sha256("".join(texts.values()).encode()).hexdigest()[:16],
        "metrics": _METRICS,
        "mount": MOUNT if storage.is_local(models) else None,
        "models": storage.absolute(models),
        "config": _CONFIG,
    }
    templates = Environment(
        loader=PackageLoader("serving.config"),
        undefined=StrictUndefined,
        autoescape=False,  # YAML, of settings whose characters are limited
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for name in ("compose.yaml", "kubernetes.yaml"):
        texts[name] = templates.get_template(f"{name}.jinja").render(values)
    uris = {storage.join(output, name): text for name, text in texts.items()}
    for uri, text in uris.items():
        storage.write_text(uri, text)
    return list(uris)


def batching_parameters(batching: BatchingSettings) -> str:
    """Return `batching_parameters.txt`, a BatchingParameters in protobuf's text format."""
    sizes = "\n".join(f"allowed_batch_sizes: {size}" for size in batching.allowed_batch_sizes)
    return f"""\
# tensorflow_model_server --enable_batching --batching_parameters_file: BatchingParameters.
# The first axis of every input and output is the batch. A batch is padded to an allowed size.
max_batch_size {{ value: {batching.max_batch_size} }}
{sizes}
# A request waits this long for others to fill its batch.
batch_timeout_micros {{ value: {batching.timeout_micros} }}
# Batches that are computed at the same time.
num_batch_threads {{ value: {batching.threads} }}
# Batches that wait. Beyond them, requests are refused with UNAVAILABLE.
max_enqueued_batches {{ value: {batching.max_enqueued_batches} }}
"""


def monitoring_config() -> str:
    """Return `monitoring_config.txt`, a MonitoringConfig in protobuf's text format."""
    return f"""\
# tensorflow_model_server --monitoring_config_file: MonitoringConfig. The metrics are at the REST
# port.
prometheus_config {{
  enable: true
  path: "{_METRICS}"
}}
"""


def server_flags(models: str, settings: DeploymentSettings) -> list[str]:
    """Return the arguments of `tensorflow_model_server`.

    Args:
        models: folder of the models.
        settings: the deployment.
    """
    # Connections end well before a server that was told to end does, and the clients' next ones
    # go to another server.
    age = settings.drain_seconds * 500
    flags = {
        "port": 8500,
        "rest_api_port": 8501,
        "model_config_file": storage.join(_seen(models), NAME),
        "model_config_file_poll_wait_seconds": settings.poll_seconds,
        # Labels and their versions come in one file when a server starts. A label that is in use
        # moves to loaded versions alone all the same.
        "allow_version_labels_for_unavailable_models": "true",
        "enable_batching": "true",
        "batching_parameters_file": f"{_CONFIG}/{_BATCHING}",
        "monitoring_config_file": f"{_CONFIG}/{_MONITORING}",
        "enable_grpc_healthcheck_service": "true",
        # Threads of their own for loading, so that requests go on meanwhile.
        "num_load_threads": 1,
        "num_unload_threads": 1,
        "max_num_load_retries": 2,
        "load_retry_interval_micros": 5_000_000,
        # TensorFlow would take as many threads as the machine has cores.
        "tensorflow_intra_op_parallelism": settings.cpus,
        "tensorflow_inter_op_parallelism": settings.cpus,
        "grpc_channel_arguments": f"grpc.max_connection_age_ms={age}",
    }
    return [f"--{name}={value}" for name, value in flags.items()]


def _seen(models: str) -> str:
    """Return the folder of the models as the servers see it."""
    return MOUNT if storage.is_local(models) else models


def _newest_versions(models: str) -> dict[str, int]:
    """Return the models in a folder -> their newest version."""
    newest: dict[str, int] = {}
    for file in storage.glob(storage.join(models, "*", "*", "saved_model.*")):
        folder = storage.parent(file)
        model, version = storage.name(storage.parent(folder)), parse_version(storage.name(folder))
        if storage.name(file) in MODEL_FILES and version is not None:
            newest[model] = max(newest.get(model, 0), version)
    return newest
