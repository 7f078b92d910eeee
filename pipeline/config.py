"""The pipeline's configuration: typed, validated on load, from YAML."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, FiniteFloat, model_validator

from components.analyses.action_recognition import INPUTS
from data_prep.cli import read_yaml
from data_prep.config import DataConfig, Settings, load
from data_prep.errors import UserError
from models.config import ModelConfig, TrainConfig
from models.presets import PRESETS, check_size
from models.systems import CLASSIFIER, get_system

SLICES = ("v1_label", "class_pair", "v1_height")

CONFIGS = Path(__file__).with_name("configs")


class EvaluationConfig(Settings):
    """What is measured, and what a model must reach on every mixture type to be pushed.

    Attributes:
        slices: features of the records for whose every value all is measured separately, beside
            the mixture type.
        relative_loss: a separator's loss over Identity's must be at most this.
        worse_by: its loss may exceed the last blessed model's by at most this.
        control_accuracy: the control accuracy of a system with control must be at least this;
            without control it is 0.5.
        control_worse_by: it may fall short of the last blessed model's by at most this.
        accuracy: the classifier's accuracy on single videos must be at least this.
    """

    slices: tuple[Literal[SLICES], ...] = SLICES
    relative_loss: float = Field(0.95, gt=0)
    worse_by: float = Field(0.01, ge=0)
    control_accuracy: float = Field(0.6, ge=0, le=1)
    control_worse_by: float = Field(0.05, ge=0)
    accuracy: float = Field(0.0, ge=0, le=1)


class AnalysisConfig(Settings):
    """What is found out about a system with control, beside what it is judged by.

    Attributes:
        control_shifts: seconds by which the control sound is shifted against the picture, each a
            point of the curve of control accuracy; without any the curve is left out.
        mixtures: held-out mixtures that the curve is over, at most.
    """

    control_shifts: tuple[FiniteFloat, ...] = ()
    mixtures: int = Field(512, ge=1)


class VertexConfig(Settings):
    """Where a compiled pipeline runs.

    Attributes:
        image: the container image that holds this package.
        root: the pipeline's artifacts, `gs://BUCKET/...`.
        manifests: folder of the manifests' spans, `gs://...`.
        serving: folder that models are pushed to, each kind to its own in it, `gs://...`.
        beam_args: options of the Beam pipelines, for example Dataflow's.
        gpus: GPUs of the training machine.
        gpu_type: their type, by Google Cloud's name.
    """

    image: str = "layered-video:latest"
    root: str = "gs://BUCKET/layered-video"
    manifests: str = "gs://BUCKET/manifests"
    serving: str = "gs://BUCKET/serving"
    beam_args: tuple[str, ...] = ()
    gpus: int = Field(1, ge=0)
    gpu_type: str = "NVIDIA_TESLA_A100"


class PipelineConfig(ModelConfig):
    """Everything that a run of the pipeline depends on; see the nested classes.

    The clip's shape is the preset's, but for the keys that `data.clip` names.

    Attributes:
        mixtures: folder of the mixtures that another run's MixtureGen made, to be taken as they
            are, for example to train several systems on the same; by default they are made.
        separators: name -> folder of one version of a pushed separator, in whose outputs the
            action classifier recognises actions; for system i3d alone.
        workers: processes of the stages that Beam runs: mixtures, statistics, evaluation.
    """

    mixtures: str = ""
    data: DataConfig = DataConfig()
    train: TrainConfig = TrainConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    analysis: AnalysisConfig = AnalysisConfig()
    separators: dict[str, str] = Field(default_factory=dict)
    workers: int = Field(1, ge=1)
    vertex: VertexConfig = VertexConfig()

    @model_validator(mode="before")
    @classmethod
    def _clip_from_preset(cls, values):
        name = values.get("preset", cls.model_fields["preset"].default)
        preset = PRESETS.get(name) if isinstance(name, str) else None
        data = values.get("data") or {}
        clip = (data.get("clip") or {}) if isinstance(data, Mapping) else None
        if preset is None or not isinstance(clip, Mapping):
            return values  # validation names what is wrong
        clip = {**preset.clip.model_dump(), **clip}
        return {**values, "data": {**data, "clip": clip}}

    @model_validator(mode="after")
    def _strides_divide(self):
        check_size(self.data.clip, PRESETS[self.preset])
        return self

    @model_validator(mode="after")
    def _separators_have_a_classifier(self):
        if self.separators and not self.classifies:
            raise ValueError(
                f"separators: only system {CLASSIFIER} recognises actions in their outputs, "
                f"received system {self.system}"
            )
        if taken := self.separators.keys() & set(INPUTS):
            raise ValueError(
                f"separators: {' and '.join(INPUTS)} are what a separator is compared with, "
                f"received the name {min(taken)}"
            )
        return self

    @property
    def model(self) -> ModelConfig:
        """The system and its size alone."""
        return ModelConfig(**{key: getattr(self, key) for key in ModelConfig.model_fields})

    @property
    def classifies(self) -> bool:
        """Whether the system is the action classifier, not a separator."""
        return self.system == CLASSIFIER

    @property
    def shifts_sounds(self) -> bool:
        """Whether control is measured under shifted sounds, for which videos are read again."""
        if self.classifies or not self.analysis.control_shifts:
            return False
        return get_system(self.system).hears

    @property
    def kind(self) -> str:
        """What is trained, and the name that it is served under: `separator` or `classifier`."""
        return "classifier" if self.classifies else "separator"

    @property
    def name(self) -> str:
        """The pipeline's name: models of one name take the same clips and can be compared."""
        clip = self.data.clip
        size = f"{clip.frames}x{clip.height}x{clip.width}"
        return f"{self.kind}-{size}-{clip.fps:g}fps-{clip.sample_rate}hz".replace(".", "-")


def load_config(name: str, settings: Sequence[str] = ()) -> PipelineConfig:
    """Read a configuration and override single keys.

    Args:
        name: a file, or the name of one in `pipeline/configs` (`demo`).
        settings: overrides `key=value`, a nested key with dots (`data.seed=3`), values as YAML.

    Raises:
        UserError: there is no such configuration, or a key is unknown or ill-typed.
    """
    path = Path(name)
    if not path.suffix:
        path = CONFIGS / f"{name}.yaml"
        if not path.is_file():
            known = ", ".join(sorted(config.stem for config in CONFIGS.glob("*.yaml")))
            raise UserError(f"unknown config {name!r}: give a YAML file or one of {known}")
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise UserError(f"{path}: settings must be keys and values, received {values!r}")
    for setting in settings:
        _override(values, setting)
    return load(PipelineConfig, values, name)


def _override(values: dict, setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals:
        raise UserError(f"--set needs key=value: received {setting!r}")
    *parents, last = key.split(".")
    for parent in parents:
        if not isinstance(values.setdefault(parent, {}), dict):
            raise UserError(f"--set {setting}: {parent} holds a single value, no keys")
        values = values[parent]
    try:
        values[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"--set {setting}: the value is not YAML: {reason}") from error
