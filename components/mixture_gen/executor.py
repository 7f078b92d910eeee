"""What MixtureGen does: the Beam transform of `data_prep.generate`, written as TFX Examples."""

import hashlib
import json
import os

from google.protobuf import json_format, struct_pb2
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from data_prep.config import DataConfig, load
from data_prep.errors import UserError
from data_prep.mixing.planning import plan
from data_prep.records.making import account
from data_prep.records.shards import WriteShards, lay_out, read_reports
from data_prep.sources import manifest
from data_prep.sources.kinetics import SPLITS


class Executor(base_beam_executor.BaseBeamExecutor):
    """Makes the records of both splits in one Beam pipeline.

    TFX gives each attempt a folder of its own. Shards are made in one that all attempts at the same
    records share, so that after an interruption those that are finished are kept.

    The records are written as they are: JPEG strips do not shrink by the gzip that TFX's own
    ExampleGens add, which would cost a sixth of the time.
    """

    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802  (TFX's name)
        """Write the splits, `info.json` and `rejected.csv` of the examples artifact."""
        self._log_startup(input_dict, output_dict, exec_properties)
        config = _data_config(exec_properties)
        path = _manifest_path(exec_properties)
        planned = plan(manifest.read(path), config)
        [examples] = output_dict[standard_component_specs.EXAMPLES_KEY]
        examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
        unfinished = _unfinished(examples.uri, path, exec_properties)
        reports = os.path.join(unfinished, "reports")
        shards = [
            shard
            for split, pairings in planned.pairings.items()
            for shard in lay_out(
                pairings,
                config.records_per_shard,
                records=os.path.join(unfinished, split),
                reports=reports,
            )
        ]
        with self._make_beam_pipeline() as pipeline:
            _ = pipeline | WriteShards(shards, config)
        try:
            info, unreadable = account(planned, config, read_reports(reports))
        except UserError:
            # Nothing could be read; what is to be mended is read anew.
            fileio.rmtree(reports)
            fileio.rmtree(unfinished)
            raise
        earlier = manifest.read_rejected(os.path.join(os.path.dirname(path), "rejected.csv"))
        rejections = [*earlier, *planned.rejections, *unreadable]
        _write_text(os.path.join(examples.uri, "info.json"), json.dumps(info, indent=2) + "\n")
        _write_text(
            os.path.join(examples.uri, "rejected.csv"),
            manifest.rejected_text(sorted(rejections, key=lambda item: item.path)),
        )
        # A report without its records would be taken for a finished shard.
        fileio.rmtree(reports)
        for split in SPLITS:
            records = artifact_utils.get_split_uri([examples], split)
            fileio.rename(os.path.join(unfinished, split), records, overwrite=True)
        fileio.rmtree(unfinished)


def _unfinished(uri: str, manifest_path: str, exec_properties) -> str:
    """Return the folder of all attempts at the same records, beside the artifacts' folders."""
    digest = hashlib.sha256()
    digest.update(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY].encode())
    with fileio.open(manifest_path, "rb") as file:
        digest.update(file.read())
    component = os.path.dirname(os.path.dirname(uri))
    return os.path.join(component, "unfinished", digest.hexdigest()[:16])


def _data_config(exec_properties) -> DataConfig:
    custom = example_gen_pb2.CustomConfig()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY], custom)
    settings = struct_pb2.Struct()
    custom.custom_config.Unpack(settings)
    return load(DataConfig, json.loads(json_format.MessageToDict(settings)["data"]), "data")


def _manifest_path(exec_properties) -> str:
    config = example_gen_pb2.Input()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.INPUT_CONFIG_KEY], config)
    # The driver has put the newest span into the pattern.
    base = exec_properties[standard_component_specs.INPUT_BASE_KEY]
    return os.path.join(base, config.splits[0].pattern)


def _write_text(path: str, text: str) -> None:
    with fileio.open(path, "w") as file:
        file.write(text)
