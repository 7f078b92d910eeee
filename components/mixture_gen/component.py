"""MixtureGen: an ExampleGen whose input is a manifest of videos."""

from google.protobuf import struct_pb2
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2

from components.mixture_gen.executor import Executor
from components.mixture_gen.spans import PATTERN
from data_prep.config import DataConfig
from data_prep.splits import SPLITS


class MixtureGen(FileBasedExampleGen):
    """Makes mixtures of the videos of the newest manifest.

    The input is a manifest, which names each video with its size and digest, because TFX's driver
    stats every input file, and half a million videos are too many.

    Outputs:
        examples: `standard_artifacts.Examples` with the splits `train` and `eval`; `info.json` and
            `rejected.csv` lie beside the folders of the splits.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, *, manifests: str, config: DataConfig, code: str, unfinished: str):
        """Create the component.

        Args:
            manifests: folder with `span-N/manifest.csv`.
            config: settings of the data set.
            code: digest of the code that makes the records, so that TFX's cache notices a change.
            unfinished: folder that outlives the execution, and on a platform the job, for what
                resumes an interrupted one.
        """
        custom = example_gen_pb2.CustomConfig()
        settings = struct_pb2.Struct()
        # As text, because a Struct turns integers into floats.
        settings.update({"data": config.model_dump_json(), "code": code, "unfinished": unfinished})
        custom.custom_config.Pack(settings)
        splits = [example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=1) for name in SPLITS]
        super().__init__(
            input_base=manifests,
            input_config=example_gen_pb2.Input(
                splits=[example_gen_pb2.Input.Split(name="manifest", pattern=PATTERN)]
            ),
            output_config=example_gen_pb2.Output(
                split_config=example_gen_pb2.SplitConfig(splits=splits)
            ),
            custom_config=custom,
        )
