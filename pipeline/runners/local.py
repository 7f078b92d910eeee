"""Running the pipeline on this machine: TFX's local runner, metadata in SQLite."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from data_prep.errors import UserError
from data_prep.mixing.pairing import usable
from data_prep.mixing.planning import plan
from data_prep.sources import kinetics, manifest
from data_prep.storage import write_text
from pipeline.config import PipelineConfig


class Places:
    """Where a local run keeps its things, all under one folder.

    Attributes:
        manifests: `span-N/manifest.csv`, the videos of each span.
        artifacts: TFX's artifacts, a folder a pipeline.
        metadata: the SQLite file.
        schema: the records' schema.
        checkpoints: trainings under way.
        serving: pushed separators, a folder a version.
        classifiers: pushed action classifiers, likewise.
        summary: `summary.json` of the last run.
    """

    def __init__(self, output: Path):
        """Lay the places out under a folder."""
        output = output.resolve()
        self.manifests = output / "manifests"
        self.artifacts = output / "artifacts"
        self.metadata = output / "metadata.db"
        self.checkpoints = output / "checkpoints"
        self.serving = output / "serving" / "separator"
        self.classifiers = output / "serving" / "classifier"
        self.schema = output / "schema" / "schema.pbtxt"
        self.summary = output / "summary.json"


def index(
    videos: Path, annotations: Sequence[Path], places: Places, config: PipelineConfig
) -> Path:
    """Write the manifest of a folder as a new span, unless the newest span says the same.

    Returns:
        The manifest.

    Raises:
        UserError: the folder does not hold what mixtures need; then nothing is written.
    """
    listing = kinetics.find_videos(videos, annotations)
    found, rejections = manifest.build(listing, workers=config.workers)
    _check_enough(found, config, rejections)
    newest = newest_manifest(places)
    number = 1 + (int(newest.parent.name.removeprefix("span-")) if newest else 0)
    # TFX looks for spans while it is written: the folder gets its name last.
    draft = places.manifests / ".draft"
    shutil.rmtree(draft, ignore_errors=True)
    manifest.write_rejected(draft / "rejected.csv", rejections)
    manifest.write(draft / "manifest.csv", found)
    if newest and _same(newest.parent, draft):
        shutil.rmtree(draft)
        return newest
    return (draft.rename(places.manifests / f"span-{number}")) / "manifest.csv"


def newest_manifest(places: Places) -> Path | None:
    """Return the manifest of the newest span, or None."""
    spans = places.manifests.glob("span-*/manifest.csv")
    return max(spans, key=lambda path: int(path.parent.name.removeprefix("span-")), default=None)


def _same(one: Path, other: Path) -> bool:
    names = ("manifest.csv", "rejected.csv")
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


def run(config: PipelineConfig, places: Places) -> dict:
    """Run the pipeline on the newest manifest, and write `summary.json`.

    Returns:
        The summary: `system`, and what `pipeline.run_summary.summarise` gives.

    Raises:
        UserError: a stage failed on what a user can mend.
    """
    # Sounds of held-out videos are heard again, whoever made the mixtures.
    if not config.mixtures or config.shifts_sounds:
        newest = newest_manifest(places)
        if newest is None:
            raise UserError(f"{places.manifests}: no manifest: give --videos once")
        if not config.mixtures:
            _check_enough(manifest.read(newest), config)

    from tfx import v1 as tfx
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    from pipeline.create import create_pipeline, write_schema
    from pipeline.run_summary import summarise
    from pipeline.runners.previous_model import LatestBlessedBefore
    from pipeline.runners.stages import telling_stages

    write_schema(places.schema)
    places.metadata.parent.mkdir(parents=True, exist_ok=True)
    connection = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(places.metadata))
    mode = "multi_processing" if config.workers > 1 else "in_memory"
    pipeline = create_pipeline(
        config,
        root=str(places.artifacts / config.name),
        manifests=str(places.manifests),
        schema=str(places.schema),
        checkpoints=str(places.checkpoints),
        serving=str(places.classifiers if config.classifies else places.serving),
        beam_args=[
            "--runner=DirectRunner",
            f"--direct_num_workers={config.workers}",
            f"--direct_running_mode={mode}",
        ],
        metadata=connection,
        baseline_strategy=LatestBlessedBefore,
    )
    names = [component.id for component in pipeline.components]
    with telling_stages(names) as seconds:
        LocalDagRunner().run(pipeline)
    found = summarise(pipeline.pipeline_info.pipeline_name, connection, seconds)
    summary = {"system": config.system, **found}
    write_text(places.summary, json.dumps(summary, indent=2) + "\n")
    return summary


def _check_enough(
    videos: Sequence[manifest.Video],
    config: PipelineConfig,
    rejections: Sequence[kinetics.Rejection] = (),
) -> None:
    """Plan the mixtures before anything is made, so that too few videos are told at once."""
    try:
        plan(videos, config.data)
    except UserError as error:
        _, too_short = usable(videos, config.data.clip)
        reasons = kinetics.first_reasons([*rejections, *too_short])
        raise UserError(f"{error}{reasons}") from error
