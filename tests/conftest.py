"""What the tests of all packages share."""

import os
import shutil
from collections.abc import Callable

import pytest

# TensorFlow sets it to 1 where it is not set, and the commands that tests start would inherit that.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# As in the commands, see `data_prep.cli.prepare_libraries`.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the pipeline's tests first; they are the longest, and would otherwise end alone."""
    items.sort(key=lambda item: item.path.parent.name != "pipeline")


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait before something is tried again."""
    monkeypatch.setattr("data_prep.storage.retries._sleep", lambda seconds: None)


@pytest.fixture(scope="session")
def require_command() -> Callable[[str], str]:
    """Give the function that returns a command's path.

    If the command is missing, the test is skipped on a developer's machine and fails in
    continuous integration, where `CI` is set.
    """

    def require(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            reason = f"command not found: {name} (Debian, Ubuntu: apt install {name})"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        return path

    return require
