import json
import shutil
from pathlib import Path

import pipeline_stages
import pytest

from models.systems import SYSTEMS
from pipeline import package_versions
from pipeline.config import load_config
from pipeline.fingerprint import (
    closure,
    code_digest,
    package_digest,
    source_digest,
    training_modules,
)

ROOT = Path(__file__).parent.parent.parent

SOURCES = {
    "models/__init__.py": "",
    "models/registry.py": 'from .networks import deep\nBUILDER = "models.networks.named:build"\n',
    "models/networks/__init__.py": "",
    "models/networks/deep.py": "def build():\n    from data_prep import sizes\n",
    "models/networks/named.py": "",
    "models/unrelated.py": "import models.registry\n",
    "data_prep/__init__.py": "",
    "data_prep/sizes.py": "import numpy\n",
    "components/__init__.py": "",
    "components/entry.py": "from . import page\nfrom models.registry import BUILDER\n",
    "components/page/__init__.py": '"""Templates."""\n',
    "components/page/templates/page.html": "<p></p>\n",
}


@pytest.fixture
def project(tmp_path):
    for name, text in SOURCES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "edited",
    [
        "components/entry.py",
        "models/registry.py",
        "models/__init__.py",
        "models/networks/deep.py",
        "data_prep/sizes.py",
        "components/page/templates/page.html",
    ],
)
def test_digest_sees_every_edit_that_imports_reach(project, edited):
    before = source_digest("components.entry", root=project)
    path = project / edited
    path.write_text(path.read_text() + "\n")
    assert source_digest("components.entry", root=project) != before


def test_digest_ignores_what_is_not_imported(project):
    before = source_digest("components.entry", root=project)
    (project / "models" / "unrelated.py").write_text("x = 1\n")
    (project / "models" / "networks" / "named.py").write_text("x = 1\n")
    (project / "components" / "page" / ".page.html.swp").write_text("x")
    (project / "components" / "page" / "__pycache__").mkdir()
    (project / "components" / "page" / "__pycache__" / "page.pyc").write_text("x")
    assert source_digest("components.entry", root=project) == before


def test_modules_of_two_names_digest_like_both(project):
    both = source_digest("models.unrelated", "components.entry", root=project)
    assert both == source_digest("components.entry", "models.unrelated", root=project)
    assert both != source_digest("components.entry", root=project)


@pytest.mark.parametrize("name", ["models.missing", "no_such_package", "no_such_package.x"])
def test_unknown_module_is_named(project, name):
    with pytest.raises(ValueError, match=r"module: must exist, got '(models\.missing|no_such)"):
        source_digest(name, root=project)


def test_module_of_another_package_is_followed_too(project, tmp_path, monkeypatch):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "toy_system.py").write_text("import toy_helper\nfrom components import entry\n")
    monkeypatch.syspath_prepend(str(folder))
    found = closure("toy_system", root=project)
    assert {"toy_system", "components.entry", "models.networks.deep"} <= found.keys()
    before = source_digest("toy_system", root=project)
    (folder / "toy_system.py").write_text("from components import entry\n")
    assert source_digest("toy_system", root=project) != before


@pytest.fixture
def copy(tmp_path):
    """A copy of the project's packages."""
    for package in ("components", "data_prep", "models", "pipeline", "serving"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    return tmp_path


@pytest.mark.parametrize(
    ("edited", "retrained"),
    [
        ("models/networks/c3.py", {"c3_deterministic", "c3_internal", "c3_internal_fused"}),
        ("models/networks/c2.py", {"c2", "c2_no_masking", "c2_competing_masks"}),
        ("models/tasks/classifier.py", {"i3d"}),
        ("models/losses/assignment.py", set(SYSTEMS)),
        ("models/training/train.py", set(SYSTEMS)),
    ],
)
def test_an_edit_retrains_the_systems_that_run_it_and_no_others(copy, edited, retrained):
    def digests():
        return {
            name: source_digest(*training_modules(system), root=copy)
            for name, system in SYSTEMS.items()
        }

    before = digests()
    path = copy / edited
    path.write_text(path.read_text() + "\n")
    after = digests()
    assert {name for name in SYSTEMS if after[name] != before[name]} == retrained


@pytest.fixture
def upgrade(monkeypatch):
    """Gives a function that changes the version of a package."""

    def change(package, found="99"):
        installed = package_versions._installed
        monkeypatch.setattr(
            package_versions,
            "_installed",
            lambda name: found if name == package else installed(name),
        )

    return change


STAGES = {
    "MixtureGen": "components.mixture_gen.executor",
    "RecordSchema": "components.record_schema.component",
    "DataGate": "components.data_gate.component",
    "Evaluator": "components.evaluation.evaluator",
    "metrics": "components.evaluation.mean_scalars",
    "Pusher": "components.pusher.component",
    "Report": "components.report.component",
    "ControlShift": "components.analyses.control_shift.component",
    "ActionRecognition": "components.analyses.action_recognition.component",
}


@pytest.mark.parametrize(
    ("package", "changed"),
    [
        ("tfx", set(STAGES) - {"metrics"}),
        ("tensorflow-model-analysis", {"metrics", "Evaluator", "Pusher", "Report"}),
        ("av", {"MixtureGen", "Report", "ControlShift"}),
        ("ruff", set()),
    ],
)
def test_packages_that_a_stage_imports_are_part_of_its_digest(upgrade, package, changed):
    before = {stage: (code_digest(m), source_digest(m)) for stage, m in STAGES.items()}
    upgrade(package)
    after = {stage: (code_digest(m), source_digest(m)) for stage, m in STAGES.items()}
    assert {stage for stage in STAGES if before[stage][0] != after[stage][0]} == changed
    assert all(before[stage][1] == after[stage][1] for stage in STAGES)


@pytest.mark.parametrize(
    "package", ["tensorflow-data-validation", "tfx-bsl", "apache-beam", "tensorflow-metadata"]
)
def test_statistics_are_made_again_after_an_upgrade(upgrade, package):
    """Their stages are TFX's and have no digest; the schema, which they read, does."""
    config = load_config("demo", [])
    before = pipeline_stages.stage(config, "RecordSchema").exec_properties["code"]
    upgrade(package)
    assert pipeline_stages.stage(config, "RecordSchema").exec_properties["code"] != before


@pytest.mark.parametrize("package", ["tensorflow", "keras", "numpy", "tensorflow-io"])
def test_training_again_after_an_upgrade_keeps_the_digest_of_the_code(upgrade, package):
    config = load_config("demo", [])
    before = json.loads(pipeline_stages.custom_config(config))
    upgrade(package)
    after = json.loads(pipeline_stages.custom_config(config))
    assert {key for key in before if before[key] != after[key]} == {"packages"}


@pytest.mark.parametrize("system", ["c2", "i3d"])
def test_trainer_gets_the_digest_of_its_own_system(system):
    config = load_config("demo", [f"model.system={system}"])
    given = json.loads(pipeline_stages.custom_config(config))
    assert given["code"] == source_digest(*training_modules(SYSTEMS[system]))
    assert given["packages"] == package_digest(*training_modules(SYSTEMS[system]))
    assert "models.networks.c3" not in closure(*training_modules(SYSTEMS[system]))
