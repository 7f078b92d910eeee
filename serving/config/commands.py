"""The commands that write TensorFlow Serving's files and move its version labels."""

from collections.abc import Callable
from typing import Any

import click

from data_prep import storage
from data_prep.options import NAME, PLACE, Whole
from data_prep.settings import load
from data_prep.storage.outputs import require_folder_output
from data_prep.yaml_text import read_yaml
from serving.access import Access
from serving.client_options import (
    DEFAULT_SERVER,
    access_options,
    model_option,
    wait_option,
)
from serving.config.deployment import DeploymentSettings
from serving.config.deployment_files import write_deployment, write_models_config
from serving.config.labels import LABELS, STABLE
from serving.config.promotion import Move, promote, roll_back
from serving.config.replicas import Replicas
from serving.versions import MAX_VERSION

HOUR = 3_600.0  # seconds


@click.command()
@click.option(
    "--models", type=PLACE, required=True, help="Folder of the models, which gets `models.config`."
)
@click.option("--config", type=PLACE, metavar="YAML", help="Settings of the deployment.")
@click.option("--output", type=PLACE, required=True, help="Folder of the other files.")
def configure(models: str, config: str | None, output: str) -> None:
    """Write the files that run TensorFlow Serving, for Docker and for Kubernetes.

    New models are added to `models.config` with their newest version as `stable` and `canary`.
    Those that it names already keep their labels.
    """
    settings = DeploymentSettings()
    if config is not None:
        settings = load(DeploymentSettings, read_yaml(config), config)
    require_folder_output(output)
    models = models if not storage.is_local(models) else storage.absolute(models)
    served = write_models_config(models)
    for uri in write_deployment(models, settings, output):
        click.echo(uri)
    for model in served.models:
        labels = ", ".join(f"{label} {n}" for label, n in sorted(served.labels(model).items()))
        click.echo(f"{model}: {labels}")


def _label_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a command that moves a label."""
    options = (
        click.option(
            "--models",
            type=PLACE,
            required=True,
            help="Folder of the models, which holds `models.config`.",
        ),
        model_option,
        click.option(
            "--server",
            "servers",
            type=NAME,
            multiple=True,
            default=[DEFAULT_SERVER],
            show_default=True,
            help="HOST:PORT; repeatable. All addresses of HOST are asked.",
        ),
        click.option(
            "--label",
            type=click.Choice(tuple(LABELS)),
            default=STABLE,
            show_default=True,
            help="The label to move.",
        ),
        access_options,
        wait_option(300.0, HOUR, "the servers to load, and then to take the label"),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command("promote")
@click.argument("version", type=Whole(0, MAX_VERSION))
@_label_options
def promote_version(
    version: int,
    models: str,
    model: str,
    servers: tuple[str, ...],
    label: str,
    access: Access,
    wait: float,
) -> None:
    """Point a label to VERSION, once every server has loaded it.

    `previous` keeps the version that was stable, and stays loaded for a rollback.
    """
    with Replicas(servers, model, access) as replicas:
        _report(model, promote(models, replicas, label, version, wait))


@click.command("rollback")
@_label_options
def roll_back_label(
    models: str, model: str, servers: tuple[str, ...], label: str, access: Access, wait: float
) -> None:
    """Point `stable` to the version before, or `canary` to the stable one."""
    with Replicas(servers, model, access) as replicas:
        _report(model, roll_back(models, replicas, label, wait))


def _report(model: str, move: Move) -> None:
    before = "none" if move.before is None else move.before
    click.echo(f"{model}: {move.label} is version {move.after}, was {before}")
