"""Wrong commands of models: command, exit code, what the one line must contain."""

import pytest

COMMANDS = [
    ("models color", 2, "No such command 'color'"),
    ("models summary extra", 2, "unexpected extra argument (extra)"),
    ("models summary --colour", 2, "No such option '--colour'"),
    ("models summary --preset", 2, "'--preset' requires an argument"),
    (
        "models summary --preset huge",
        1,
        "preset: must be one of tiny, small, large, paper, got 'huge'",
    ),
    ("models summary --preset ''", 1, "preset: must be one of tiny, small, large, paper, got ''"),
    ("models summary --system c9", 1, "system: must be one of identity, "),
    ("models summary --system ''", 1, "system: must be one of identity, "),
    ("models benchmark --preset huge", 1, "preset: must be one of"),
    ("models benchmark --system c9", 1, "system: must be one of"),
    ("models benchmark --batch 0", 2, "--batch: must be a whole number from 1 to"),
    ("models benchmark --batch x", 2, "got x"),
    ("models benchmark --batch 1000000000", 2, "got 1000000000"),
    pytest.param(
        "models benchmark --preset paper --system c2 --batch 60000",
        1,
        "batch: must be at most",
        marks=pytest.mark.slow,
    ),
    ("models benchmark --precision float8", 2, "--precision: 'float8' is not one of 'float32'"),
    ("models benchmark --steps 0", 2, "--steps: must be a whole number from 1 to"),
    ("models benchmark --steps nan", 2, "got nan"),
    ("models identity", 2, "Missing option '--videos'"),
    ("models identity --videos no", 1, "videos folder not found: no"),
    ("models identity --videos file", 1, "file: must be a folder of videos, got a file"),
    ("models identity --videos ''", 2, "--videos: must be a path or a URI"),
    ("models identity --videos empty", 1, "must hold videos, got no video file"),
    ("models identity --videos broken", 1, "broken: must hold at least 2 usable videos, got 0"),
    ("models identity --videos foo://x", 1, "unknown scheme foo://"),
    ("models identity --videos videos --pairs 1", 2, "--pairs: must be a whole number from 2 to"),
    (f"models identity --videos videos --pairs {10**30}", 2, "--pairs: must be a whole number"),
    ("models identity --videos videos --seed 4294967296", 2, "got 4294967296"),
    ("models identity --videos videos --pairs 2", 1, "must be at least 2 usable ones, got 0"),
]


@pytest.mark.parametrize(("command", "code", "words"), COMMANDS)
def test_a_wrong_command_is_one_line_and_leaves_nothing(check_wrong, command, code, words):
    check_wrong(command, code, words)


@pytest.mark.parametrize("backend", ["numpy", "", "nope"])
def test_a_wrong_backend(check_wrong, monkeypatch, backend):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    check_wrong("models summary", 1, "KERAS_BACKEND: must be an installed backend")
