"""The study from its runs to its page: `results.json`, `results.md` and the pictures."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import yaml

from data_prep.files import write_text
from models.published import TITLES, published
from models.systems import SYSTEMS
from pipeline import local
from pipeline.config import PipelineConfig
from pipeline.fingerprint import source_digest
from pipeline.study import page, plots, results
from pipeline.study.runs import Run

_INTRODUCTION = """\
# Results

Every system on the same held-out mixtures, with the published figures (Kinetics-600) beside ours.
`±` is half a 95 % interval over seeds and examples: the half-width over the examples, which the
seeds share, and Student's t over the seeds, added in squares; with one seed it is over the examples
alone. The data sets differ, so that losses compare within a column; loss over Identity's loss
compares across.
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
    """Draw the pictures, and return the page's sections."""
    sections = []
    if separation:
        plots.draw_rows(
            *_rows(separation, "relative_loss"),
            folder / "separation.svg",
            label="loss / Identity's loss",
            reference=1.0,
        )
        parameters = _parameters(separation, config)
        sizes = {name: system.published_parameters for name, system in SYSTEMS.items()}
        sections += ["## Table 1: separation\n", page.table_1(separation, parameters, sizes)]
        sections.append("![Loss over Identity's loss, by system](separation.svg)\n")
    controlled = {name: separation[name] for name in page.CONTROLLED if name in separation}
    if controlled:
        plots.draw_rows(
            *_rows(controlled, "control_accuracy"),
            folder / "control.svg",
            label="control accuracy",
            percent=True,
            reference=0.5,
        )
        sections += ["## Table 2: control by sound\n", page.table_2(separation)]
        sections.append("![Control accuracy, by system](control.svg)\n")
    if action:
        plots.draw_rows(
            {page.action_title(seen): cells for seen, cells in action.items()},
            {
                page.action_title(seen): {kind: page.published_action(seen, kind) for kind in cells}
                for seen, cells in action.items()
            },
            folder / "action.svg",
            label="action accuracy",
            percent=True,
        )
        sections += ["## Table 3: action recognition\n", page.table_3(action)]
        sections.append(
            "Each mixture asks two questions, the classes of V1 and of V2. The mixture itself "
            "answers both alike; of a separator's outputs, the one answers for a video that the "
            "best assignment pairs with it.\n\n![Action accuracy](action.svg)\n"
        )
    if shift:
        titled = {TITLES[system]: found for system, found in shift.items()}
        plots.draw_control_shift(titled, folder / "control_shift.svg")
        sections += ["## Control by shifted sound\n", page.table_shift(shift)]
        sections.append("![Control accuracy, by the sound's shift](control_shift.svg)\n")
    return sections


def _rows(table, metric: str) -> tuple[dict, dict]:
    """Return our figures and the published ones, by a row's title and by mixture type."""
    ours = {
        TITLES[system]: {kind: cells[metric] for kind, cells in kinds.items()}
        for system, kinds in table.items()
    }
    theirs = {
        TITLES[system]: {kind: published(system, metric, kind) for kind in kinds}
        for system, kinds in table.items()
    }
    return ours, theirs


def _parameters(systems, config: PipelineConfig) -> dict[str, int]:
    from models.trainer import build

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
        "code": source_digest("components", "data_prep", "models"),
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
