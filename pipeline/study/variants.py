"""The section of variants: ours beside the published systems that they vary, at their cost."""

import dataclasses
from collections.abc import Mapping, Sequence

from components.analyses.analysis import StudySection
from components.estimates import Estimate
from components.tables import Row, Table
from models.measures import CONTROL_ACCURACY, LOSS, Measure
from models.systems import SYSTEMS
from pipeline.config import PipelineConfig
from pipeline.study import averages
from pipeline.study.runs import Size, StudyRun, size_of

_WEIGHTS = Measure("weights", "weights (M)", digits=2)
_FLOPS = Measure("flops", "forward GFLOPs per clip", digits=2)


def variants_section(runs: Sequence[StudyRun], config: PipelineConfig) -> StudySection | None:
    """Return the section of our variants; None without a run of one.

    Args:
        runs: the study's.
        config: the settings that the runs share.
    """
    systems = with_varied(runs)
    if not systems:
        return None
    sizes = {name: size_of(name, config) for name in systems}
    return StudySection(
        title="Variants",
        tables=[variants_table(runs, systems, sizes)],
        notes="The variants are ours. Each stands below the published system that it varies, if "
        "there is a run of that.",
    )


def with_varied(runs: Sequence[StudyRun]) -> list[str]:
    """Return the variants and the systems that they vary, as far as there are runs of them.

    Returns:
        Names in the order of the tables; empty without a run of a variant.
    """
    systems = averages.by_system(runs)
    variants = [name for name in systems if SYSTEMS[name].is_variant]
    varied = {other for name in variants for other in SYSTEMS[name].varies}
    return [name for name in systems if name in varied or name in variants]


def variants_table(
    runs: Sequence[StudyRun], systems: Sequence[str], sizes: Mapping[str, Size]
) -> Table:
    """Return losses by mixture type, control accuracy of those with control, and sizes.

    Args:
        runs: the study's.
        systems: the rows, see `with_varied`.
        sizes: system -> its size here.
    """
    controlled = [name for name in systems if CONTROL_ACCURACY in SYSTEMS[name].measures]
    columns: dict[Measure, Mapping[str, Estimate]] = {
        _heading(LOSS, part): averages.column(runs, systems, LOSS, *part)
        for part in averages.wholes(runs)
    }
    if controlled:
        columns |= {
            _heading(CONTROL_ACCURACY, part): averages.column(
                runs, controlled, CONTROL_ACCURACY, *part
            )
            for part in averages.parts(runs)
        }
    columns[_WEIGHTS] = {n: Estimate(value=sizes[n].weights / 1e6) for n in systems}
    columns[_FLOPS] = {n: Estimate(value=sizes[n].flops / 1e9) for n in systems}
    return Table(
        caption="Variants",
        head="system",
        measures=list(columns),
        rows=[
            Row(
                SYSTEMS[name].title,
                {one.name: cells[name] for one, cells in columns.items() if name in cells},
            )
            for name in systems
        ],
    )


def _heading(measure: Measure, part: averages.Part) -> Measure:
    title = averages.part_title(*part)
    return dataclasses.replace(
        measure,
        name=f"{measure.name}, {title}",
        title=f"{measure.title}, {title}",
        digits=1 if measure.is_share else measure.digits,
    )
