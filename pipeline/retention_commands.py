"""The command that removes what is not needed of earlier runs."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from data_prep import storage
from data_prep.errors import UserError
from data_prep.options import LOCAL_PLACE
from pipeline.cloud.rules import check_uri
from pipeline.config import load_config
from pipeline.config_options import config_option, set_option
from pipeline.places import Places
from pipeline.retention.pruning import (
    removals_here,
    removals_of_platform,
    remove,
    remove_here,
)

_MB = 1e6


@click.command()
@config_option("demo")
@click.option("--output", type=LOCAL_PLACE, help="The output of `run` to prune.")
@click.option("--cloud", is_flag=True, help="Prune `cloud.root`, where a platform's runs write.")
@click.option("--dry-run", is_flag=True, help="Only print what would be removed.")
@set_option
def prune(
    config_name: str, output: Path | None, cloud: bool, dry_run: bool, overrides: Sequence[str]
) -> None:
    """Remove what is not needed of earlier runs: artifacts, models, checkpoints.

    The settings `retention.runs`, `retention.models` and `retention.unfinished_days` say what
    stays. Of the served models the newest and those with a label always stay.
    """
    if cloud == bool(output):
        raise click.UsageError("prune: must have one of --output and --cloud")
    config = load_config(config_name, overrides)
    with ExitStack() as stack:
        if output:
            if not Places(output).is_output():
                what = "another folder" if output.is_dir() else "no folder"
                raise UserError(f"{output}: must be the output of a run, got {what}")
            stack.enter_context(storage.lease(str(output)))
            found = removals_here(Places(output), config.retention)
        else:
            check_uri("cloud.root", config.cloud.root)
            found = removals_of_platform(config.cloud, config.retention)
        for removal in found:
            click.echo(f"{removal.folder}  {removal.size / _MB:.1f} MB, {removal.reason}")
        total = sum(removal.size for removal in found) / _MB
        if not dry_run and output:
            remove_here(found, Places(output))
        elif not dry_run:
            remove(found)
        click.echo(
            f"{'would remove' if dry_run else 'removed'} {len(found)} folders, {total:.1f} MB"
        )
