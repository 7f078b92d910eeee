"""The command that runs a compiled pipeline on this machine."""

from pathlib import Path

import click

from data_prep import storage
from data_prep.options import LOCAL_PLACE, PLACE
from data_prep.storage.outputs import require_folder_output


@click.command("run-compiled")
@click.argument("file", type=PLACE)
@click.option(
    "--output",
    type=LOCAL_PLACE,
    default="compiled",
    show_default=True,
    help="Folder of the runs' records, logs and cache.",
)
@click.option(
    "--place",
    "places",
    multiple=True,
    metavar="URI=FOLDER",
    help="A local folder in place of a bucket, as in gs://BUCKET=bucket; repeatable.",
)
def run_compiled(file: str, output: Path, places: tuple[str, ...]) -> None:
    """Run a compiled pipeline on this machine, to prove that it runs.

    FILE is what `compile` wrote. Each task is the process that its container would run, with the
    platform's cache and retries.

    Rerun the same command to resume an interrupted run: finished tasks are not run again. Once a
    run has ended, it begins another one.
    """
    from pipeline.compiled.place_mapping import parse_places

    mapping = parse_places(places)
    require_folder_output(str(output))
    # Kubeflow Pipelines' messages take a second to load.
    from pipeline.compiled.compiled_reader import read_compiled
    from pipeline.compiled.compiled_run import run_pipeline

    pipeline = read_compiled(file, mapping)
    for bucket in pipeline.buckets:
        click.echo(f"{bucket}: read and written as it is, for want of a --place", err=True)
    with storage.lease(str(output)):
        result = run_pipeline(pipeline, str(output), lambda line: click.echo(line, err=True))
    cached = f", {result.cached} of them cached" if result.cached else ""
    click.echo(
        f"{result.run_id} succeeded: {result.tasks} tasks{cached}; artifacts in {result.root}"
    )
    for line in result.results:
        click.echo(line)
