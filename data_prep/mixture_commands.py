"""The commands about data sets of mixtures: `generate`, `validate` and `inspect`."""

from collections.abc import Sequence
from functools import partial

import click

from data_prep import storage
from data_prep.config import MAX_MIXTURES, DataConfig
from data_prep.errors import UserError
from data_prep.options import PLACE, Whole, check_option, workers_option
from data_prep.printed_tables import show_dataset, show_estimate
from data_prep.progress_bar import watching
from data_prep.records.dataset import Dataset
from data_prep.records.layout import lay_out
from data_prep.records.shard_progress import ShardProgress
from data_prep.settings import MAX_SEED, MAX_WORKERS, load
from data_prep.sources import kinetics, manifest
from data_prep.sources.examination_folder import folder_in
from data_prep.sources.kinetics import printable
from data_prep.sources.videos import Video
from data_prep.storage.outputs import require_folder_output
from data_prep.video_commands import BEAM, annotations_option, beam_arguments, check_beam, examine
from data_prep.yaml_text import read_yaml

_SHOWN_PROBLEMS = 20


@click.command(context_settings=BEAM)
@click.option("--videos", type=PLACE, metavar="DIR", help="Folder of videos.")
@click.option("--manifest", "manifest_file", type=PLACE, metavar="CSV", help="Instead of --videos.")
@annotations_option
@click.option("--output", type=PLACE, metavar="DIR", required=True, help="Folder of the data set.")
@click.option("--config", type=PLACE, metavar="YAML", help="Settings of the data set.")
@click.option("--seed", type=Whole(0, MAX_SEED), help="Seed; overrides the setting.")
@click.option("--train-mixtures", type=Whole(1, MAX_MIXTURES), help="Overrides the setting.")
@click.option("--eval-mixtures", type=Whole(1, MAX_MIXTURES), help="Overrides the setting.")
@click.option("--overwrite", is_flag=True, help="Replace an existing data set.")
@click.option("--dry-run", is_flag=True, help="Say what it would cost, and write nothing.")
@check_option
@workers_option
@beam_arguments
def generate(
    videos: str | None,
    manifest_file: str | None,
    annotations: tuple[str, ...],
    output: str,
    config: str | None,
    overwrite: bool,
    dry_run: bool,
    decode: bool,
    workers: int,
    beam_options: tuple[str, ...],
    **settings: int | None,
) -> None:
    """Make TFRecords of mixtures from a folder of videos, or from a manifest.

    Rerun the same command to resume an interrupted run. With --dry-run, a few mixtures are made to
    measure what all of them will cost. Further options are Beam's; with the runner of an engine,
    `--job-timeout HOURS` cancels a job that takes longer (24 by default).
    """
    if (videos is None) == (manifest_file is None):
        raise click.UsageError("either --videos or --manifest is needed")
    if annotations and manifest_file:
        raise click.UsageError("--annotations goes with --videos; a manifest has its splits")
    check_beam(beam_options, workers)
    data_config = _data_config(config, settings)
    dataset = Dataset(storage.absolute(output))

    def find(folder: str | None) -> tuple[Sequence[Video], list[kinetics.Rejection], int]:
        if manifest_file:
            rejections = manifest.read_rejected(manifest.rejected_beside(manifest_file))
            return manifest.read(manifest_file), rejections, 0
        assert videos is not None
        listing, found, rejections = examine(
            videos, annotations, decode, beam_options, workers, folder=folder
        )
        return found, rejections, listing.absent

    if dry_run:
        from data_prep.run_cost import estimate_cost  # loads Beam

        show_estimate(estimate_cost(find(None)[0], data_config, dataset.layout), output)
        return
    with dataset.writing(data_config, overwrite=overwrite) as require_held:
        found, rejections, absent = find(folder_in(dataset.folder))
        from data_prep.generate import generate as run  # loads Beam

        progress = ShardProgress(dataset.layout)
        shards = sum(1 for _ in lay_out(data_config))
        with watching("Shards", shards, progress.finished, progress.describe):
            info = run(
                found,
                output,
                data_config,
                rejections=rejections,
                absent=absent,
                beam_args=beam_options,
                workers=workers,
                overwrite=overwrite,
                require_held=require_held,
                report=partial(click.echo, err=True),
            )
    show_dataset(info, output)


@click.command()
@click.argument("records", type=PLACE)
@click.option(
    "--output", type=PLACE, metavar="DIR", required=True, help="Folder of sheets and MP4s."
)
@click.option(
    "--count", type=Whole(1, 1_000), default=4, show_default=True, help="Records of each split."
)
@click.option("--config", type=PLACE, metavar="YAML", help="Settings, if they are not found.")
def inspect(records: str, output: str, count: int, config: str | None) -> None:
    """Write a contact sheet and a playable MP4 for a few records.

    RECORDS is a TFRecord file, a folder of them, or the output of `generate`.
    """
    clip = _data_config(config, {}).clip if config else None
    require_folder_output(output)
    from data_prep.records.contact_sheet import inspect as run  # loads TensorFlow

    for path in run(records, output, count=count, clip=clip):
        click.echo(path)


@click.command()
@click.argument("dataset", type=PLACE)
@click.option(
    "--workers",
    type=Whole(1, MAX_WORKERS),
    default=1,
    show_default=True,
    help="Files of records that are read at the same time.",
)
def validate(dataset: str, workers: int) -> None:
    """Check that a data set is complete and undamaged: every record, and what describes it.

    DATASET is the output of `generate`, or the Examples artifact of the pipeline's MixtureGen.
    Each problem is a line; the exit code is 1 if there is one.
    """
    from data_prep.records.validation import validate as run

    found = run(storage.absolute(dataset), workers=workers)
    for problem in found.problems[:_SHOWN_PROBLEMS]:
        click.echo(printable(problem))
    if found.problems:
        count, word = len(found.problems), "problem" if len(found.problems) == 1 else "problems"
        more = f"; the first {_SHOWN_PROBLEMS} are shown" if count > _SHOWN_PROBLEMS else ""
        raise UserError(f"{dataset}: must be whole and consistent, got {count} {word}{more}")
    click.echo(f"{found.mixtures} mixtures in {found.files} files are as {dataset} describes them")


def _data_config(config: str | None, overrides: dict[str, int | None]) -> DataConfig:
    mapping = read_yaml(config) if config else {}
    if isinstance(mapping, dict):
        mapping |= {key: value for key, value in overrides.items() if value is not None}
    return load(DataConfig, mapping, config or "settings")
