"""The fingerprint of a data set covers what decides its records, and nothing else."""

from dataclasses import replace

import pytest

from data_prep.config import DataConfig
from data_prep.mixing.plan_digest import fingerprint


@pytest.fixture
def rows(make_row):
    return [make_row(name) for name in "abc"]


@pytest.mark.parametrize("change", [{"path": "/elsewhere/a.mp4"}, {"loudness": -20.01}])
def test_what_decides_nothing_changes_nothing(rows, change):
    changed = [replace(rows[0], **change), *rows[1:]]
    assert fingerprint(changed[::-1], DataConfig()) == fingerprint(rows, DataConfig())
    wider = DataConfig(max_dropped_share=1.0)
    assert fingerprint(rows, wider) == fingerprint(rows, DataConfig())


@pytest.mark.parametrize(
    "change", [{"loudness": -60.01}, {"loudness": None}, {"sha256": "x"}, {"split": "eval"}]
)
def test_what_decides_the_records_changes_it(rows, change):
    changed = [replace(rows[0], **change), *rows[1:]]
    assert fingerprint(changed, DataConfig()) != fingerprint(rows, DataConfig())
    assert fingerprint(rows, DataConfig(seed=1)) != fingerprint(rows, DataConfig())
