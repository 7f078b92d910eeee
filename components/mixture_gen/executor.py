"""Executor of MixtureGen: the record writer of `data_prep`, with the layout of TFX Examples."""

import hashlib
import json
from functools import partial
from typing import Any

import click
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.proto import example_gen_pb2
from tfx.types import Artifact, artifact_utils, standard_component_specs

from components.mixture_gen.attempts import note_attempt, remove_attempts
from components.mixture_gen.spans import MANIFEST_REFERENCE, referred_manifest, span_of
from data_prep import storage
from data_prep.config import DataConfig
from data_prep.mixing.plan_digest import decisive
from data_prep.mixing.planning import plan
from data_prep.records.info import INFO
from data_prep.records.layout import RecordLayout
from data_prep.records.writer import write_records
from data_prep.sources import manifest
from data_prep.splits import SPLITS

Properties = dict[str, Any]

_LONGEST = 7 * 24 * 3600.0  # seconds


class Executor(base_beam_executor.BaseBeamExecutor):
    """Makes the records of both splits in one Beam pipeline.

    TFX gives each attempt its own folder. The reports of finished shards lie in a folder that all
    attempts at the same records share, so that finished shards are reused after an interruption.

    The records are written as they are: JPEG strips do not shrink under the gzip of TFX's own
    ExampleGens, which would cost a sixth of the time.
    """

    def Do(  # noqa: N802  (TFX's name)
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: Properties,
    ) -> None:
        """Write the splits, `info.json` and `rejected.csv` of the examples artifact.

        Raises:
            UserError: the manifest has changed since it was indexed, or too few mixtures can be
                made of its videos.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        reference = exec_properties["manifest"]
        path = referred_manifest(reference)
        planned = plan(manifest.read(path), _data_config(exec_properties))
        [examples] = output_dict[standard_component_specs.EXAMPLES_KEY]
        examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
        examples.span = span_of(path)
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples.set_string_custom_property(MANIFEST_REFERENCE, reference)
        layout = RecordLayout(
            unfinished=_unfinished(path, exec_properties),
            # Without links, because reports outlive the names that a run gives its folders.
            splits={
                split: storage.absolute(artifact_utils.get_split_uri([examples], split))
                for split in SPLITS
            },
            info=storage.join(examples.uri, INFO),
            rejected=storage.join(examples.uri, manifest.REJECTED),
            attempts_below=_root(exec_properties),
        )
        earlier = manifest.read_rejected(manifest.rejected_beside(path))
        # On a platform another run may be making the same records, for as long as it takes.
        with storage.waiting_lease(layout.unfinished, patience=_LONGEST) as require_held:
            note_attempt(layout.unfinished, examples.uri)
            write_records(
                planned,
                layout,
                self._make_beam_pipeline(),
                require_held=require_held,
                rejections=earlier,
                report=partial(click.echo, err=True),  # the notices of logs are silenced
            )
            remove_attempts(layout.unfinished, examples.uri, _root(exec_properties))
        storage.remove_if_empty(layout.unfinished)


def _root(exec_properties: Properties) -> str:
    """Return the folder that holds all attempts, and what resumes them."""
    return storage.absolute(storage.parent(exec_properties["unfinished"]))


def _unfinished(manifest_uri: str, exec_properties: Properties) -> str:
    """Return the folder of all attempts at the same records."""
    config = decisive(_data_config(exec_properties))
    digest = hashlib.sha256(json.dumps([exec_properties["code"], config]).encode())
    digest.update(storage.read_bytes(manifest_uri))
    return storage.join(exec_properties["unfinished"], digest.hexdigest()[:16])


def _data_config(exec_properties: Properties) -> DataConfig:
    return DataConfig.model_validate_json(exec_properties["config"])
