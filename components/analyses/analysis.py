"""The interface of an analysis: what the pipeline, the page, the console and the study read.

A new analysis is a folder with a subclass of `Analysis`, and one entry in
`components.analyses.registry`. Nothing else in the project names it.

This module loads neither TFX nor TensorFlow, so that a configuration is checked at once. A
subclass imports its TFX component inside `component`, and Matplotlib where it draws.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from components.html.section import Section
from components.tables import Table
from data_prep.config import ClipConfig
from data_prep.results import Results
from data_prep.settings import Settings
from models.systems import System

if TYPE_CHECKING:
    from tfx.dsl.components.base.base_component import BaseComponent
    from tfx.types import BaseChannel

SettingsT = TypeVar("SettingsT", bound=Settings)
ResultsT = TypeVar("ResultsT", bound=Results)


@dataclass(frozen=True)
class AnalysisInputs:
    """Inputs of an analysis's component.

    Attributes:
        examples: channel of MixtureGen's examples.
        model: channel of the Trainer's model.
        manifests: folder of the manifests' spans, `span-N/manifest.csv`.
        clip: the shape of the records' clips.
        seed: seed for whatever the analysis draws.
        code: digest of the analysis's code, so that TFX's cache notices a change.
    """

    examples: "BaseChannel"
    model: "BaseChannel"
    manifests: str
    clip: ClipConfig
    seed: int
    code: str


@dataclass(frozen=True)
class StudySection:
    """A section of the study's page.

    Attributes:
        title: its heading.
        tables: its tables, whose estimates are over seeds; see `components.tables.markdown`.
        notes: Markdown that follows the tables; empty for none.
        file_name: name of the figure's file, for example `action.svg`; empty for no figure.
        alt: what the figure shows.
        draw: writes the figure to a path; None for no figure.
    """

    title: str
    tables: Sequence[Table]
    notes: str = ""
    file_name: str = ""
    alt: str = ""
    draw: Callable[[Path], None] | None = None


class Analysis(ABC, Generic[SettingsT, ResultsT]):
    """One analysis of a trained model.

    Attributes:
        name: key in the configuration, in `RunSummary.analyses` and among Report's inputs.
        title: heading of its section and of its tables.
        settings: type of its settings, the values under `analyses.NAME` in a configuration.
        results: type of its results.
        reads_videos: whether it decodes videos of the manifest again, so that a run without
            MixtureGen needs a manifest too.
        code_module: module that, with all that it imports, decides the results; the pipeline
            digests it for `AnalysisInputs.code`.
    """

    name: str
    title: str
    settings: type[SettingsT]
    results: type[ResultsT]
    reads_videos: bool = False
    code_module: str

    @abstractmethod
    def applies_to(self, system: System, settings: SettingsT) -> bool:
        """Return whether the analysis says anything about a system."""

    @abstractmethod
    def component(self, inputs: AnalysisInputs, settings: SettingsT) -> "BaseComponent":
        """Create the TFX component that runs the analysis.

        Returns:
            A component whose output `analysis` is an `AnalysisArtifact`, written with
            `components.analyses.analysis_file.write_analysis`.
        """

    @abstractmethod
    def tables(self, results: ResultsT) -> list[Table]:
        """Return the tables that summarize the results, as the console prints them."""

    @abstractmethod
    def section(self, results: ResultsT) -> Section:
        """Return the report's section on the results."""

    def with_folders(self, settings: SettingsT, name_of: Callable[[str], str]) -> SettingsT:
        """Return the settings with other names of the folders that they hold, if any.

        Args:
            settings: the settings.
            name_of: URI of a folder -> the name by which TFX's cache knows it, which stays the
                same if the output is moved.
        """
        return settings

    def study_settings(self, earlier: Mapping[str, str]) -> Mapping[str, object]:
        """Return settings that a run of the study needs beside the configured ones.

        Args:
            earlier: name of a system -> folder of its SavedModel, of the runs with the same seed
                so far, in the order of the tables.

        Returns:
            Key of `settings` -> value; none by default.
        """
        return {}

    def study_section(
        self, results_by_system: Mapping[str, Sequence[ResultsT]]
    ) -> StudySection | None:
        """Return the study's section.

        Args:
            results_by_system: name of a system -> the results of each seed; only systems with
                results.

        Returns:
            The section; None if the study has nothing to say about this analysis.
        """
        return None
