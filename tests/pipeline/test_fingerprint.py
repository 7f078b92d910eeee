import pytest

from models.systems import SYSTEMS
from pipeline.fingerprint import closure, source_digest

SOURCES = {
    "models/__init__.py": "",
    "models/registry.py": 'BUILDER = "models.networks.deep:build"\n',
    "models/networks/__init__.py": "",
    "models/networks/deep.py": "def build():\n    from data_prep import sizes\n",
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


def test_networks_that_the_systems_name_are_followed():
    found = closure("models.systems")
    for system in SYSTEMS.values():
        for code in (system.builder, system.task.model_class):
            assert code.partition(":")[0] in found
    assert not any(name.startswith(("components", "pipeline")) for name in found)
