"""The study from its runs to its page: `results.json`, `results.md` and the figures."""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from components.analyses.analysis import StudySection
from components.analyses.registry import ANALYSES
from components.estimates import Estimate, SeedEstimate
from components.html.panels import Panel, save_panels
from components.tables import Table, markdown
from data_prep import storage
from data_prep.results import Results
from models.measures import CONTROL_ACCURACY, LOSS, RELATIVE_LOSS, Measure
from models.systems import SYSTEMS
from pipeline.config import PipelineConfig
from pipeline.fingerprint import source_digest, training_modules
from pipeline.places import Places
from pipeline.runners import local
from pipeline.study import averages
from pipeline.study.paper_tables import left_out, published_column, table_1, table_2
from pipeline.study.runs import StudyRun, count_weights
from pipeline.study.variants import variants_section

_INTRODUCTION = """\
# Results

Every system on the same held-out mixtures, with the published figures (Kinetics-600) beside ours.
`±` is half a 95 % interval over examples and seeds. It adds two parts in squares: the half-width
over the examples, which the seeds share, and Student's t over the seeds. With one seed it is the
part over the examples alone. Each mixture counts as one example although mixtures share videos, so
other videos may give figures that differ by more. The data sets differ: losses compare within a
column, and the loss relative to Identity's, in the figure, compares across. `-` marks what the
papers do not give, what a system does not do, and what was not measured with every seed.

Where the papers say nothing, or something else was learned better, the choice is ours: all that a
preset other than `paper` differs by, above all two kinds of layers that the outputs of C2 and those
of C3 with internal prediction are composed of: the input itself, which can undo an occlusion
exactly, and what another layer leaves of an even mixture, which can undo a transparency; maps of
the input's colors, which give the outputs of every system their details; the score head, which
matches each finished output with the audio over time, where the papers regress the scores; and its
second loss, on the true clips.
"""


class StudyTable(Results):
    """A table of the study.

    Attributes:
        caption: what it shows.
        rows: label -> column -> estimate.
    """

    caption: str
    rows: dict[str, dict[str, SeedEstimate | Estimate]]


class StudyAbout(Results):
    """Settings, code and data behind the study's figures.

    Attributes:
        settings: the settings that the runs share.
        seeds: the training seeds.
        videos: digest of the videos' manifest.
        code: digest of the code.
        seconds: run -> seconds of all its stages.
    """

    settings: dict[str, Any]
    seeds: tuple[int, ...]
    videos: str
    code: str
    seconds: dict[str, float]


class StudyResults(Results):
    """All figures of the study.

    Attributes:
        metrics: mixture type -> measure -> system -> estimate.
        classes: `ONE_CLASS` or `TWO_CLASSES` -> metrics of these mixtures, as above.
        analyses: title of a section -> its tables.
        about: what they depend on.
    """

    metrics: averages.Columns
    classes: dict[str, averages.Columns]
    analyses: dict[str, tuple[StudyTable, ...]]
    about: StudyAbout


def write_study(runs: Sequence[StudyRun], config: PipelineConfig, places: Places) -> Path:
    """Write the results of the runs.

    Args:
        runs: see `pipeline.study.runs.run_study`.
        config: the settings that the runs share.
        places: paths of the runs; the results are written beside them.

    Returns:
        The page, `results.md`.
    """
    analyses = _analyses(runs)
    results = StudyResults(
        metrics=averages.all_columns(runs),
        classes=averages.columns_by_classes(runs),
        analyses={
            section.title: tuple(_stored(table) for table in section.tables) for section in analyses
        },
        about=_about(runs, config, places),
    )
    results.write(str(places.output / "results.json"))
    published = [run for run in runs if not SYSTEMS[run.system].is_variant]
    sections = [
        _separation(published, config),
        _control(published),
        *filter(None, [variants_section(runs, config)]),
        *analyses,
    ]
    text = "\n".join(
        [
            _INTRODUCTION,
            *(_render(section, places.output) for section in sections),
            _settings(results.about),
        ]
    )
    storage.write_text(str(places.output / "results.md"), text)
    return places.output / "results.md"


