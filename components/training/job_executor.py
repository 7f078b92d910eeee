"""The stage Trainer that trains in a job of Vertex AI.

TFX has such an executor too. It starts a second job when the stage is started again, leaves the job
running when the stage is cancelled, and knows no other GPUs when there are none of the first type.
"""

import json
from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.components.trainer.component import Trainer
from tfx.components.trainer.executor import GenericExecutor
from tfx.dsl.components.base import base_executor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import CUSTOM_CONFIG_KEY, MODEL_KEY
from tfx.utils import json_utils, name_utils, path_utils

from components.training.job_api import JobApi
from components.training.job_run import JobRun
from components.training.job_spec import job_spec
from components.training.training_settings import JOB, job_of, sole_training, training_key
from data_prep import storage
from data_prep.errors import UserError
from models.export.exported_weights import MODEL

Artifacts = dict[str, list[types.Artifact]]

_COMMAND = ("python", "-m", "tfx.scripts.run_executor")


class TrainingJobExecutor(base_executor.BaseExecutor):
    """Start the job that `custom_config` describes, wait for it, and copy what it wrote.

    The job writes into a folder that belongs to the training rather than to this attempt, because
    another attempt may adopt it, with other output folders. The folder stays, for other runs that
    train alike: they wait for this one, then find its job, and copy the same outputs.
    """

    def Do(  # noqa: N802  (TFX's name)
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]
    ) -> None:
        """Train.

        Args:
            input_dict: the Trainer's inputs.
            output_dict: the Trainer's outputs.
            exec_properties: the Trainer's parameters; `custom_config` is
                `TrainingSettings.custom_config` with a job.

        Raises:
            UserError: the job could not be started or did not succeed.
        """
        custom = json_utils.loads(exec_properties[CUSTOM_CONFIG_KEY])
        job = job_of(custom)
        key = training_key(custom, [each.uri for each in input_dict["examples"]])
        # The job itself keeps checkpoints, and a lease, by the name of a key too.
        place = f"job-{key}"
        folder = storage.join(custom["checkpoints"], place)
        places = {name: storage.join(folder, name) for name in output_dict}
        command = _command(input_dict, _moved(output_dict, places), exec_properties, custom)
        name = f"layered-video-training-{key}"
        with sole_training(custom, place):
            JobRun(
                JobApi(job),
                job,
                name,
                lambda gpu_type: job_spec(job, name, gpu_type, command),
                is_kept=lambda: _are_complete(places),
                clear=lambda: storage.remove_tree(folder),
            ).run()
            for output, [artifact] in output_dict.items():
                storage.copy_tree(places[output], artifact.uri)
        outputs = {output: artifact.uri for output, [artifact] in output_dict.items()}
        if not _are_complete(outputs):
            raise UserError(f"training job: must write a model and curves, got none in {folder}")


class TrainingJobTrainer(Trainer):
    """TFX's Trainer that trains in a job of Vertex AI; give it the ID `Trainer`.

    Example:
        >>> TrainingJobTrainer(
        ...     run_fn="components.training.run_fn.run_fn",
        ...     examples=examples,
        ...     train_args=train_args,
        ...     eval_args=eval_args,
        ...     custom_config=settings.custom_config(checkpoints=folder, code=digest, job=job),
        ... ).with_id("Trainer")  # doctest: +SKIP
    """

    EXECUTOR_SPEC = ExecutorClassSpec(TrainingJobExecutor)


def _are_complete(places: Mapping[str, str]) -> bool:
    """Say whether the Trainer's outputs, name -> folder, are there, the model with its graph."""
    graph = storage.join(path_utils.serving_model_path(places[MODEL_KEY]), MODEL)
    return storage.is_file(graph) and all(map(storage.exists, places.values()))


def _moved(outputs: Artifacts, places: dict[str, str]) -> Artifacts:
    """Return copies of output artifacts at other places."""
    copies = artifact_utils.parse_artifact_dict(artifact_utils.jsonify_artifact_dict(outputs))
    for name, [artifact] in copies.items():
        artifact.uri = places[name]
    return copies


def _command(
    inputs: Artifacts, outputs: Artifacts, properties: dict[str, Any], custom: dict[str, str]
) -> list[str]:
    """Return the command that runs TFX's own executor of the Trainer in a container."""
    kept = {key: value for key, value in custom.items() if key != JOB}
    given = {**properties, CUSTOM_CONFIG_KEY: json_utils.dumps(kept)}
    return [
        *_COMMAND,
        f"--executor_class_path={name_utils.get_full_name(GenericExecutor)}",
        f"--inputs={artifact_utils.jsonify_artifact_dict(inputs)}",
        f"--outputs={artifact_utils.jsonify_artifact_dict(outputs)}",
        f"--exec-properties={json.dumps(given, sort_keys=True)}",
    ]
