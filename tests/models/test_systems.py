"""The registries of systems, tasks, control modes and measures, complete before anything trains."""

import dataclasses
import inspect
import subprocess
import sys

import pytest
from small_models import CLIP, PRESET

from data_prep.errors import UserError
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.records.info import SplitInfo
from models import measures
from models.config import ModelConfig, TrainConfig
from models.control import CONTROL_MODES, DETERMINISTIC, get_control_mode
from models.measures import MEASURES
from models.presets import PRESETS, check_size, get_preset
from models.resolving import resolve
from models.systems import SYSTEMS, Published, get_system
from models.tasks.bounds import Bound, EvaluationSettings
from models.tasks.registry import CLASSIFICATION, CONTROLLED_SEPARATION, SEPARATION, TASKS

every_system = pytest.mark.parametrize("system", SYSTEMS.values(), ids=list(SYSTEMS))
every_task = pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))

# The rows of the papers' three tables.
IN_TABLES = {
    "identity": {"loss"},
    "centrifuge": {"loss", "parameters"},
    "centrifuge_pc": {"loss", "parameters", "action_accuracy"},
    "c2_no_masking": {"loss", "parameters"},
    "c2": {"loss", "parameters", "control_accuracy", "action_accuracy"},
    "c3_deterministic": {"loss", "control_accuracy"},
    "c3_internal": {"loss", "control_accuracy"},
    "i3d": {"accuracy", "mixed_accuracy"},
}


@every_system
def test_every_system_is_complete(system):
    assert SYSTEMS[system.name] is system
    assert system.title
    assert TASKS[system.task.kind] is system.task
    assert CONTROL_MODES[system.control.name] is system.control
    assert set(system.settings) <= {"outputs", "layers", "classes"}
    assert system.measures
    builder = resolve(system.builder)
    given = dict.fromkeys(system.settings, 2)
    inspect.signature(builder).bind(CLIP, PRESET, **given, **system.options)
    network = system.build(CLIP, PRESET, outputs=2, layers=2, classes=3)
    inputs = {"video", "spectrogram"} if system.uses_audio else {"video"}
    assert {tensor.name for tensor in network.inputs} == inputs


def test_variants_are_no_rows_of_the_published_tables():
    published = {name for name, system in SYSTEMS.items() if not system.is_variant}
    assert published == IN_TABLES.keys()
    for name in SYSTEMS.keys() - published:
        variant = SYSTEMS[name]
        assert variant.published == Published()
        for other in variant.varies:
            assert other in published
            assert SYSTEMS[other].task is variant.task
            assert SYSTEMS[other].control is variant.control


def test_titles_are_distinct():
    assert len({system.title for system in SYSTEMS.values()}) == len(SYSTEMS)


@pytest.mark.parametrize("name", IN_TABLES)
def test_systems_of_the_papers_have_published_figures(name):
    published = SYSTEMS[name].published
    assert (published.parameters is not None) == ("parameters" in IN_TABLES[name])
    for figure in IN_TABLES[name] - {"parameters"}:
        assert SYSTEMS[name].published_value(MEASURES[figure], "transparency") > 0


@every_system
def test_published_figures_name_known_measures_and_mixture_types(system):
    for name, figures in system.published.figures.items():
        assert name in MEASURES
        assert figures.keys() <= MIXTURE_TYPES.keys()
        assert not MEASURES[name].is_share or all(0 <= value <= 1 for value in figures.values())


def test_published_ratios_are_ratios_of_published_figures():
    value = SYSTEMS["c2"].published_value(measures.RELATIVE_LOSS, "occlusion")
    assert value == pytest.approx(0.190 / 0.362)
    assert SYSTEMS["identity"].published_value(measures.RELATIVE_LOSS, "transparency") == 1
    assert SYSTEMS["i3d"].published_value(measures.RELATIVE_LOSS, "transparency") is None
    assert SYSTEMS["c3_internal"].published_value(measures.LOSS, "occlusion") is None
    assert SYSTEMS["c2"].published_value(measures.LOSS, "reflection") is None


def test_measures_follow_the_order_of_the_tables():
    names = [measure.name for measure in SYSTEMS["c3_internal"].measures]
    assert names == ["loss", "relative_loss", "control_accuracy", "score_error", "psnr", "ssim"]
    names = [measure.name for measure in SYSTEMS["c2"].measures]
    assert names == ["loss", "relative_loss", "psnr", "ssim"]


