"""The action-recognition analysis as the pipeline, the page, the console and the study see it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from components.analyses.action_recognition.recognition_results import (
    MIXED,
    NAME,
    PURE,
    ActionRecognitionResults,
    ActionRecognitionSettings,
    TypeAccuracies,
)
from components.analyses.analysis import Analysis, AnalysisInputs, StudySection
from components.analyses.request import AnalysisRequest
from components.estimates import Estimate, over_seeds
from components.html.figures import comparisons
from components.html.panels import Panel, save_panels
from components.html.section import Section
from components.tables import Row, RowKind, Table, spoken
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from models.measures import ACCURACY, ACTION_ACCURACY, MIXED_ACCURACY, Measure
from models.systems import SYSTEMS, System, get_system

if TYPE_CHECKING:
    from tfx.dsl.components.base.base_component import BaseComponent

_HEAD = "input"
_NOTES = """\
Each mixture asks two questions, the classes of V1 and of V2. The mixture gives the same answer to
both. Among a separator's outputs, the best assignment picks one for each video.
"""


class ActionRecognitionAnalysis(Analysis[ActionRecognitionSettings, ActionRecognitionResults]):
    """Accuracy of a classifier on videos, on mixtures and on separators' outputs."""

    name = NAME
    title = "Action recognition in mixtures"
    settings = ActionRecognitionSettings
    results = ActionRecognitionResults
    code_module = "components.analyses.action_recognition.component"

    def applies_to(self, system: System, settings: ActionRecognitionSettings) -> bool:
        """Return whether the system names classes."""
        return system.task.needs_classes

    def component(
        self, inputs: AnalysisInputs, settings: ActionRecognitionSettings
    ) -> "BaseComponent":
        """Create the component `ActionRecognition`."""
        from components.analyses.action_recognition.component import ActionRecognition

        request = AnalysisRequest[ActionRecognitionSettings](
            settings=settings, clip=inputs.clip, seed=inputs.seed
        )
        return ActionRecognition(
            examples=inputs.examples,
            classifier=inputs.model,
            settings=request.model_dump_json(),
            code=inputs.code,
        )

    def tables(self, results: ActionRecognitionResults) -> list[Table]:
        """Return the accuracies, one row per input and one column per mixture type."""
        by_type = results.mixture_types
        inputs = dict.fromkeys(name for found in by_type.values() for name in found.inputs)
        rows = [
            Row(
                _title(results.classifier, name),
                {
                    kind: found.inputs[name]
                    for kind, found in by_type.items()
                    if name in found.inputs
                },
            )
            for name in inputs
        ]
        return [Table(self.title, [_column(kind) for kind in by_type], rows, head=_HEAD)]

    def section(self, results: ActionRecognitionResults) -> Section:
        """Return the accuracies beside the published ones, by mixture type."""
        tables = [
            Table(
                spoken(name), [ACTION_ACCURACY], _rows(results.classifier, name, found), head=_HEAD
            )
            for name, found in results.mixture_types.items()
        ]
        return Section(
            title=self.title,
            about="Share of held-out videos whose class is recognized from the video itself, from "
            "the mixture, and from the output of a separator that the best assignment pairs with "
            "the video.",
            figures=comparisons(tables, [ACTION_ACCURACY]),
            tables=tables,
            notes=_left_out(results),
        )

    def with_folders(
        self, settings: ActionRecognitionSettings, name_of: Callable[[str], str]
    ) -> ActionRecognitionSettings:
        """Return the settings with other names of the separators' folders."""
        separators = {name: name_of(folder) for name, folder in settings.separators.items()}
        return settings.model_copy(update={"separators": separators})

    def study_settings(self, earlier: Mapping[str, str]) -> dict[str, object]:
        """Return the separators so far that Table 3 has a figure for."""
        published = {
            name: folder
            for name, folder in earlier.items()
            if ACTION_ACCURACY.name in SYSTEMS[name].published.figures
        }
        return {"separators": published}

    def study_section(
        self, results_by_system: Mapping[str, Sequence[ActionRecognitionResults]]
    ) -> StudySection | None:
        """Return Table 3: accuracy by input, beside the published one."""
        columns = [
            _StudyColumn(classifier, kind, results)
            for classifier, results in results_by_system.items()
            for kind in MIXTURE_TYPES
            if any(kind in result.mixture_types for result in results)
        ]
        if not any(column.own for column in columns):
            return None
        titles = dict.fromkeys(title for column in columns for title in column.own)

        def draw(path: Path) -> None:
            panels = [Panel(spoken(c.kind), c.own, c.published) for c in columns]
            save_panels(path, panels, rows=list(titles), measure=ACTION_ACCURACY)

        table = Table(
            caption=self.title,
            measures=[measure for column in columns for measure in column.measures],
            rows=[
                Row(title, {k: v for c in columns for k, v in c.cells(title).items()})
                for title in titles
            ],
            head=_HEAD,
        )
        return StudySection(
            title="Table 3: action recognition",
            tables=[table],
            notes=_NOTES,
            file_name="action.svg",
            alt="Action accuracy",
            draw=draw,
        )


