"""Commands that run the pipeline on a platform: compile, submit, schedule, watch, cancel."""

from collections.abc import Sequence
from pathlib import Path

import click

from data_prep.errors import UserError
from data_prep.options import LOCAL_PLACE, NAME, Whole
from data_prep.storage.outputs import require_file_output
from pipeline.cloud.checks import check_cron, check_timezone
from pipeline.cloud.cloud_platform import CloudPlatform
from pipeline.cloud.compiled_file import require_suffix, write_compiled
from pipeline.cloud.cron import UTC, Cron, check_schedule_name
from pipeline.cloud.platforms import PLATFORMS
from pipeline.cloud.status_tables import as_json, show_run, show_runs, show_schedules
from pipeline.config import PipelineConfig, load_config
from pipeline.config_options import config_option, set_option

_MOST_RUNS = 1000


def _platform(ctx: click.Context, param: click.Parameter, name: str) -> CloudPlatform:
    return PLATFORMS[name]


target_option = click.option(
    "--target",
    "platform",
    type=click.Choice(tuple(PLATFORMS)),
    default=next(iter(PLATFORMS)),
    show_default=True,
    callback=_platform,
    help="Platform that runs the pipeline.",
)
json_option = click.option("--json", "wants_json", is_flag=True, help="Print JSON, not a table.")


@click.command("compile")
@target_option
@config_option("demo")
@click.option(
    "--output",
    type=LOCAL_PLACE,
    required=True,
    help="The compiled pipeline: .json for Vertex AI, .yaml for Kubeflow.",
)
@set_option
def compile_pipeline(
    platform: CloudPlatform, config_name: str, output: Path, overrides: Sequence[str]
) -> None:
    """Compile the pipeline for a platform, without a network."""
    require_file_output(str(output))
    require_suffix(output, platform.suffix)
    config = load_config(config_name, overrides)
    platform.check(config)
    write_compiled(platform.compile(config), output)
    click.echo(f"{config.name} for {platform.title} in {output}")


@click.command()
@target_option
@config_option("demo")
@set_option
def submit(platform: CloudPlatform, config_name: str, overrides: Sequence[str]) -> None:
    """Compile the pipeline and start a run of it.

    Prints the run, as `status` and `cancel` take it, and its address in the platform's console.
    """
    config = _complete(platform, config_name, overrides)
    run = platform.submit(config, platform.compile(config))
    click.echo(f"{run.id} {run.url}")


@click.command()
@target_option
@config_option("demo")
@set_option
@click.option("--cron", "line", metavar="LINE", help="When to run: `0 3 * * *` is daily at 03:00.")
@click.option("--timezone", default=UTC, show_default=True, help="IANA time zone of the line.")
@click.option("--name", type=NAME, help="Name of the schedule. [default: the pipeline's]")
@click.option("--delete", "deletes", is_flag=True, help="Delete the schedule; its runs go on.")
@click.option("--list", "lists", is_flag=True, help="Print the schedules.")
@json_option
def schedule(
    platform: CloudPlatform,
    config_name: str,
    overrides: Sequence[str],
    line: str | None,
    timezone: str,
    name: str | None,
    deletes: bool,
    lists: bool,
    wants_json: bool,
) -> None:
    """Run the pipeline again and again, one run at a time.

    A schedule has a name: the same command again, or one with other settings, replaces it.
    """
    if sum((line is not None, deletes, lists)) != 1:
        raise click.UsageError("schedule: must have one of --cron, --delete and --list")
    if wants_json and not lists:
        raise click.UsageError("--json: must come with --list")
    if lists:
        found = platform.schedules(_connected(platform, config_name, overrides))
        click.echo(as_json(found)) if wants_json else show_schedules(found)
    elif deletes:
        _delete_schedule(platform, _connected(platform, config_name, overrides), name)
    else:
        assert line is not None
        cron = Cron(check_cron(line), check_timezone(timezone))
        platform.check_schedule(cron)
        config = _complete(platform, config_name, overrides)
        name = check_schedule_name(name or config.name)
        created = platform.schedule(config, platform.compile(config), name, cron)
        click.echo(f"{created.id} {created.url}")


@click.command()
@click.argument("run", required=False)
@target_option
@config_option("demo")
@set_option
@click.option(
    "--count",
    type=Whole(1, _MOST_RUNS),
    default=10,
    show_default=True,
    help="Largest number of runs without RUN.",
)
@json_option
def status(
    run: str | None,
    platform: CloudPlatform,
    config_name: str,
    overrides: Sequence[str],
    count: int,
    wants_json: bool,
) -> None:
    """Print the state of a run and its stages, or the last runs of the pipeline."""
    config = _connected(platform, config_name, overrides)
    if run is None:
        runs = platform.runs(config, count)
        click.echo(as_json(runs)) if wants_json else show_runs(runs)
        return
    found = platform.run(config, run)
    click.echo(found.to_json(), nl=False) if wants_json else show_run(found)


@click.command()
@click.argument("run")
@target_option
@config_option("demo")
@set_option
def cancel(run: str, platform: CloudPlatform, config_name: str, overrides: Sequence[str]) -> None:
    """Cancel a run. A canceled run can be canceled again, which changes nothing."""
    config = _connected(platform, config_name, overrides)
    state = platform.run(config, run).state
    if state.is_canceled:
        click.echo(f"{run}: already {state}")
        return
    if state.is_final:
        raise UserError(f"{run}: must be unfinished to be canceled, got a run that has {state}")
    platform.cancel(config, run)
    click.echo(f"{run}: canceling")


def _complete(platform: CloudPlatform, name: str, overrides: Sequence[str]) -> PipelineConfig:
    """Return settings that are complete for a run on a platform that can be reached."""
    config = _connected(platform, name, overrides)
    platform.check(config)
    return config


def _connected(platform: CloudPlatform, name: str, overrides: Sequence[str]) -> PipelineConfig:
    """Return settings that say where the platform's API is."""
    config = load_config(name, overrides)
    platform.check_connection(config)
    return config


def _delete_schedule(platform: CloudPlatform, config: PipelineConfig, name: str | None) -> None:
    name = check_schedule_name(name or config.name)
    if not platform.delete_schedule(config, name):
        raise UserError(f"schedule: must exist to be deleted, got {name!r}")
    click.echo(f"{name}: deleted")
