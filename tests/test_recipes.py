"""The recipes of CONTRIBUTING, followed to the letter in a copy of the project."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import tensorflow as tf

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
PACKAGES = ("data_prep", "models", "components", "pipeline", "serving")
BLOCK = re.compile(r"^( *)```(\w+)(?: (\S+))?\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)

# Only as much as it takes to run every stage; an untrained model must be pushed.
SMALL = (
    "train.steps=2",
    "train.checkpoint_every=2",
    "train.image_every=2",
    "data.train_mixtures=4",
    "data.eval_mixtures=4",
    "evaluation.relative_loss=9",
)


@dataclass(frozen=True)
class Run:
    """A copy of the project that follows the recipes, and its run of the pipeline."""

    project: Path
    output: Path
    printed: str

    @property
    def summary(self) -> dict:
        return json.loads((self.output / "summary.json").read_text())

    def artifact(self, name: str) -> Path:
        return Path(self.summary["artifacts"][name])


def blocks(language: str) -> list[tuple[str, str]]:
    """Return (path, text) of the fenced blocks of a language in CONTRIBUTING."""
    found = []
    for match in BLOCK.finditer((ROOT / "CONTRIBUTING.md").read_text()):
        indent, kind, path, text = match.groups()
        if kind == language:
            found.append((path, re.sub(f"^{indent}", "", text, flags=re.MULTILINE)))
    return found


def apply_diff(text: str, diff: str) -> str:
    """Apply a diff whose hunks are separated by `@@` and found by their content."""
    for hunk in diff.split("@@\n"):
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        new = "".join(line[1:] for line in lines if line[0] in " +")
        assert text.count(old) == 1, f"must occur once:\n{old}"
        text = text.replace(old, new)
    return text


def follow_recipes(project: Path) -> None:
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, project / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", project)
    for path, text in blocks("python"):
        (project / path).parent.mkdir(exist_ok=True)
        assert not (project / path).exists()
        (project / path).write_text(text)
    for path, diff in blocks("diff"):
        changed = apply_diff((project / path).read_text(), diff)
        (project / path).write_text(changed)


def settings() -> list[str]:
    """Return the settings in the commands of the recipes."""
    words = [word for _, command in blocks("sh") for word in shlex.split(command)]
    return [value for flag, value in pairwise(words) if flag == "--set"]


def python(project: Path, *words: object) -> str:
    command = [sys.executable, "-m", *map(str, words)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    project = tmp_path_factory.mktemp("recipes")
    follow_recipes(project)
    python(project, "data_prep", "sample", "--output", "sample", "--clips", 12, "--classes", 2)
    given = [word for value in (*settings(), *SMALL) for word in ("--set", value)]
    where = ("--config", "demo", "--videos", "sample/videos", "--output", "out")
    return Run(project, project / "out", python(project, "pipeline", "run", *where, *given))


def test_the_recipes_name_one_of_each():
    assert settings() == [
        "model.system=linear",
        "analyses.output_distance.mixtures=100",
        "data.shares={transparency: 0.5, crossfade: 0.5}",
    ]


def test_each_recipe_touches_one_module_or_folder_and_one_registry():
    assert {path for path, _ in blocks("diff")} == {
        "models/systems.py",
        "components/analyses/registry.py",
        "data_prep/mixing/mixture_types.py",
    }
    assert len({Path(path).parent for path, _ in blocks("python")}) == 2


def test_the_code_of_the_recipes_passes_the_linter(run):
    python(run.project, "ruff", "check", *PACKAGES)
    python(run.project, "ruff", "format", "--check", *PACKAGES)


def test_the_system_is_trained_exported_evaluated_and_pushed(run):
    summary = run.summary
    assert summary["system"] == "linear"
    assert summary["blessed"]
    [version] = (run.output / "serving" / "separator").iterdir()
    assert Path(summary["pushed"]) == version
    model = tf.saved_model.load(str(version))
    described = model.signatures["description"](batch=tf.zeros(1, tf.int32))
    assert described["system"].numpy() == [b"linear"]
    assert "Linear on held-out mixtures" in run.printed
    page = page_of(run)
    assert "Linear" in page


def test_the_mixture_type_is_in_records_schema_slices_tables_and_page(run):
    shards = sorted(run.artifact("mixtures").glob("Split-*/*"))
    kinds = Counter()
    for record in tf.data.TFRecordDataset(list(map(str, shards))).as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        kinds[features["mixture_type"].bytes_list.value[0].decode()] += 1
    assert kinds == {"transparency": 4, "crossfade": 4}
    [schema] = run.output.glob("artifacts/*/RecordSchema/schema/*/schema.pbtxt")
    assert '"crossfade"' in schema.read_text()
    assert run.summary["metrics"]["crossfade"]["examples"] == 2
    assert re.search(r"crossfade .* 2\b", run.printed)
    assert "crossfade" in page_of(run)


def test_the_analysis_is_in_the_summary_the_table_and_the_page(run):
    found = run.summary["analyses"]["output_distance"]["mixture_types"]
    assert found.keys() == {"transparency", "crossfade"}
    assert all(0 <= estimate["value"] <= 1 for estimate in found.values())
    table = run.printed.partition("Distance of the outputs")[2]
    assert f"{found['crossfade']['value']:.3f}" in table
    page = page_of(run)
    assert "Distance of the outputs</h2>" in page
    assert f"{found['crossfade']['value']:.3f}" in page


def page_of(run: Run) -> str:
    return run.artifact("report").read_text()
