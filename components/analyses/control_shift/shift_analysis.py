"""The control-shift analysis as the pipeline, the page, the console and the study see it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from components.analyses.analysis import Analysis, AnalysisInputs, StudySection
from components.analyses.control_shift.shift_figures import (
    DrawnCurve,
    inline_figure,
    save_figures,
)
from components.analyses.control_shift.shift_results import (
    NAME,
    ControlShiftResults,
    ControlShiftSettings,
    ShiftCurve,
    average,
)
from components.analyses.request import AnalysisRequest
from components.html.section import Section
from components.tables import Row, RowKind, Table, spoken
from models.measures import CONTROL_ACCURACY
from models.systems import SYSTEMS, System

if TYPE_CHECKING:
    from tfx.dsl.components.base.base_component import BaseComponent

_HEAD = "audio cue"


class ControlShiftAnalysis(Analysis[ControlShiftSettings, ControlShiftResults]):
    """Control accuracy as the audio cue is shifted against the video."""

    name = NAME
    title = "Control by shifted audio"
    settings = ControlShiftSettings
    results = ControlShiftResults
    reads_videos = True
    code_module = "components.analyses.control_shift.component"

    def applies_to(self, system: System, settings: ControlShiftSettings) -> bool:
        """Return whether the system takes an audio cue."""
        return system.uses_audio

    def component(self, inputs: AnalysisInputs, settings: ControlShiftSettings) -> "BaseComponent":
        """Create the component `ControlShift`."""
        from components.analyses.control_shift.component import ControlShift

        request = AnalysisRequest[ControlShiftSettings](
            settings=settings, clip=inputs.clip, seed=inputs.seed
        )
        return ControlShift(
            examples=inputs.examples,
            model=inputs.model,
            manifests=inputs.manifests,
            settings=request.model_dump_json(),
            code=inputs.code,
        )

    def tables(self, results: ControlShiftResults) -> list[Table]:
        """Return the curves over all mixtures, those of two classes, and those of one."""
        return [_table(self.title, results, results.classes)]

    def section(self, results: ControlShiftResults) -> Section:
        """Return the curves by mixture type and by classes, drawn and as tables."""
        curves = {**results.mixture_types, **results.classes}
        drawn = {name: DrawnCurve.of(curve) for name, curve in curves.items()}
        return Section(
            title=self.title,
            about="Control accuracy with the audio of V1 taken earlier or later than its video, "
            "with the audio of an unrelated video, of V1's class or of another, and with silent "
            "audio. A shift covers the mixtures whose video is long enough. In mixtures of one "
            "class, only the timing of the audio tells V1: unrelated audio of its class has the "
            "timbre of both videos and the timing of neither.",
            figures=[
                inline_figure(f"{CONTROL_ACCURACY.title}, {spoken(name)}", curve)
                for name, curve in drawn.items()
                if curve.shifts
            ],
            tables=[_table(spoken(name), curve) for name, curve in curves.items()],
            notes=_notes(results),
        )

    def study_section(
        self, results_by_system: Mapping[str, Sequence[ControlShiftResults]]
    ) -> StudySection | None:
        """Return the curves of all systems beside each other, by classes if there are any."""
        curves = {
            (system, part): [one.parts[part] for one in results]
            for system, results in results_by_system.items()
            for part in results[0].parts
            if all(part in one.parts for one in results)
        }
        found = {key: average(own) for key, own in curves.items()}
        if not any(found.values()):
            return None
        rows: dict[str, dict[str, DrawnCurve]] = {}
        for (system, part), own in curves.items():
            drawn = DrawnCurve.of(own[0], found[system, part])
            if drawn.shifts:
                rows.setdefault(part, {})[_joined(SYSTEMS[system].title, part)] = drawn

        def draw(path: Path) -> None:
            save_figures(list(rows.values()), path)

        labels = dict.fromkeys(label for cells in found.values() for label in cells)
        names = {key: _joined(*key) for key in found}
        table = Table(
            caption=self.title,
            measures=[
                replace(
                    CONTROL_ACCURACY,
                    name=name,
                    title=_joined(SYSTEMS[system].title, part),
                    digits=1,
                )
                for (system, part), name in names.items()
            ],
            rows=[
                Row(
                    label,
                    {names[key]: cells[label] for key, cells in found.items() if label in cells},
                )
                for label in labels
            ],
            head=_HEAD,
        )
        return StudySection(
            title=self.title,
            tables=[table],
            file_name="control_shift.svg",
            alt="Control accuracy by the shift of the audio",
            draw=draw if rows else None,
        )


def _notes(results: ControlShiftResults) -> list[str]:
    notes = []
    if not results.mixtures:
        notes.append("There are no held-out mixtures to choose from.")
    if results.unreadable:
        notes.append(
            f"{results.unreadable:,} of {results.mixtures:,} mixtures are missing from the shifts, "
            "because their videos can no longer be read."
        )
    return notes


def _joined(*words: str) -> str:
    return ", ".join(filter(None, words))


def _table(
    caption: str, curve: ShiftCurve, parts: Mapping[str, ShiftCurve] = MappingProxyType({})
) -> Table:
    """Return a curve as a table, with those of parts of its mixtures in further columns."""
    own = {point.label for point in curve.shifts if not point.seconds}
    columns = {CONTROL_ACCURACY.name: curve, **parts}
    return Table(
        caption=caption,
        measures=[
            CONTROL_ACCURACY,
            *(replace(CONTROL_ACCURACY, name=name, title=name) for name in parts),
        ],
        rows=[
            Row(
                label,
                {
                    name: accuracy
                    for name, column in columns.items()
                    if (accuracy := column.points[label].control_accuracy)
                },
                point.mixtures,
                kind=RowKind.OWN if label in own else RowKind.BASELINE,
            )
            for label, point in curve.points.items()
            if point.control_accuracy
        ],
        head=_HEAD,
    )
