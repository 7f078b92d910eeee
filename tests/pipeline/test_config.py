import re

import pytest

from data_prep.errors import UserError
from models.presets import PRESETS
from pipeline.config import CONFIGS, PipelineConfig, load_config


@pytest.mark.parametrize("name", sorted(path.stem for path in CONFIGS.glob("*.yaml")))
def test_every_config_that_is_shipped_is_valid(name):
    assert isinstance(load_config(name), PipelineConfig)


def test_clip_is_the_presets_but_for_the_keys_given():
    config = load_config("demo", ["preset=small", "data.clip.frames=16"])
    expected = PRESETS["small"].clip.model_copy(update={"frames": 16})
    assert config.data.clip == expected


def test_overrides_are_yaml_and_reach_nested_keys():
    config = load_config("demo", ["data.seed=7", "train.repair=false", "system=c2"])
    assert (config.data.seed, config.train.repair, config.system) == (7, False, "c2")


def test_name_tells_what_can_be_compared():
    name = load_config("demo").name
    assert name == "separator-8x48x48-8fps-8000hz"
    assert load_config("demo", ["system=c2", "train.steps=3"]).name == name
    for setting in ("system=i3d", *(f"data.clip.{key}" for key in ("frames=16", "fps=12.5"))):
        other = load_config("demo", [setting]).name
        assert other != name
        assert re.fullmatch("[a-z0-9-]+", other), "Vertex AI takes no other names"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["steps=3"], "steps: unknown key"),
        (["train.steps=many"], r"train.steps: .*received 'many'"),
        (["preset=huge"], "unknown preset 'huge': choose one of tiny, small, paper"),
        (["system=c9"], "unknown system 'c9': choose one of identity, "),
        (["data=3"], r"data: .*received 3"),
        (["train.steps"], "--set needs key=value"),
        (["preset.x=1"], "preset holds a single value"),
        (["data.clip.short_side=8"], "short_side must be at least"),
        (["data.clip.frames=2048"], "frames times height must be at most 65500"),
        (["data.clip.frames=9"], "frames must be divisible by 2"),
        (["preset=[small]"], r"preset: .*received \['small'\]"),
        (["data.clip=3"], r"data.clip: .*received 3"),
        (["train.steps={"], "the value is not YAML"),
        (["train.seed=5000000000"], "train.seed: .*received 5000000000"),
        (["train.optimizer=sgd"], "optimizer needs its learning_rate"),
        (["separators.c2=models/1"], "only system i3d .* received system c3_internal"),
        (["system=i3d", "separators.mixed=models/1"], "received the name mixed"),
        (["analysis.control_shifts=[0, .inf]"], r"control_shifts.1: .*received inf"),
    ],
)
def test_wrong_setting_is_told_by_name(settings, message):
    with pytest.raises(UserError, match=message):
        load_config("demo", settings)


def test_unknown_config_lists_what_there_is(tmp_path):
    with pytest.raises(UserError, match=r"unknown config 'nothing': .*demo"):
        load_config("nothing")
    with pytest.raises(UserError, match=r"no\.yaml: settings must be a readable YAML file"):
        load_config(str(tmp_path / "no.yaml"))
