"""The pipeline's configuration: typed, validated on load, from YAML."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import (
    Field,
    SerializeAsAny,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)

from components.analyses.analysis import Analysis
from components.analyses.registry import ANALYSES
from data_prep import storage
from data_prep.config import DataConfig
from data_prep.errors import UserError
from data_prep.sample.sample_config import SampleConfig
from data_prep.settings import MAX_WORKERS, Settings, load, shown
from data_prep.yaml_text import parse_yaml, read_yaml
from models.config import ModelConfig, TrainConfig
from models.presets import PRESETS, check_size
from models.systems import System, get_system
from models.tasks.bounds import EvaluationSettings
from models.tasks.task import Task
from pipeline.cloud.cloud_config import CloudConfig
from pipeline.retention.retention_config import RetentionConfig

CONFIGS = Path(__file__).with_name("configs")


class PipelineConfig(Settings):
    """Everything that a run of the pipeline depends on; see the nested classes.

    The clip's shape is the preset's, except for the keys that `data.clip` sets. A `ClipConfig`
    that is given as an object is taken whole.

    Attributes:
        model: the system and its size.
        mixtures: folder of mixtures that another run's MixtureGen made, for example to train
            several systems on the same ones; they are made by default.
        sample: the videos that `demo` and `tables` render, unless these are given some.
        data: how videos are split, paired and mixed.
        train: how the system is trained.
        evaluation: what a model must reach to be pushed.
        analyses: name in `components.analyses.registry.ANALYSES` -> its settings. An analysis
            runs if it is named here and applies to the system.
        workers: processes of the stages that Beam runs: mixtures, statistics, evaluation.
        beam_args: options of these stages, as `generate` takes them, for example
            `[--runner=FlinkRunner, "--job_endpoint=HOST:8099"]`; they run on this machine by
            default. Compiled pipelines have `cloud.beam_args`.
        webhook: address that is told how a run of `run`, or of a platform, ended, with the JSON of
            a `components.run_outcome.RunOutcome`. A run that a platform could not finish is for its
            own alerts. Whoever reads the settings can use the address.
        retention: what the command `prune` keeps of earlier runs.
        cloud: where a compiled pipeline runs, and on what.
    """

    model: ModelConfig = ModelConfig()
    mixtures: str = ""
    sample: SampleConfig = SampleConfig()
    data: DataConfig = DataConfig()
    train: TrainConfig = TrainConfig()
    evaluation: EvaluationSettings = EvaluationSettings()
    analyses: dict[str, SerializeAsAny[Settings]] = Field(default_factory=dict)
    workers: int = Field(1, ge=1, le=MAX_WORKERS)
    beam_args: tuple[str, ...] = ()
    webhook: str = Field("", pattern=r"^(https?://\S+)?$")
    retention: RetentionConfig = RetentionConfig()
    cloud: CloudConfig = CloudConfig()

    @model_validator(mode="before")
    @classmethod
    def _clip_from_preset(cls, values: object) -> object:
        if not isinstance(values, Mapping):
            return values
        model = _as_mapping(values.get("model", {}))
        data = _as_mapping(values.get("data", {}))
        if not isinstance(model, Mapping) or not isinstance(data, Mapping):
            return values  # validation names what is wrong
        name = model.get("preset", ModelConfig().preset)
        preset = PRESETS.get(name) if isinstance(name, str) else None
        clip = data.get("clip", {})
        if preset is None or not isinstance(clip, Mapping):
            return values
        clip = {**preset.clip.model_dump(), **clip}
        return {**values, "data": {**data, "clip": clip}}

    @field_validator("analyses", mode="before")
    @classmethod
    def _analyses_by_name(cls, values: object) -> object:
        # A class with a key per analysis, so that errors name the whole key.
        keys: dict[str, Any] = {
            name: (analysis.settings | None, None) for name, analysis in ANALYSES.items()
        }
        model: type[Settings] = create_model("Analyses", __base__=Settings, **keys)
        return {name: value for name, value in model.model_validate(values) if value is not None}

    @field_validator("beam_args")
    @classmethod
    def _known_to_beam(cls, args: tuple[str, ...]) -> tuple[str, ...]:
        if args:
            from data_prep.beam_options import check_options  # loads Beam

            check_options(args)
        return args

    @field_validator("mixtures")
    @classmethod
    def _absolute(cls, folder: str) -> str:
        return storage.absolute(folder) if folder else ""  # a run has another working directory

    @model_validator(mode="after")
    def _strides_divide(self) -> "PipelineConfig":
        check_size(self.data.clip, PRESETS[self.model.preset])
        return self

    @property
    def system(self) -> System:
        """The system that is trained."""
        return get_system(self.model.system)

    @property
    def task(self) -> Task:
        """The task of the system."""
        return self.system.task

    @property
    def applicable_analyses(self) -> list[tuple[Analysis, Settings]]:
        """The analyses that run, each with its settings, in the registry's order."""
        return [
            (analysis, self.analyses[name])
            for name, analysis in ANALYSES.items()
            if name in self.analyses and analysis.applies_to(self.system, self.analyses[name])
        ]

    @property
    def name(self) -> str:
        """The pipeline's name: models of one name take the same inputs and can be compared."""
        return self._named(self.task.kind)

    @property
    def mixtures_name(self) -> str:
        """Name of the pipeline that makes the mixtures alone."""
        return self._named("mixtures")

    def _named(self, kind: str) -> str:
        clip = self.data.clip
        size = f"{clip.frames}x{clip.height}x{clip.width}"
        return f"{kind}-{size}-{clip.fps:g}fps-{clip.sample_rate}hz".replace(".", "-")


