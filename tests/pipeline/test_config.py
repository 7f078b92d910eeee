import re
import subprocess
import sys

import pytest

from components.analyses.registry import ANALYSES
from data_prep.config import ClipConfig, DataConfig
from data_prep.errors import UserError
from models.config import ModelConfig
from models.presets import PRESETS
from models.systems import SYSTEMS
from pipeline.config import CONFIGS, PipelineConfig, load_config


@pytest.mark.parametrize("name", sorted(path.stem for path in CONFIGS.glob("*.yaml")))
def test_every_config_that_is_shipped_is_valid(name):
    assert isinstance(load_config(name), PipelineConfig)


def test_clip_is_the_presets_except_for_the_keys_given():
    config = load_config("demo", ["model.preset=small", "data.clip.frames=16"])
    expected = PRESETS["small"].clip.model_copy(update={"frames": 16})
    assert config.data.clip == expected


@pytest.mark.parametrize("preset", PRESETS)
def test_typed_settings_get_the_clip_of_their_preset(preset):
    model = ModelConfig(preset=preset)
    clip = PRESETS[preset].clip
    assert PipelineConfig(model=model).data.clip == clip
    config = PipelineConfig(model=model, data=DataConfig(seed=3))
    assert (config.data.clip, config.data.seed) == (clip, 3)
    assert PipelineConfig(model={"preset": preset}, data=DataConfig(seed=3)).data.clip == clip
    assert PipelineConfig(model=model, data={"seed": 3}).data.clip == clip


def test_clip_given_as_an_object_is_taken_whole():
    for clip in (ClipConfig(frames=16), PRESETS["paper"].clip):
        config = PipelineConfig(model=ModelConfig(preset="tiny"), data=DataConfig(clip=clip))
        assert config.data.clip == clip
    config = load_config("demo", ["data.clip.frames=16"])
    assert PipelineConfig(model=config.model, data=config.data).data == config.data
    assert PipelineConfig.model_validate(config) == config


def test_overrides_are_yaml_and_reach_nested_keys():
    config = load_config(
        "demo",
        ["data.seed=7", "train.re_pair=false", "model.system=c2", "data.shares={occlusion: 1}"],
    )
    assert (config.data.seed, config.train.re_pair) == (7, False)
    assert config.system is SYSTEMS["c2"]
    assert config.data.shares == {"occlusion": 1}


def test_mixture_types_of_demo_and_tables():
    assert load_config("demo").data.shares == {"transparency": 0.6, "occlusion": 0.4}
    for name in ("tables", "tables_small"):
        assert load_config(name).data.shares == {"transparency": 0.5, "occlusion": 0.5}


def test_name_tells_which_models_can_be_compared():
    name = load_config("demo").name
    assert name == "controlled-separator-8x48x48-8fps-8000hz"
    same = load_config("demo", ["model.system=c3_deterministic", "train.steps=3"])
    assert same.name == name
    names = {name}
    for override in ("model.system=i3d", "data.clip.frames=16", "data.clip.fps=12.5"):
        other = load_config("demo", [override]).name
        assert re.fullmatch("[a-z0-9-]+", other), "Vertex AI takes no other names"
        names.add(other)
    assert len(names) == 4


def test_systems_with_and_without_audio_have_different_names():
    names = {
        load_config("demo", [f"model.system={system}"]).name for system in ("c2", "c3_internal")
    }
    assert len(names) == 2


def test_analyses_run_if_named_and_applicable():
    shifts = "analyses.control_shift.shifts=[0, 0.5]"
    chosen = {
        system: [
            analysis.name
            for analysis, _ in load_config(
                "demo", [shifts, f"model.system={system}"]
            ).applicable_analyses
        ]
        for system in ("c2", "c3_internal", "i3d")
    }
    assert chosen == {
        "c2": [],
        "c3_internal": ["control_shift"],
        "i3d": ["action_recognition"],
    }
    assert not load_config("demo", ["model.system=i3d", "analyses={}"]).applicable_analyses


def test_settings_of_analyses_keep_their_type():
    config = load_config("demo", ["analyses.control_shift.shifts=[0, 0.5]"])
    settings = config.analyses["control_shift"]
    assert isinstance(settings, ANALYSES["control_shift"].settings)
    dumped = config.model_dump(mode="json")
    assert dumped["analyses"]["control_shift"]["shifts"] == [0, 0.5]
    assert PipelineConfig.model_validate(dumped) == config


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["steps=3"], "steps: unknown key"),
        (["train.steps=many"], r"train.steps: .*got 'many'"),
        (["model.preset=huge"], "preset: must be one of tiny, small, large, paper, got 'huge'"),
        (["model.system=c9"], "system: must be one of identity, "),
        (["data=3"], r"data: .*got 3"),
        (["model=3"], r"model: .*got 3"),
        (["train.steps"], "--set: must be key=value"),
        (["model.preset.x=1"], "preset must hold keys, got a single value"),
        (["data.clip.short_side=8"], "short_side must be at least"),
        (["data.clip.frames=2048"], "frames times height must be at most 65500"),
        (["data.clip.frames=9"], "frames: must be divisible by 2"),
        (["model.preset=[small]"], r"model.preset: .*got \['small'\]"),
        (["data.clip=3"], r"data.clip: .*got 3"),
        (["data.shares.fog=1"], "fog"),
        (["train.steps={"], "--set train.steps: must be a readable YAML value: "),
        (["train.seed=5000000000"], "train.seed: .*got 5000000000"),
        (["train.optimizer=sgd"], "must come with its learning_rate"),
        (["analyses=3"], r"analyses: .*got 3"),
        (["analyses.nothing={}"], r"analyses.nothing: unknown key"),
        (["analyses.control_shift=3"], r"analyses.control_shift: .*got 3"),
        (
            ["analyses.control_shift.shifts=[0, .inf]"],
            r"analyses.control_shift.shifts.1: .*got inf",
        ),
        (["analyses.action_recognition.separators.mixed=models/1"], "got the name mixed"),
    ],
)
def test_wrong_setting_is_an_error_that_names_it(overrides, message):
    with pytest.raises(UserError, match=message) as caught:
        load_config("demo", overrides)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("override", "known"),
    [
        ("system=c2", "model.system"),
        ("preset=tiny", "model.preset"),
        ("train.repair=true", "train.re_pair"),
        ("data.occlusion_share=0.5", "data.shares"),
        ("analysis.control_shifts=[0]", "analyses"),
        ("analyses.control_shift.shift=[0]", "analyses.control_shift.shifts"),
    ],
)
def test_unknown_key_comes_with_the_most_similar_one(override, known):
    key = override.split("=")[0]
    with pytest.raises(UserError, match=r"unknown key \(did you mean ") as caught:
        load_config("demo", [override])
    assert str(caught.value).endswith(f"(did you mean {known}?)")
    assert key.split(".")[0] in str(caught.value)


def test_unknown_config_lists_the_known_ones(tmp_path):
    with pytest.raises(UserError, match=r"one of demo, .*, got 'nothing'"):
        load_config("nothing")
    with pytest.raises(UserError, match=r"no\.yaml: must be a readable YAML file"):
        load_config(str(tmp_path / "no.yaml"))


def test_configuration_is_checked_without_loading_tensorflow():
    code = "import sys; from pipeline.config import load_config; load_config('demo')"
    code += "; print([m for m in ('tensorflow', 'keras', 'tfx', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
