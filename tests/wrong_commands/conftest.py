"""A folder to be wrong in, shared by the tables because nothing may change in it."""

from pathlib import Path

import pytest

pytest.register_assert_rewrite("workplace")
import workplace  # noqa: E402


@pytest.fixture(scope="session")
def filled(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    workplace.fill(folder)
    return folder


@pytest.fixture
def check_wrong(filled, monkeypatch):
    """Give the function that runs a wrong command in the folder and checks its answer."""
    monkeypatch.chdir(filled)

    def check(command: str, code: int, words: str) -> None:
        with workplace.unchanged(filled):
            workplace.check(workplace.run(command), code, words)

    return check
