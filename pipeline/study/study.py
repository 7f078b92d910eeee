"""The study from its runs to its page: `results.json`, `results.md` and the pictures."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import yaml

from components.report.analysis_sections import action_title, published_action
from data_prep.mixing.pairing import TRANSPARENCY
from data_prep.storage import write_text
from models.published import TITLES, published
from models.systems import SYSTEMS
from pipeline.config import PipelineConfig
from pipeline.fingerprint import source_digest
from pipeline.runners import local
from pipeline.study import averages as results
from pipeline.study import drawings as plots
from pipeline.study import tables as page
from pipeline.study.runs import Run

_INTRODUCTION = """\
# Results

Every system on the same held-out mixtures, with the published figures (Kinetics-600) beside ours.
`±` is half a 95 % interval over examples and seeds: the half-width over the examples, which the
seeds share, and Student's t over the seeds, their spread pooled over the column, added in squares;
with one seed it is over the examples alone. Each mixture counts as one example, although mixtures
share videos: with other videos the figures may differ by more. The data sets differ, so that losses
compare within a column; the loss over Identity's, in the picture, compares across.
"""

_DECIDING = (
    "components/analyses",
    *("components/evaluation", "components/mixture_gen", "components/training"),
    *("data_prep", "models", "pipeline/study"),
)
"""The code that decides the figures."""

_PROTOCOL = """\
Each mixture asks two questions, the classes of V1 and of V2. The mixture itself answers both alike;
of a separator's outputs, that one answers for a video which the best assignment pairs with it.
"""


def write_study(runs: Sequence[Run], config: PipelineConfig, places: local.Places) -> Path:
    """Write what the runs came to.

    Args:
        runs: see `pipeline.study.runs.run_study`.
        config: the settings that the runs have in common.
        places: where the runs kept their things; the results are written beside them.

    Returns:
        The page, `results.md`.
    """
    folder = places.summary.parent
    separation = results.separation(runs)
    action = results.action(runs)
    shift = results.control_shift(runs)
    about = _about(runs, config, places)
    tables = {"separation": separation, "action": action, "control_shift": shift, "about": about}
    write_text(folder / "results.json", json.dumps(results.to_json(tables), indent=2) + "\n")
    text = "\n".join(
        [_INTRODUCTION, *_sections(separation, action, shift, config, folder), _settings(about)]
    )
    write_text(folder / "results.md", text)
    return folder / "results.md"


def _sections(separation, action, shift, config, folder) -> list[str]:
    """Draw the pictures, and return the page's sections, of what was run."""
    systems = list(separation[TRANSPARENCY]["loss"])
    controlled = [system for system in page.CONTROLLED if system in systems]
    sections = []
    if systems:
        sections += _separation(separation, systems, config, folder)
    if controlled:
        sections += _control(separation, controlled, folder)
    if any(action.values()):
        sections += _action(action, folder)
    if shift:
        sections += _control_shift(shift, folder)
    return sections


def _separation(separation, systems, config, folder) -> list[str]:
    style = {"label": "loss / Identity's loss", "reference": 1.0}
    _draw(separation, "relative_loss", systems, folder / "separation.svg", **style)
    sizes = {name: system.published_parameters for name, system in SYSTEMS.items()}
    table = page.table_1(separation, _parameters(systems, config), sizes)
    picture = "![Loss over Identity's loss, by system](separation.svg)\n"
    return ["## Table 1: separation\n", table, picture]


def _control(separation, systems, folder) -> list[str]:
    style = {"label": "control accuracy", "reference": 0.5, "percent": True}
    _draw(separation, "control_accuracy", systems, folder / "control.svg", **style)
    picture = "![Control accuracy, by system](control.svg)\n"
    return ["## Table 2: control by sound\n", page.table_2(separation, systems), picture]


def _draw(separation, metric: str, systems, path: Path, **style) -> None:
    """Draw a metric of the separators beside the published one."""
    plots.draw_rows(
        {kind: metrics[metric] for kind, metrics in separation.items()},
        lambda system, kind: published(system, metric, kind),
        {system: TITLES[system] for system in systems},
        path,
        **style,
    )


def _action(action, folder) -> list[str]:
    plots.draw_rows(
        action,
        published_action,
        {seen: action_title(seen) for seen in action[TRANSPARENCY]},
        folder / "action.svg",
        label="action accuracy",
        percent=True,
    )
    picture = "![Action accuracy](action.svg)\n"
    return ["## Table 3: action recognition\n", page.table_3(action), _PROTOCOL, picture]


def _control_shift(shift, folder) -> list[str]:
    titled = {TITLES[system]: found for system, found in shift.items()}
    plots.draw_control_shift(titled, folder / "control_shift.svg")
    picture = "![Control accuracy, by the sound's shift](control_shift.svg)\n"
    return ["## Control by shifted sound\n", page.table_shift(shift), picture]


def _parameters(systems, config: PipelineConfig) -> dict[str, int]:
    from models.training.fit import build

    return {
        system: build(
            config.model.model_copy(update={"system": system}), config.data.clip, []
        ).count_params()
        for system in systems
    }


def _about(runs: Sequence[Run], config: PipelineConfig, places: local.Places) -> dict:
    manifest = local.newest_manifest(places)
    return {
        "settings": config.model_dump(mode="json", exclude={"system", "vertex", "mixtures"}),
        "seeds": sorted({run.seed for run in runs}),
        "videos": hashlib.sha256(manifest.read_bytes()).hexdigest()[:16],
        "code": source_digest(*_DECIDING),
        "seconds": {
            f"{run.system}-{run.seed}": sum(run.summary["seconds"].values()) for run in runs
        },
    }


def _settings(about: dict) -> str:
    lines = [
        "## Settings\n",
        f"Seeds: {', '.join(map(str, about['seeds']))}. Digest of the videos' manifest: "
        f"`{about['videos']}`; of the code: `{about['code']}`.\n",
        f"```yaml\n{yaml.safe_dump(about['settings'], sort_keys=False)}```\n",
    ]
    return "\n".join(lines)
