"""From a folder of videos to TFRecords of mixtures.

python -m data_prep sample|index|generate|inspect|mix --help
"""

from pathlib import Path

import click

from data_prep.cli import Commands, prepare_libraries, read_yaml

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
ANY = click.Path(path_type=Path)
BEAM = {"ignore_unknown_options": True}

annotations_option = click.option(
    "--annotations",
    type=FILE,
    multiple=True,
    help="Kinetics' CSV; may be repeated. By default CSVs in the folder or above it are found.",
)
workers_option = click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes on this machine.",
)
beam_arguments = click.argument("beam_options", nargs=-1, type=click.UNPROCESSED)


@click.group(cls=Commands)
def main():
    """Make mixtures of videos: a sample, a manifest, TFRecords, pictures of them."""
    prepare_libraries()


@main.command()
@click.option("--output", type=FOLDER, required=True, help="Folder of the sample.")
@click.option("--clips", type=click.IntRange(1), default=96, show_default=True, help="Videos.")
@click.option("--classes", type=click.IntRange(1), default=8, show_default=True, help="Classes.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed.")
def sample(output, clips, classes, seed):
    """Render a small data set in Kinetics' layout."""
    from data_prep.sample.write import write_sample

    write_sample(output, clips=clips, classes=classes, seed=seed)
    click.echo(f"{clips} videos of {classes} classes in {output}")


@main.command(context_settings=BEAM)
@click.option("--videos", type=FOLDER, required=True, help="Folder of videos.")
@annotations_option
@click.option("--output", type=FILE, required=True, help="The manifest, a CSV.")
@click.option(
    "--prefix",
    metavar="URL",
    help="Where the folder lies for who reads the manifest, such as gs://BUCKET/videos.",
)
@workers_option
@beam_arguments
def index(videos, annotations, output, prefix, workers, beam_options):
    """Write a manifest of a folder's videos, with size and digest.

    The files that are not used, and why, go to rejected.csv beside it. Further options are Beam's.
    """
    from data_prep.sources import kinetics, manifest

    listing = kinetics.find_videos(videos, annotations)
    found, rejections = manifest.build(listing, beam_options, workers=workers)
    if prefix:
        found = manifest.moved(found, videos, prefix)
    manifest.write_rejected(output.with_name("rejected.csv"), rejections)
    manifest.write(output, found)
    click.echo(
        f"{len(found)} videos in {output}; {len(rejections)} files not used; "
        f"{listing.absent} annotated but absent"
    )


@main.command(context_settings=BEAM)
@click.option("--videos", type=FOLDER, help="Folder of videos.")
@click.option("--manifest", "manifest_file", type=str, help="Manifest, in place of --videos.")
@annotations_option
@click.option("--output", type=FOLDER, required=True, help="Folder of the data set.")
@click.option("--config", type=FILE, help="YAML with settings of the data set.")
@click.option("--seed", type=click.IntRange(0), help="Seed; overrides the setting.")
@click.option("--train-mixtures", type=click.IntRange(1), help="Overrides the setting.")
@click.option("--eval-mixtures", type=click.IntRange(1), help="Overrides the setting.")
@click.option("--overwrite", is_flag=True, help="Replace a data set that is there.")
@workers_option
@beam_arguments
def generate(
    videos, manifest_file, annotations, output, config, overwrite, workers, beam_options, **settings
):
    """Make TFRecords of mixtures out of a folder's videos, or a manifest's.

    The same command again takes up an interrupted run. Further options are Beam's.
    """
    if (videos is None) == (manifest_file is None):
        raise click.UsageError("either --videos or --manifest is needed")
    if annotations and manifest_file:
        raise click.UsageError("--annotations goes with --videos; a manifest has its splits")
    from data_prep.config import DataConfig, load

    mapping = read_yaml(config) if config else {}
    if isinstance(mapping, dict):
        mapping |= {key: value for key, value in settings.items() if value is not None}
    data_config = load(DataConfig, mapping, str(config or "settings"))
    from data_prep.progress_bar import watching
    from data_prep.records.dataset import Dataset
    from data_prep.sources import kinetics, manifest

    if manifest_file:
        found, absent = manifest.read(manifest_file), 0
        rejections = manifest.read_rejected(Path(manifest_file).with_name("rejected.csv"))
    else:
        listing = kinetics.find_videos(videos, annotations)
        found, rejections = manifest.build(listing, beam_options, workers=workers)
        absent = listing.absent
    from data_prep.generate import generate as run

    shards = sum(
        -(-count // data_config.records_per_shard)
        for count in (data_config.train_mixtures, data_config.eval_mixtures)
    )
    with watching("shards", shards, lambda: len(Dataset(output).reports)):
        info = run(
            found,
            output,
            data_config,
            rejections=rejections,
            absent=absent,
            beam_args=beam_options,
            workers=workers,
            overwrite=overwrite,
        )
    _show(info, output)


@main.command()
@click.argument("records", type=ANY)
@click.option("--output", type=FOLDER, required=True, help="Folder of the pictures.")
@click.option(
    "--count", type=click.IntRange(1), default=4, show_default=True, help="Records of each split."
)
@click.option("--config", type=FILE, help="YAML the records were made with, if it is not found.")
def inspect(records, output, count, config):
    """Write a contact sheet and a playable MP4 for a few records.

    RECORDS is a TFRecord file, a folder of them, or the output of `generate`.
    """
    from data_prep.config import DataConfig, load

    clip = load(DataConfig, read_yaml(config), str(config)).clip if config else None
    from data_prep.records.inspection import inspect as run

    for path in run(records, output, count=count, clip=clip):
        click.echo(path)


@main.command()
@click.argument("wanted", type=ANY)
@click.argument("other", type=ANY)
@click.option("--output", type=FILE, required=True, help="The mixture, an MP4.")
@click.option("--occlusion", is_flag=True, help="Hide parts of OTHER, instead of blending.")
@click.option("--seconds", type=click.FloatRange(0.1), default=5.0, show_default=True)
@click.option("--size", type=click.IntRange(16), default=224, show_default=True, help="Pixels.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed.")
def mix(wanted, other, output, **settings):
    """Mix two videos into one that shows both, with the sound of WANTED."""
    from data_prep.mixing.mix_videos import mix_videos

    seconds = mix_videos(wanted, other, output, **settings)
    click.echo(f"{seconds:.2f} s of {wanted} and {other} in {output}")


def _show(info: dict, output: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Mixtures in {output}", title_justify="left")
    for column in ("split", "mixtures", "transparency", "occlusion", "dropped", "videos"):
        table.add_column(column, justify="left" if column == "split" else "right")
    for split, entry in info["splits"].items():
        types = entry["mixture_types"]
        cells = (entry["mixtures"], types.get("transparency", 0), types.get("occlusion", 0))
        cells += (len(entry["dropped"]), entry["videos"])
        table.add_row(split, *map(str, cells))
    Console().print(table)
    click.echo(f"{info['files_not_used']} files not used: {output / 'rejected.csv'}")


if __name__ == "__main__":
    main(prog_name="python -m data_prep")
