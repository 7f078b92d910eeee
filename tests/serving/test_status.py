"""`python -m serving status` against real servers."""

import re

import pytest
from click.testing import CliRunner

from serving.commands import main


def status(*words):
    return CliRunner().invoke(main, ["status", *words])


def test_a_model_that_takes_requests(control_server):
    result = status("--server", control_server)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f"separator at {control_server}: takes requests",
        "health: SERVING",
        "version 3 AVAILABLE",
        "version that answers: 3",
        "model: controlled-separator, system tiny, control by audio (internal)",
        "clips: 4 frames of 24x16 at 8 per second, 0.50 s",
        "input audio: float32 [?, 4000]",
        "input video: uint8 [?, 4, 16, 24, 3]",
        "output chosen: int32 [?]",
        "output masks: uint8 [?, 1, 4, 16, 24]",
        "output outputs: uint8 [?, 2, 4, 16, 24, 3]",
        "output scores: float32 [?, 2]",
    ]


def test_a_version_that_cannot_be_loaded_is_reported(serve_folder, tmp_path):
    from tiny_separator import save_model

    save_model(tmp_path / "3", control=False)
    (tmp_path / "4").mkdir()
    (tmp_path / "4" / "saved_model.pb").write_bytes(b"no model")
    with serve_folder(tmp_path) as server:
        result = status("--server", server)
        assert result.exit_code == 0
        assert re.search(r"^version 4 END .*saved_model.pb", result.stdout, re.MULTILINE)
        assert "version 3 AVAILABLE" in result.stdout
        asked = status("--server", server, "--version", "4")
        assert asked.exit_code == 1
        assert asked.stdout.startswith(f"separator at {server}: does not take requests\n")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--server", "127.0.0.1:1"), "error: no server answers at 127.0.0.1:1: "),
        (("--model", "other"), r"error: other at .*: NOT_FOUND: "),
    ],
)
def test_a_missing_server_or_model_is_an_error(control_server, words, error):
    result = status("--server", control_server, *words)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert re.match(error, result.stderr)
