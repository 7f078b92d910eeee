"""HTML pages, complete in themselves, rendered from plain values.

Public names: `ReportPage` and `GalleryPage` with `render(page)` and `write_page(page, folder,
file)`, and the values they show: `Entry` and `Video`, `Verdict`, `DataFacts` and `Split`, and
`Artifact`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from components.html.long_list import SHOWN, LongList, in_one_list
from components.html.section import Section
from components.html.visible_text import visible
from components.tables import Table, spoken
from data_prep import storage

Pairs = Sequence[tuple[str, object]]
"""Names and values, as the page shows them."""


@dataclass(frozen=True)
class Video:
    """A video on a page.

    Attributes:
        uri: the MP4 as a data: URI.
        alt: what it shows, in words.
        symbol: `V` or `O`, or empty.
        index: the symbol's index, from 1; 0 without a symbol.
        has_audio: whether it has an audio track.
        captions: lines below it.
        chosen: whether the audio cue chooses it.
    """

    uri: str
    alt: str
    symbol: str = ""
    index: int = 0
    has_audio: bool = False
    captions: Sequence[str] = ()
    chosen: bool = False


@dataclass(frozen=True)
class Entry:
    """A separated example. Images and videos are data: URIs.

    Attributes:
        title: its heading.
        about: what it is.
        facts: its losses and its choice, in words.
        mixture: the input.
        outputs: the model's outputs.
        targets: V1 and V2; empty for a video that is no mixture.
        scored: whether the model scores its outputs.
        compositions: for each output `O_i = sum_j beta_ij L_j`, images of each (beta_ij, L_j) at
            the middle frame.
        masks: contact sheet of the masks; None without masks.
    """

    title: str
    about: str
    facts: Sequence[str]
    mixture: Video
    outputs: Sequence[Video]
    targets: Sequence[Video] = ()
    scored: bool = False
    compositions: Sequence[Sequence[tuple[str, str]]] = ()
    masks: str | None = None


@dataclass(frozen=True)
class Verdict:
    """Outcome of the evaluation.

    Attributes:
        blessed: whether the model keeps every threshold.
        reasons: the thresholds that it misses, in words.
        pushed: where it was pushed to; empty if it was not.
    """

    blessed: bool
    reasons: Sequence[str]
    pushed: str


@dataclass(frozen=True)
class Split:
    """Counts of a split: its name, what is counted, and how many there are."""

    name: str
    counts: Pairs


@dataclass(frozen=True)
class DataFacts:
    """What the data set was made of, and what was lost on the way.

    Attributes:
        files: counts of the files.
        splits: counts of each split.
        notes: what a reader should know before trusting the metrics, in sentences.
        reasons: why files were rejected, each with the number of files.
        rejected: the files that were not used.
        dropped: the mixtures that could not be made.
    """

    files: Pairs
    splits: Sequence[Split]
    notes: Sequence[str]
    reasons: LongList
    rejected: LongList
    dropped: LongList


@dataclass(frozen=True)
class Artifact:
    """An artifact in ML Metadata: the name of the input, and its id, type and URI."""

    name: str
    id: int
    type: str
    uri: str


@dataclass(frozen=True)
class ReportPage:
    """The report on a run.

    Attributes:
        title: the pipeline's name.
        system: the system's name in tables.
        about: its size and training, in words.
        metrics_note: what the metrics mean, in sentences.
        missing_metrics: what the tables lack and why, in sentences.
        verdict: outcome of the evaluation.
        headline: the main figures: (figure, description).
        comparison: tables of the metrics, one per mixture type.
        plots: figures of the comparison.
        slices: tables of the metrics, one per feature.
        curves: figures of the training run; empty if nothing was trained.
        training_note: what training started from, in a sentence; empty for fresh weights.
        analyses: one section per analysis.
        data: facts about the data set.
        gallery: mixture type -> entries; empty for models without outputs to show.
        gallery_note: why a model with outputs has no entries; empty otherwise.
        gallery_limit: the gallery is picked among at most this many held-out mixtures.
        artifacts: the report's inputs.
        settings: (name, JSON text).
        versions: (package or code, version or digest).
    """

    title: str
    system: str
    about: str
    metrics_note: str
    missing_metrics: Sequence[str]
    verdict: Verdict
    headline: Sequence[tuple[str, str]]
    comparison: Sequence[Table]
    plots: Sequence[Markup]
    slices: Sequence[Table]
    curves: Sequence[Markup]
    analyses: Sequence[Section]
    data: DataFacts
    gallery: Mapping[str, Sequence[Entry]]
    gallery_limit: int
    artifacts: Sequence[Artifact]
    settings: Pairs
    versions: Pairs
    gallery_note: str = ""
    training_note: str = ""

    template: ClassVar[str] = "report.html"

    @property
    def lists(self) -> list[LongList]:
        """The lists that lie beside the page."""
        slices = in_one_list(self.slices, "slices", "slices.csv")
        return [self.data.rejected, self.data.dropped, slices]


@dataclass(frozen=True)
class GalleryPage:
    """Videos separated by a model, without a run to report on.

    Attributes:
        title: the model.
        about: what is shown, in words.
        videos: videos as they are, which were never mixed.
        mixtures: mixture type -> mixtures of the videos.
        rejected: files that were not used: (file, reason).
    """

    title: str
    about: str
    videos: Sequence[Entry]
    mixtures: Mapping[str, Sequence[Entry]] = field(default_factory=dict)
    rejected: Sequence[tuple[str, str]] = ()

    template: ClassVar[str] = "gallery.html"

    @property
    def lists(self) -> list[LongList]:
        """The lists that lie beside the page."""
        return [rejected_files(self.rejected)]


def rejected_files(files: Sequence[tuple[str, str]]) -> LongList:
    """List the files that were not used: (file, reason)."""
    return LongList("unused files", "rejected.csv", ("path", "reason"), files)


def render(page: ReportPage | GalleryPage) -> str:
    """Return the page's HTML."""
    environment = Environment(
        loader=PackageLoader("components.html"),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"symbols": _symbols, "lines": _lines, "spoken": spoken}
    environment.filters["count"] = "{:,}".format
    environment.globals["shown"] = SHOWN
    return environment.get_template(page.template).render(page=page)


def write_page(page: ReportPage | GalleryPage, folder: str, file: str) -> None:
    """Write a page, and the lists beside it.

    Args:
        page: the page.
        folder: URI of the folder.
        file: name of the page's file.
    """
    text = render(page)
    for found in page.lists:
        storage.write_text(storage.join(folder, found.file), found.csv())
    storage.write_text(storage.join(folder, file), text)


def _finalize(value: object) -> object:
    """Make a text from outside visible; markup comes from here."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _lines(text: str) -> Markup:
    """Keep the line breaks of a text."""
    return Markup("\n").join(Markup.escape(visible(line)) for line in text.split("\n"))


def _symbols(text: str) -> Markup:
    """Set the symbols of a text, such as V1 and Oi, in italics with an index."""
    escaped = str(Markup.escape(text))
    return Markup(re.sub(r"\b([VOL])([1-9ij])\b", r"<i>\1</i><sub>\2</sub>", escaped))
