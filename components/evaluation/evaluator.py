"""Executor of the Evaluator: TFX's own, with the baseline out of the folder of served models.

It also slices by the classes, see `components.evaluation.class_extractor`.
"""

from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.constants import BASELINE_KEY
from tfx.components.evaluator import constants
from tfx.components.evaluator.executor import Executor
from tfx.types import Artifact, standard_artifacts, standard_component_specs
from tfx.utils import path_utils

from components.evaluation import class_extractor
from components.evaluation.baseline import find_baseline
from data_prep import storage

BASELINE = constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY
"""Property of the blessing: the version that the model was compared with, if there was one."""
_LOADER = "custom_eval_shared_model"
_EXTRACTORS = "custom_extractors"


class EvaluatorExecutor(Executor):
    """Evaluates a model and the one that is served, and compares them."""

    def Do(  # noqa: N802  (TFX's name)
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluate.

        Args:
            input_dict: `examples` and `model`.
            output_dict: `evaluation` and `blessing`.
            exec_properties: those of TFX's executor, and `serving`, the folder of the versions.
        """
        [model] = input_dict[standard_component_specs.MODEL_KEY]
        extractors = f"{class_extractor.__name__}.{class_extractor.extractors.__name__}"
        exec_properties = {**exec_properties, _EXTRACTORS: extractors}
        version = find_baseline(
            exec_properties["serving"], path_utils.serving_model_path(model.uri)
        )
        if version:
            baseline = standard_artifacts.Model()
            baseline.uri = version
            input_dict = {**input_dict, standard_component_specs.BASELINE_MODEL_KEY: [baseline]}
            exec_properties = {**exec_properties, _LOADER: f"{__name__}.{load_model.__name__}"}
        super().Do(input_dict, output_dict, exec_properties)
        [blessing] = output_dict[standard_component_specs.BLESSING_KEY]
        # It is no artifact of this run, so it has no id, and platforms would look for one.
        blessing.mlmd_artifact.custom_properties.pop(
            constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, None
        )


def load_model(
    eval_saved_model_path: str,
    model_name: str,
    eval_config: Any,
    add_metrics_callbacks: Any = None,
) -> Any:
    """Load a model for TFMA, which calls this with its names of the arguments.

    A served version is a SavedModel itself, while the Trainer's model holds one in a folder.
    """
    is_baseline = model_name == BASELINE_KEY
    path = storage.parent(eval_saved_model_path) if is_baseline else eval_saved_model_path
    return tfma.default_eval_shared_model(
        eval_saved_model_path=path,
        model_name=model_name,
        eval_config=eval_config,
        add_metrics_callbacks=add_metrics_callbacks,
    )