@every_task
def test_every_task_is_complete(task):
    assert TASKS[task.kind] is task
    assert task.title
    assert resolve(task.model_class).reported[0] == "objective"
    assert any(system.task is task for system in SYSTEMS.values())
    for measure in task.measures:
        assert MEASURES[measure.name] is measure
        assert set(measure.ratio_of or [measure.name]) <= set(task.scalars)
    # A bound on a measure that nobody computes would never be kept.
    known = {*task.scalars, *(measure.name for measure in task.measures)}
    assert task.thresholds(EvaluationSettings()).keys() <= known


def test_thresholds_are_the_settings():
    settings = EvaluationSettings(
        relative_loss=0.9, worse_by=0.02, control_accuracy=0.7, control_worse_by=0.1, accuracy=0.3
    )
    separation = {"relative_loss": Bound(at_most=0.9), "loss": Bound(above_last_by=0.02)}
    control = {"control_accuracy": Bound(at_least=0.7, below_last_by=0.1)}
    assert SEPARATION.thresholds(settings) == separation
    assert CONTROLLED_SEPARATION.thresholds(settings) == {**separation, **control}
    assert CLASSIFICATION.thresholds(settings) == {"accuracy": Bound(at_least=0.3)}


def split_info(**changes) -> SplitInfo:
    facts = {
        "mixtures": 11,
        "mixture_types": {"transparency": 11},
        "with_audio": 11,
        "videos": 5,
        "sources": 5,
        "labels": ["a", "b"],
    }
    return SplitInfo(**{**facts, **changes})


@every_system
def test_records_that_suit_every_system(system):
    system.task.check_records(split_info(), system)


def test_control_needs_audio():
    system = SYSTEMS["c3_internal"]
    with pytest.raises(UserError, match=r"c3_internal: must be .* with audio, got 11"):
        system.task.check_records(split_info(with_audio=0), system)
    for name in ("c2", "i3d"):
        SYSTEMS[name].task.check_records(split_info(with_audio=0), SYSTEMS[name])


def test_one_class_is_too_few():
    system = SYSTEMS["i3d"]
    with pytest.raises(UserError, match=r"i3d: must be trained on at least 2 classes, got \['a'\]"):
        system.task.check_records(split_info(labels=["", "a"]), system)
    SYSTEMS["c2"].task.check_records(split_info(labels=[""]), SYSTEMS["c2"])


def test_task_and_control_must_agree_on_audio():
    with pytest.raises(ValueError, match="system c2: task and control must agree on audio"):
        dataclasses.replace(SYSTEMS["c2"], control=DETERMINISTIC)


def test_unknown_names_list_the_known_ones():
    with pytest.raises(UserError, match=r"system: must be one of identity, .*, i3d, got 'c4'"):
        get_system("c4")
    with pytest.raises(UserError, match=r"preset: must be one of tiny, .*, paper, got 'huge'"):
        get_preset("huge")
    with pytest.raises(UserError, match="control mode: must be one of none, determ"):
        get_control_mode("x")
    with pytest.raises(ValueError, match="system: must be one of"):
        ModelConfig(system="c4")


def test_names_of_code_that_do_not_resolve():
    with pytest.raises(ValueError, match=r"must be package\.module:attribute, got 'models\.c2'"):
        resolve("models.c2")
    with pytest.raises(ImportError, match=r"models\.systems has no attribute 'c4'"):
        resolve("models.systems:c4")


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_clips_suit_them(preset):
    check_size(PRESETS[preset].clip, PRESETS[preset])


def test_an_optimizer_comes_with_its_rate():
    with pytest.raises(ValueError, match="optimizer: must come with its learning_rate, got"):
        TrainConfig(optimizer="adam")


def test_formats():
    assert measures.LOSS.format(0.12345) == "0.123"
    assert measures.RELATIVE_LOSS.format(0.12345) == "0.123"
    assert measures.CONTROL_ACCURACY.format(0.777) == "78 %"


def test_registries_load_neither_keras_nor_tensorflow():
    code = (
        "import sys, models.config, models.systems, models.measures, models.tasks.registry, "
        "models.training.progress;"
        "assert not {'keras', 'tensorflow'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