def _separation(runs: Sequence[StudyRun], config: PipelineConfig) -> StudySection:
    title, systems = "Table 1: separation", averages.separators(runs)
    if not systems:
        return _empty(title, "No system here separates layers.")
    weights = {name: count_weights(name, config) for name in systems}
    return StudySection(
        title=title,
        tables=[table_1(runs, systems, weights)],
        notes=left_out(runs, systems, [LOSS]),
        file_name="separation.svg",
        alt="Loss relative to Identity's, by system",
        draw=_drawing(runs, systems, RELATIVE_LOSS, averages.wholes(runs), reference=1.0),
    )


def _control(runs: Sequence[StudyRun]) -> StudySection:
    title, systems = "Table 2: control by audio", averages.controlled(runs)
    if not systems:
        return _empty(title, "No system here takes an audio cue.")
    return StudySection(
        title=title,
        tables=[table_2(runs, systems)],
        notes=left_out(runs, systems, [LOSS, CONTROL_ACCURACY]),
        file_name="control.svg",
        alt="Control accuracy, by system",
        draw=_drawing(runs, systems, CONTROL_ACCURACY, averages.parts(runs), reference=0.5),
    )


def _analyses(runs: Sequence[StudyRun]) -> list[StudySection]:
    """Return the sections of the analyses that the runs have results of."""
    sections = []
    for name, analysis in ANALYSES.items():
        if found := averages.results_by_system(runs, name):
            section = analysis.study_section(found)
            sections.append(section or _empty(analysis.title, "The results have no figures."))
    return sections


def _empty(title: str, reason: str) -> StudySection:
    return StudySection(title=title, tables=[], notes=reason)


def _drawing(
    runs: Sequence[StudyRun],
    systems: Sequence[str],
    measure: Measure,
    parts: Sequence[averages.Part],
    *,
    reference: float,
) -> Callable[[Path], None] | None:
    """Return what draws a measure of each system beside the published figure, by mixture type.

    None if there is nothing to draw.
    """
    titles = {name: SYSTEMS[name].title for name in systems}
    panels = []
    for kind, classes in parts:
        own = averages.column(runs, systems, measure, kind, classes)
        published = published_column(systems, measure, kind, classes)
        panels.append(
            Panel(
                averages.part_title(kind, classes),
                {titles[name]: estimate for name, estimate in own.items()},
                {titles[name]: value for name, value in published.items()},
            )
        )
    if not any(panel.own for panel in panels):
        return None
    rows = list(titles.values())
    return partial(save_panels, panels=panels, rows=rows, measure=measure, reference=reference)


def _render(section: StudySection, folder: Path) -> str:
    """Return a section in Markdown, and draw its figure."""
    parts = [f"## {section.title}\n"]
    for table in section.tables:
        if len(section.tables) > 1:
            parts.append(f"{table.caption}\n")
        parts.append(markdown(table))
    if section.notes:
        parts.append(section.notes.rstrip() + "\n")
    if section.draw:
        section.draw(folder / section.file_name)
        parts.append(f"![{section.alt}]({section.file_name})\n")
    return "\n".join(parts)


def _stored(table: Table) -> StudyTable:
    return StudyTable(
        caption=table.caption, rows={row.label: dict(row.estimates) for row in table.rows}
    )


def _about(runs: Sequence[StudyRun], config: PipelineConfig, places: Places) -> StudyAbout:
    manifest = local.require_manifest(places)
    systems = averages.by_system(runs)
    trained = {module for name in systems for module in training_modules(SYSTEMS[name])}
    return StudyAbout(
        settings=config.model_dump(
            mode="json", exclude={"model": {"system"}, "cloud": True, "mixtures": True}
        ),
        seeds=tuple(sorted({run.seed for run in runs})),
        videos=hashlib.sha256(storage.read_bytes(manifest)).hexdigest()[:16],
        code=source_digest("pipeline.study.study", "pipeline.create", *trained),
        seconds={f"{run.system}-{run.seed}": sum(run.summary.seconds.values()) for run in runs},
    )


def _settings(about: StudyAbout) -> str:
    settings = yaml.safe_dump(about.settings, sort_keys=False)
    return "\n".join(
        [
            "## Settings\n",
            f"Seeds: {', '.join(map(str, about.seeds))}. Digest of the videos' manifest: "
            f"`{about.videos}`; of the code: `{about.code}`.\n",
            f"```yaml\n{settings}```\n",
        ]
    )
