"""What runs leave, made up: of ordinary data, of next to nothing, and of far too much.

`extreme_run(folder, seed)` draws a shape of run; equal seeds give equal runs.
"""

import math
from pathlib import Path

import numpy as np

from components.analyses.action_recognition import recognition_results
from components.analyses.action_recognition.recognition_analysis import ActionRecognitionAnalysis
from components.analyses.control_shift import shift_results
from components.analyses.control_shift.shift_analysis import ControlShiftAnalysis
from components.analyses.control_shift.shift_results import (
    SAME_CLASS_AUDIO,
    SILENT_AUDIO,
    UNRELATED_AUDIO,
)
from components.estimates import Moments
from components.evaluation.evaluation_results import _slice_metrics
from components.evaluation.mean_scalars import summarize
from components.evaluation.slice_metrics import EvaluationResults
from components.html.pages import Artifact, Verdict
from components.report.data import Data, read_data
from components.report.run_page import RunFacts
from components.report.settings import ReportSettings
from data_prep.config import DataConfig
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.records.info import DatasetInfo, DroppedMixture, SplitInfo
from data_prep.sources import manifest
from data_prep.sources.kinetics import Rejection
from models.config import ModelConfig, TrainConfig
from models.systems import get_system
from models.tasks.bounds import EvaluationSettings

HOSTILE = (
    "<script>alert(\"1\")</script> & 'co'",
    "line\nbreak\rand\ttab",
    "x" * 300,
    "long words " * 30,
    "\u202egpj.exe",
    "שלום עולם",
    "مرحبا بالعالم",
    "👩‍👩‍👧‍👦🎬",
    "costs $5 and $6",
    "{{ 7 * 7 }} {% if %}",
    "bytes \udcff\udcfe",
    "a|b,c;d\"e'f",
)
"""Labels and names that a folder may hold."""

REASONS = (
    "audio cannot be decoded: Invalid data found when processing input",
    "audio cannot be decoded: Error number -42 occurred",
    "is an HTML page",
    "is a Git LFS pointer",
    "empty file",
    "too short: 1.20 s, a clip needs 2.13 s",
    "too short: 0.40 s, a clip needs 2.13 s",
    "same file as /videos/abseiling/a b_000010_000020.mp4",
    "same file as /videos/zumba/c_000000_000010.mp4",
    ".txt: not a video file name",
)


def evaluation(system, by_slice):
    """Compute metrics as the Evaluator does.

    Args:
        system: name of the system.
        by_slice: feature -> value -> scalars of the examples, `[N, k]`.
    """
    scalars = get_system(system).task.scalars
    return EvaluationResults(
        slices={
            feature: {
                value: _slice_metrics(summarize(scalars, Moments.over(rows)))
                for value, rows in found.items()
            }
            for feature, found in by_slice.items()
        }
    )


def scalars(system, rng, count, broken=0.0):
    """Draw the scalars of examples; a share of them is NaN or infinite."""
    names = get_system(system).task.scalars
    rows = rng.uniform(0.05, 0.95, (count, len(names)))
    lost = rng.uniform(size=rows.shape) < broken
    rows[lost] = rng.choice([math.nan, math.inf, -math.inf], lost.sum())
    return rows


def split_info(mixtures, *, with_audio, labels=(), dropped=(), videos=40):
    """Return the facts about a split; `mixtures` counts them by type."""
    return SplitInfo(
        mixtures=sum(mixtures.values()),
        mixture_types={name: count for name, count in mixtures.items() if count},
        with_audio=with_audio,
        videos=videos,
        sources=videos,
        labels=sorted(labels),
        dropped=[
            DroppedMixture(mixture_id=f"train-{i:06d}", path=path, reason=reason)
            for i, (path, reason) in enumerate(dropped)
        ],
    )


def data_of(folder: Path, train, held_out, rejected=(), **settings) -> Data:
    """Write the files of a data set, and read them as the report does."""
    info = DatasetInfo(
        splits={"train": train, "eval": held_out},
        settings=DataConfig(**settings),
        features={},
        files_not_used=len(rejected),
    )
    info.write(str(folder / "info.json"))
    shown = [(path.encode(errors="backslashreplace").decode(), why) for path, why in rejected]
    rejections = [Rejection(path, why) for path, why in shown]
    manifest.write_rejected(str(folder / "rejected.csv"), rejections)
    return read_data(str(folder))


def curves(rng, system, points, broken=0.0):
    """Draw curves of a training run."""
    found = {}
    for measure in get_system(system).measures:
        for place, every in (("train", 1), ("held_out", 10)):
            steps = range(every, points + 1, every)
            values = rng.uniform(0, 1, len(steps))
            values[rng.uniform(size=len(steps)) < broken] = rng.choice([math.nan, math.inf])
            found[f"{place}/{measure.name}"] = list(zip(steps, values.tolist(), strict=True))
    return {tag: curve for tag, curve in found.items() if curve}


