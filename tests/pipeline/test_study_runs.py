"""Which runs a study starts, with which settings."""

import json

import pytest
from made_up_runs import (
    separation,
    summary,
)

from components.analyses.registry import ANALYSES
from data_prep.errors import UserError
from models.systems import SYSTEMS
from pipeline.config import load_config
from pipeline.places import Places
from pipeline.study import runs as runs_module
from pipeline.study.runs import StudyRun, check_systems, run_study, trainable_on


def test_systems_come_in_the_tables_order_and_unknown_ones_are_named():
    assert check_systems("i3d, c2,identity") == ["identity", "c2", "i3d"]
    published = check_systems("all")
    assert published == [name for name, system in SYSTEMS.items() if not system.is_variant]
    assert check_systems("variants, all") == list(SYSTEMS)
    variants = check_systems("variants")
    assert variants == [name for name in SYSTEMS if name not in published]
    assert len(variants) == 4
    assert check_systems("c2,variants,c2") == [n for n in SYSTEMS if n in {*variants, "c2"}]
    with pytest.raises(UserError, match=r"system: must be one of identity, .*, i3d, got 'c4'"):
        check_systems("c2,c4")


def test_videos_without_two_classes_leave_the_classifier_out():
    assert trainable_on(["c2", "i3d"], {"", "x"}) == ["c2"]
    assert trainable_on(["c2", "i3d"], {"x", "y"}) == ["c2", "i3d"]
    with pytest.raises(
        UserError, match="systems i3d: must have videos of at least 2 classes, got 1"
    ):
        trainable_on(["i3d"], {"", "x"})


class Runs:
    """Stands for `pipeline.runners.local`: every run ends at once."""

    def __init__(self):
        self.configs = []

    def make_mixtures(self, config, places):
        return "/mixtures"

    def run(self, config, places):
        self.configs.append(config)
        name, number = config.system.name, len(self.configs)
        cached = ("Trainer",) if number > 1 else ()
        found = summary(name, {"transparency": separation(0.3)}, pushed=f"/{name}/{number}")
        return found.model_copy(update={"cached": cached, "seconds": {"Trainer": 0.1}})


@pytest.fixture
def started(tmp_path, monkeypatch):
    """Gives a function that runs a study of systems, and returns its runs and their settings."""

    def start(systems, seeds=1):
        fake = Runs()
        monkeypatch.setattr(runs_module, "local", fake)

        def configure(more):
            given = [f"{key}={json.dumps(value)}" for key, value in more.items()]
            return load_config("tables", given)

        return run_study(configure, Places(tmp_path), systems, seeds), fake.configs

    return start


def test_every_run_imports_the_same_mixtures(started):
    found, configs = started(["c2", "i3d"])
    assert [(one.system, one.seed) for one in found] == [("c2", 0), ("i3d", 0)]
    assert {config.mixtures for config in configs} == {"/mixtures"}


def test_a_system_without_weights_runs_once(started):
    found, configs = started(["identity", "c2"], seeds=2)
    assert [(one.system, one.seed) for one in found] == [("identity", 0), ("c2", 0), ("c2", 1)]
    assert [config.train.seed for config in configs] == [0, 0, 1]


def test_classifier_gets_the_published_separators_of_its_seed(started):
    _, configs = started(["centrifuge", "c2", "i3d"], seeds=2)
    separators = [
        dict(config.analyses["action_recognition"].separators)
        for config in configs
        if config.system.name == "i3d"
    ]
    assert separators == [{"c2": "/c2/2"}, {"c2": "/c2/5"}]


def test_analyses_are_asked_for_their_settings(started, monkeypatch):
    asked = []

    def shifts(self, earlier):
        asked.append(list(earlier))
        return {"shifts": [len(earlier)]}

    monkeypatch.setattr(type(ANALYSES["control_shift"]), "study_settings", shifts)
    _, configs = started(["c2", "c3_internal"])
    assert asked == [[], ["c2"]]
    assert [config.analyses["control_shift"].shifts for config in configs] == [(0,), (1,)]


@pytest.mark.parametrize(
    ("stored", "seconds"),
    [("", 0.1), ('{"system": "c2", "seconds": {"Trainer": 60}}', 0.1), (None, 60.0)],
)
def test_seconds_of_an_earlier_run_count_if_they_can_be_read(stored, seconds, started, tmp_path):
    if stored is None:
        earlier = summary("c2", {}, seconds={"Trainer": 60.0})
        stored = StudyRun(system="c2", seed=0, summary=earlier).to_json()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "c2-0.json").write_text(stored)
    found, _ = started(["centrifuge", "c2"])
    assert found[1].summary.seconds == {"Trainer": seconds}
    assert StudyRun.read(str(tmp_path / "runs" / "c2-0.json")) == found[1]
