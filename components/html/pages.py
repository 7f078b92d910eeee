"""Plain values become an HTML page that is complete in itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from components.report.analysis_sections import Analysis
from components.report.findings import Measure, Row

Table = Sequence[tuple[str, object]]


@dataclass(frozen=True)
class Shown:
    """A video on the page.

    Attributes:
        symbol: V, O or nothing, and `index`, from 1; 0 for none.
        uri: the MP4.
        alt: what it is, in words.
        sounds: whether it has a sound track.
        lines: captions.
        chosen: whether the sound chooses it.
    """

    symbol: str
    index: int
    uri: str
    alt: str
    sounds: bool = False
    lines: tuple[str, ...] = ()
    chosen: bool = False


@dataclass(frozen=True)
class Entry:
    """An example taken apart, ready to be shown; pictures and videos are data: URIs.

    Attributes:
        scored: whether the model gives its outputs scores.
        compositions: of each output `O_i = sum_j beta_ij L_j` at one moment, pictures of each
            (beta_ij, L_j).
    """

    title: str
    about: str
    facts: list[str]
    mixture: Shown
    outputs: list[Shown]
    truths: list[Shown]
    scored: bool = False
    compositions: list[list[tuple[str, str]]] = field(default_factory=list)
    masks: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What became of the model.

    Attributes:
        blessed: whether it keeps every threshold.
        reasons: why not, in words.
        pushed: where it was pushed to; empty where it was not.
    """

    blessed: bool
    reasons: list[str]
    pushed: str


@dataclass(frozen=True)
class Split:
    """The counts of a split, as `info.json` has them; `dropped`: (mixture, path, reason)."""

    name: str
    counts: Table
    dropped: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Artifact:
    """An artifact of ML Metadata: the name it is read by, its id, type and URI."""

    name: str
    id: int
    type: str
    uri: str


@dataclass(frozen=True)
class ReportPage:
    """All that a report shows.

    Attributes:
        title: the pipeline's name.
        system: the system's name in the papers.
        about: its size and training, in words.
        verdict: what became of the model.
        headline: the chief figures: (figure, what it is).
        measures: the columns of the tables.
        comparison: mixture type -> rows.
        plots: figures of the comparison.
        slices: feature -> rows.
        curves: figures of the training; empty where nothing was trained.
        analysis: what else was found out about the model, if anything was.
        splits: the data's counts.
        rejected: files that were not used: (path, reason).
        gallery: mixture type -> entries; empty for a classifier.
        looked_at: held-out mixtures among which the gallery was picked, at most.
        artifacts: the inputs.
        settings: (name, JSON text).
        versions: (package or code, version or digest).
    """

    title: str
    system: str
    about: str
    verdict: Verdict
    headline: list[tuple[str, str]]
    measures: list[Measure]
    comparison: dict[str, list[Row]]
    plots: list[Markup]
    slices: dict[str, list[Row]]
    curves: list[Markup]
    analysis: Analysis | None
    splits: list[Split]
    rejected: list[tuple[str, str]]
    gallery: dict[str, list[Entry]]
    looked_at: int
    artifacts: list[Artifact]
    settings: Table
    versions: Table


@dataclass(frozen=True)
class GalleryPage:
    """Videos taken apart by a model, without a run about them.

    Attributes:
        title: the model.
        about: what is shown, in words.
        videos: videos as they are, which were never mixed.
        mixtures: mixture type -> mixtures of them.
        rejected: files that were not used: (path, reason).
    """

    title: str
    about: str
    videos: list[Entry]
    mixtures: dict[str, list[Entry]]
    rejected: list[tuple[str, str]]


def render_report(page: ReportPage) -> str:
    """Return the report's HTML."""
    return _template("report.html").render(page=page)


def render_gallery(page: GalleryPage) -> str:
    """Return the gallery's HTML."""
    return _template("gallery.html").render(page=page)


def _template(name: str):
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("components.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
