"""MixtureGen: an ExampleGen whose input is a manifest of videos."""

from typing import ClassVar

from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.dsl.placeholder.placeholder import Placeholder
from tfx.types import Channel, ComponentSpec, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from components.mixture_gen.executor import Executor
from data_prep.config import DataConfig


class MixtureGenSpec(ComponentSpec):
    """Parameters and outputs of `MixtureGen`."""

    PARAMETERS: ClassVar = {
        "manifest": ExecutionParameter(type=str),
        "config": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
        "unfinished": ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {}
    OUTPUTS: ClassVar = {"examples": ChannelParameter(type=standard_artifacts.Examples)}


class MixtureGen(BaseBeamComponent):
    """Makes mixtures of the videos of a manifest.

    TFX's own ExampleGens find their input in a driver, which Kubeflow Pipelines does not have, and
    stat every input file, of which there may be half a million. So the input is a reference to a
    manifest, which names each video with its size and digest.

    Outputs:
        examples: `standard_artifacts.Examples` with the splits `train` and `eval`; `info.json` and
            `rejected.csv` lie beside the folders of the splits.
    """

    SPEC_CLASS = MixtureGenSpec
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)

    def __init__(
        self, *, manifest: str | Placeholder, config: DataConfig, code: str, unfinished: str
    ):
        """Create the component.

        Args:
            manifest: reference to the manifest, see `components.mixture_gen.spans`; or a
                placeholder of it, an output of `Index`.
            config: settings of the data set.
            code: digest of the code that makes the records, so that TFX's cache notices a change.
            unfinished: folder that outlives the execution, and on a platform the job, for what
                resumes an interrupted one.
        """
        super().__init__(
            MixtureGenSpec(
                manifest=manifest,
                config=config.model_dump_json(),
                code=code,
                unfinished=unfinished,
                examples=Channel(type=standard_artifacts.Examples),
            )
        )