def shifted(rng, mixtures, unreadable=0):
    """Return the section of the control-shift analysis."""
    names = {f"eval-{i}": str(rng.choice(list(MIXTURE_TYPES))) for i in range(mixtures)}
    readable = list(names)[unreadable:]
    choices = {cue: {name: float(rng.integers(2)) for name in readable} for cue in (-0.5, 0.0, 0.5)}
    for cue in (SILENT_AUDIO, SAME_CLASS_AUDIO, UNRELATED_AUDIO):
        choices[cue] = {name: float(rng.integers(2)) for name in names}
    shifts = (-0.5, 0.0, 0.5, 9.0)
    classes = {name: str(rng.choice(["", "one class", "two classes"])) for name in names}
    return shift_results.summarize(choices, shifts, names, classes, unreadable=unreadable)


def recognized(rng, mixtures, unlabeled, separator="c2"):
    """Return the section of the action-recognition analysis."""
    count = mixtures + unlabeled
    labels = np.full((count, 2), "", object)
    labels[:mixtures] = rng.choice(["a", "b"], (mixtures, 2))
    types = rng.choice(list(MIXTURE_TYPES), count) if count else np.array([], str)
    names = ("pure", "mixed", separator)
    answers = {name: rng.choice(["a", "b"], (count, 2)).astype(object) for name in names}
    return recognition_results.summarize("i3d", answers, labels, types)


def settings_of(system) -> ReportSettings:
    """Return the settings that a report shows."""
    return ReportSettings(
        pipeline="made-up",
        model=ModelConfig(system=system),
        train=TrainConfig(),
        evaluation=EvaluationSettings(),
    )


def facts_of(data, results, **more) -> RunFacts:
    """Return what a run left, without what is not given."""
    values = {
        "baseline": EvaluationResults(slices={}),
        "curves": {},
        "analyses": [],
        "gallery": {},
        "verdict": Verdict(blessed=True, reasons=[], pushed=""),
        "artifacts": [Artifact("examples", 1, "Examples", "/out/examples/1")],
        "versions": [("python", "3.11.9")],
    }
    return RunFacts(data=data, results=results, **{**values, **more})


def extreme_run(folder: Path, seed: int) -> tuple[RunFacts, ReportSettings]:
    """Draw a run: any system, any subset of slices, few or no examples, hostile labels."""
    rng = np.random.default_rng(seed)
    system = str(rng.choice(["identity", "c2", "c3_deterministic", "c3_internal", "i3d"]))
    types = [name for name in MIXTURE_TYPES if rng.integers(2)] or ["occlusion"]
    counts = {name: int(rng.integers(0, 3)) for name in types}
    held_out = split_info(
        counts,
        with_audio=int(rng.integers(0, sum(counts.values()) + 1)),
        labels=rng.choice(["", *HOSTILE], int(rng.integers(0, 4)), replace=False).tolist(),
        videos=int(rng.integers(0, 5)),
    )
    lost = [(f"/v/{name}.mp4", str(rng.choice(REASONS))) for name in HOSTILE]
    rejected = [lost[i] for i in rng.permutation(len(lost))[: rng.integers(0, len(lost))]]
    train = split_info(
        counts,
        with_audio=0,
        dropped=[(path.replace("\udcff\udcfe", ""), why) for path, why in rejected],
    )
    broken = float(rng.choice([0.0, 0.0, 0.2, 1.0]))
    slices = {
        "": {"": scalars(system, rng, sum(counts.values()), broken)},
        "mixture_type": {
            name: scalars(system, rng, count, broken) for name, count in counts.items() if count
        },
        "v1_label": {name: scalars(system, rng, 1, broken) for name in ("", *HOSTILE)},
        "v1_height": {"96": scalars(system, rng, 2, broken)},
    }
    kept = {feature: found for feature, found in slices.items() if rng.uniform() < 0.7}
    sections = [
        ControlShiftAnalysis().section(shifted(rng, 4, int(rng.integers(0, 5)))),
        ActionRecognitionAnalysis().section(
            recognized(rng, int(rng.integers(0, 3)), 2, separator=HOSTILE[seed % len(HOSTILE)])
        ),
    ]
    shares = dict.fromkeys(types, 1 / len(types))
    return (
        facts_of(
            data_of(folder, train, held_out, rejected, shares=shares),
            evaluation(system, kept),
            baseline=evaluation(system, kept if rng.integers(2) else {}),
            curves=curves(rng, system, int(rng.choice([0, 1, 30])), broken),
            analyses=sections[: rng.integers(0, 3)],
        ),
        settings_of(system),
    )