def _left_out(results: ActionRecognitionResults) -> list[str]:
    if not results.unlabeled:
        return []
    whole = results.mixtures + results.unlabeled
    return [
        f"{results.unlabeled:,} of {whole:,} held-out mixtures are left out, because one of their "
        "videos has no class."
    ]


class _StudyColumn:
    """Accuracies on one mixture type, averaged over seeds, and the published ones, by title."""

    def __init__(self, classifier: str, kind: str, results: Sequence[ActionRecognitionResults]):
        self.kind = kind
        found = [r.mixture_types[kind].inputs if kind in r.mixture_types else {} for r in results]
        names = dict.fromkeys(name for inputs in found for name in inputs)
        own = over_seeds({name: [inputs.get(name) for inputs in found] for name in names})
        self.own = {_title(classifier, name): estimate for name, estimate in own.items()}
        published = {name: _published(classifier, name, kind) for name in own}
        self.published = {
            _title(classifier, name): value
            for name, value in published.items()
            if value is not None
        }

    @property
    def measures(self) -> list[Measure]:
        own = replace(_column(self.kind), digits=1)
        return [own, replace(own, name=f"published, {self.kind}", title="published")]

    def cells(self, title: str) -> dict[str, Estimate]:
        own, published = (measure.name for measure in self.measures)
        cells: dict[str, Estimate] = {}
        if title in self.own:
            cells[own] = self.own[title]
        if title in self.published:
            cells[published] = Estimate(value=self.published[title])
        return cells


def _column(mixture_type: str) -> Measure:
    return replace(ACTION_ACCURACY, name=mixture_type, title=spoken(mixture_type))


def _rows(classifier: str, mixture_type: str, found: TypeAccuracies) -> list[Row]:
    rows = []
    for name, accuracy in found.inputs.items():
        title = _title(classifier, name)
        own = {ACTION_ACCURACY.name: accuracy}
        kind = RowKind.BASELINE if name in (PURE, MIXED) else RowKind.OWN
        rows.append(Row(title, own, found.mixtures, kind))
        published = _published(classifier, name, mixture_type)
        if published is not None:
            figures = {ACTION_ACCURACY.name: Estimate(value=published)}
            rows.append(Row(f"{title}, published", figures, kind=RowKind.PUBLISHED))
    return rows


def _title(classifier: str, name: str) -> str:
    """Return the title of an input of the classifier, as Table 3 has it."""
    own = get_system(classifier).title
    known = {PURE: f"{own}, pure video", MIXED: f"{own}, mixed video"}
    separator = SYSTEMS[name].title if name in SYSTEMS else name
    return known.get(name, f"{separator} + {own}")


def _published(classifier: str, name: str, mixture_type: str) -> float | None:
    """Return the published accuracy on an input of the classifier, or None."""
    measures = {PURE: ACCURACY, MIXED: MIXED_ACCURACY}
    if name in measures:
        return get_system(classifier).published_value(measures[name], mixture_type)
    if name in SYSTEMS:
        return SYSTEMS[name].published_value(ACTION_ACCURACY, mixture_type)
    return None
