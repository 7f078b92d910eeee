import math

import pytest
from pydantic import Field

from data_prep.errors import UserError
from data_prep.results import Results


class Measured(Results):
    """Results for these tests."""

    loss: float
    counts: dict[str, int] = Field(default_factory=dict)


@pytest.fixture(params=["local", "memory"])
def uri(request, tmp_path, memory):
    return str(tmp_path / "r.json") if request.param == "local" else f"{memory}/r.json"


def test_results_read_back_what_was_written(uri):
    results = Measured(loss=1 / 3, counts={"a": 1})
    results.write(uri)
    assert Measured.read(uri) == results


def test_json_is_indented_and_ends_with_a_newline():
    assert Measured(loss=0.5).to_json() == '{\n  "loss": 0.5,\n  "counts": {}\n}\n'


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_has_no_nan(value):
    with pytest.raises(ValueError, match="finite"):
        Measured(loss=value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "must be JSON"),
        ("[1]", "must be a mapping of keys to values"),
        ("{}", "loss: missing key"),
        ('{"loss": "x"}', "loss: .*, got 'x'"),
        ('{"loss": 1, "losses": 2}', "losses: unknown key"),
        ('{"loss": NaN}', "loss: .* finite"),
    ],
)
def test_files_of_another_shape_are_named(tmp_path, text, message):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(UserError, match=rf"r\.json: {message}"):
        Measured.read(str(tmp_path / "r.json"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.json: no such file"):
        Measured.read(str(tmp_path / "none.json"))
