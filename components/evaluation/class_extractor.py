"""What TFMA extracts from the records: its defaults, and the classes, which records do not hold.

Public name: `extractors`, which TFX's Evaluator calls. TFMA's slices by SQL would need none, but
TFMA 0.52 leaves them out without an error.
"""

from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma

from components.evaluation.class_slices import CLASSES, classes_of


def extractors(
    eval_shared_model: Any, eval_config: Any, tensor_adapter_config: Any
) -> list[tfma.extractors.Extractor]:
    """Return the extractors; TFX calls this with its names of the arguments."""
    *others, slices = tfma.default_extractors(
        eval_shared_model=eval_shared_model,
        eval_config=eval_config,
        tensor_adapter_config=tensor_adapter_config,
    )
    derived = tfma.extractors.Extractor(
        stage_name="ExtractClasses", ptransform=beam.Map(_with_classes)
    )
    return [*others, derived, slices]


def _with_classes(extracts: dict[str, Any]) -> dict[str, Any]:
    """Return the extracts of a record with the feature `CLASSES` beside its labels."""
    features = extracts[tfma.FEATURES_KEY]
    labels = (features[f"v{number}_label"].item().decode() for number in (1, 2))
    classes = np.array([classes_of(*labels).encode()])
    return {**extracts, tfma.FEATURES_KEY: {**features, CLASSES: classes}}
