"""HTML pages, complete in themselves, rendered from plain values.

Public names: `ReportPage` with `render_report`, `GalleryPage` with `render_gallery`, and the
values they show: `Entry` and `Video`, `Verdict`, `Split` and `Artifact`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from components.html.section import Section
from components.tables import Table

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
    """Counts of a split.

    Attributes:
        name: its name.
        counts: what is counted, and how many there are.
        dropped: mixtures that could not be made: (mixture, file, reason).
    """

    name: str
    counts: Pairs
    dropped: Sequence[tuple[str, str, str]] = ()


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
        verdict: outcome of the evaluation.
        headline: the main figures: (figure, description).
        comparison: tables of the metrics, one per mixture type.
        plots: figures of the comparison.
        slices: tables of the metrics, one per feature.
        curves: figures of the training run; empty if nothing was trained.
        analyses: one section per analysis.
        splits: the data's counts.
        rejected: files that were not used: (file, reason).
        gallery: mixture type -> entries; empty for models without outputs to show.
        gallery_limit: the gallery is picked among at most this many held-out mixtures.
        artifacts: the report's inputs.
        settings: (name, JSON text).
        versions: (package or code, version or digest).
    """

    title: str
    system: str
    about: str
    metrics_note: str
    verdict: Verdict
    headline: Sequence[tuple[str, str]]
    comparison: Sequence[Table]
    plots: Sequence[Markup]
    slices: Sequence[Table]
    curves: Sequence[Markup]
    analyses: Sequence[Section]
    splits: Sequence[Split]
    rejected: Sequence[tuple[str, str]]
    gallery: Mapping[str, Sequence[Entry]]
    gallery_limit: int
    artifacts: Sequence[Artifact]
    settings: Pairs
    versions: Pairs


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


def render_report(page: ReportPage) -> str:
    """Return the report's HTML."""
    return _template("report.html").render(page=page)


def render_gallery(page: GalleryPage) -> str:
    """Return the gallery's HTML."""
    return _template("gallery.html").render(page=page)


def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("components.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["symbols"] = _symbols
    return environment.get_template(name)


def _symbols(text: str) -> Markup:
    """Set the symbols of a text, such as V1 and Oi, in italics with an index."""
    escaped = str(Markup.escape(text))
    return Markup(re.sub(r"\b([VOL])([1-9ij])\b", r"<i>\1</i><sub>\2</sub>", escaped))
