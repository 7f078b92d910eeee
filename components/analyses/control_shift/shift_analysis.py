"""The control-shift analysis as the pipeline, the page, the console and the study see it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
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
        """Return the curve over all mixtures."""
        return [_table(self.title, results)]

    def section(self, results: ControlShiftResults) -> Section:
        """Return the curve of each mixture type, drawn and as a table."""
        drawn = {name: DrawnCurve.of(curve) for name, curve in results.mixture_types.items()}
        return Section(
            title=self.title,
            about="Control accuracy with the audio of V1 taken earlier or later than its video, "
            "with the audio of an unrelated video, and with silent audio. A shift covers the "
            "mixtures whose video is long enough.",
            figures=[
                inline_figure(f"{CONTROL_ACCURACY.title}, {spoken(name)}", curve)
                for name, curve in drawn.items()
                if curve.shifts
            ],
            tables=[_table(spoken(name), curve) for name, curve in results.mixture_types.items()],
            notes=_notes(results),
        )

    def study_section(
        self, results_by_system: Mapping[str, Sequence[ControlShiftResults]]
    ) -> StudySection | None:
        """Return the curves of all systems beside each other."""
        found = {system: average(curves) for system, curves in results_by_system.items()}
        if not any(found.values()):
            return None
        every = {
            SYSTEMS[system].title: DrawnCurve.of(curves[0], found[system])
            for system, curves in results_by_system.items()
        }
        drawn = {title: curve for title, curve in every.items() if curve.shifts}

        def draw(path: Path) -> None:
            save_figures(drawn, path)

        labels = dict.fromkeys(label for cells in found.values() for label in cells)
        table = Table(
            caption=self.title,
            measures=[
                replace(CONTROL_ACCURACY, name=system, title=SYSTEMS[system].title, digits=1)
                for system in found
            ],
            rows=[
                Row(
                    label,
                    {system: cells[label] for system, cells in found.items() if label in cells},
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
            draw=draw if drawn else None,
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


def _table(caption: str, curve: ShiftCurve) -> Table:
    own = {point.label for point in curve.shifts if not point.seconds}
    return Table(
        caption=caption,
        measures=[CONTROL_ACCURACY],
        rows=[
            Row(
                label,
                {CONTROL_ACCURACY.name: point.control_accuracy},
                point.mixtures,
                kind=RowKind.OWN if label in own else RowKind.BASELINE,
            )
            for label, point in curve.points.items()
            if point.control_accuracy
        ],
        head=_HEAD,
    )
