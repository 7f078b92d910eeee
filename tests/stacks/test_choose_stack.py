"""The choice of the stack."""

import importlib.util
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "locks" / "choose_stack.py"
OLD, NEW = (2, 36), (2, 41)


@pytest.fixture
def choose(tmp_path, monkeypatch, capsys):
    """Gives a function that chooses on a machine with some glibc; it returns what is printed."""
    spec = importlib.util.spec_from_file_location("choose_stack", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    file, environment = tmp_path / "stack", tmp_path / "venv"

    def run(glibc, *asked, processor="x86_64"):
        monkeypatch.setattr(script, "machine_glibc", lambda: glibc)
        monkeypatch.setattr("platform.machine", lambda: processor)
        script.main([str(file), str(environment), *asked])
        return capsys.readouterr().out, file.read_text()

    return run


def test_the_newest_that_the_machine_supports_is_chosen(choose):
    assert choose(NEW) == (
        "Stack: TFX 1.21, the newest one for glibc 2.41; STACK=VERSION takes another\n",
        "1.21\n",
    )


def test_an_older_machine_gets_the_older_one(choose):
    printed, chosen = choose(OLD)
    assert printed.startswith("Stack: TFX 1.16, the newest one for glibc 2.36")
    assert chosen == "1.16\n"


def begin(tmp_path, stack):
    (tmp_path / "venv").mkdir(exist_ok=True)
    (tmp_path / "venv" / ".stack").write_text(f"{stack}\n")


def test_the_older_one_can_be_had_on_a_newer_machine_and_is_kept(choose, tmp_path):
    assert choose(NEW, "1.16") == ("Stack: TFX 1.16, as STACK says\n", "1.16\n")
    begin(tmp_path, "1.16")
    printed, chosen = choose(NEW)
    assert printed == "Stack: TFX 1.16, as .venv was made; STACK=VERSION changes it\n"
    assert chosen == "1.16\n"
    assert choose(NEW, "1.21")[1] == "1.21\n"


def test_an_environment_without_a_mark_is_kept_too(choose, tmp_path):
    packages = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    (packages / "tfx-1.16.1.dist-info").mkdir(parents=True)
    (packages / "tfx_bsl-1.16.1.dist-info").mkdir()
    assert choose(NEW)[1] == "1.16\n"


def test_without_its_environment_a_choice_is_forgotten(choose):
    choose(NEW, "1.16")
    assert choose(NEW)[1] == "1.21\n"


def test_an_environment_from_a_newer_machine_is_not_kept(choose, tmp_path):
    choose(NEW)
    begin(tmp_path, "1.21")
    assert choose(OLD)[1] == "1.16\n"


def test_another_processor_is_one_line(choose):
    with pytest.raises(SystemExit, match=r"^error: processor: must be x86_64, got aarch64$"):
        choose(NEW, processor="aarch64")


@pytest.mark.parametrize(
    ("glibc", "asked", "message"),
    [
        (NEW, "1.20", "error: STACK: must be 1.16 or 1.21, got '1.20'"),
        (OLD, "1.21", "error: STACK=1.21: needs glibc 2.39 or newer (Debian 13, Ubuntu 24.04), "),
        ((2, 27), "", "error: glibc: must be 2.28 or newer, got 2.27"),
        ((0, 0), "", "error: glibc: must be 2.28 or newer, got none"),
    ],
)
def test_what_cannot_be_chosen_is_one_line(choose, glibc, asked, message, tmp_path):
    with pytest.raises(SystemExit) as error:
        choose(glibc, *filter(None, [asked]))
    assert str(error.value).startswith(message)
    assert not (tmp_path / "stack").exists()


def test_a_choice_that_stays_leaves_the_file_alone(choose, tmp_path):
    choose(NEW)
    before = (tmp_path / "stack").stat().st_mtime_ns
    choose(NEW)
    assert (tmp_path / "stack").stat().st_mtime_ns == before


def test_this_machine_supports_the_stack_that_runs_the_tests():
    done = subprocess.run(
        [sys.executable, SCRIPT, "--supported"], capture_output=True, text=True, check=True
    )
    assert ".".join(version("tfx").split(".")[:2]) in done.stdout.split()


def test_every_stack_has_its_files():
    spec = importlib.util.spec_from_file_location("choose_stack", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for kind in ("lock", "constraints", "overrides"):
        found = {file.stem.removeprefix("tfx-") for file in SCRIPT.parent.glob(f"*.{kind}")}
        assert found == set(script.STACKS), kind