def _as_mapping(settings: object) -> object:
    """Return the keys that a settings object was given, as YAML would hold them."""
    if isinstance(settings, Settings):
        return {name: getattr(settings, name) for name in settings.model_fields_set}
    return settings


def load_config(name: str, overrides: Sequence[str] = ()) -> PipelineConfig:
    """Read a configuration and override single keys.

    Args:
        name: a YAML file's URI, or the name of one in `pipeline/configs`, for example `demo`.
        overrides: `key=value`, a nested key with dots (`data.seed=3`), values as YAML.

    Raises:
        UserError: there is no such configuration, or a key is unknown or ill-typed.
    """
    values = read_yaml(_uri(name))
    if not isinstance(values, dict):
        raise UserError(f"{name}: settings must be keys and values, got {values!r}")
    for override in overrides:
        _override(values, override)
    try:
        return load(PipelineConfig, values, name)
    except UserError as error:
        raise UserError(f"{error}{_suggestions(error.__cause__)}") from error


def _uri(name: str) -> str:
    if PurePosixPath(name).suffix:
        return name
    path = CONFIGS / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(config.stem for config in CONFIGS.glob("*.yaml")))
        raise UserError(f"config: must be a YAML file or one of {known}, got {name!r}")
    return str(path)


def _override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    *parents, last = key.strip().split(".")
    if not equals or not all((*parents, last)):
        raise UserError(f"--set: must be key=value, got {shown(override)}")
    for parent in parents:
        if not isinstance(values.setdefault(parent, {}), dict):
            raise UserError(f"--set {key}: {parent} must hold keys, got a single value")
        values = values[parent]
    values[last] = parse_yaml(text, f"--set {key}", kind="YAML value")


def _suggestions(cause: BaseException | None) -> str:
    """Return the valid keys that resemble the unknown ones, to follow an error message."""
    if not isinstance(cause, ValidationError):
        return ""
    unknown = [item["loc"] for item in cause.errors() if item["type"] == "extra_forbidden"]
    keys = [".".join(map(str, key)) for key in unknown]
    similar = [difflib.get_close_matches(key, _known_keys(PipelineConfig), n=1) for key in keys]
    found = [match for matches in similar for match in matches]
    return f" (did you mean {' or '.join(found)}?)" if found else ""


def _known_keys(settings: type[Settings], prefix: str = "") -> Iterator[str]:
    """Yield the dotted keys of a settings class, nested ones included."""
    nested = {name: analysis.settings for name, analysis in ANALYSES.items()}
    for name, field in settings.model_fields.items():
        yield prefix + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            yield from _known_keys(field.annotation, f"{prefix}{name}.")
    if settings is PipelineConfig:
        for name, kind in nested.items():
            yield f"analyses.{name}"
            yield from _known_keys(kind, f"analyses.{name}.")
