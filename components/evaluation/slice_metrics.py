"""Types of the Evaluator's results; they load neither TensorFlow nor TFMA.

Public names: `SliceMetrics` and `EvaluationResults`.
"""

from pydantic import Field

from components.estimates import Estimate
from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.results import Results
from models.measures import Measure


class SliceMetrics(Results):
    """Metrics over the examples of one slice.

    Attributes:
        examples: number of examples.
        estimates: name of a measure -> estimate, in the measure's unit; a measure that the model
            does not report is missing.
    """

    examples: int
    estimates: dict[str, Estimate]

    def of(self, measure: Measure) -> Estimate | None:
        """Return the estimate of a measure, or None if it is missing."""
        return self.estimates.get(measure.name)


class EvaluationResults(Results):
    """Metrics of one model by slice.

    Attributes:
        slices: feature -> its value -> metrics; the feature `""` has the one value `""` with all
            examples.
        classes_within: mixture type -> `ONE_CLASS` or `TWO_CLASSES` -> metrics.
    """

    slices: dict[str, dict[str, SliceMetrics]]
    classes_within: dict[str, dict[str, SliceMetrics]] = Field(default_factory=dict)

    @property
    def overall(self) -> SliceMetrics | None:
        """Metrics over all examples, or None if the model was not evaluated."""
        return self.slices.get("", {}).get("")

    def by_mixture_type(self) -> dict[str, SliceMetrics]:
        """Return mixture type -> metrics, in the order of tables."""
        found = self.slices.get("mixture_type", {})
        return {name: found[name] for name in MIXTURE_TYPES if name in found}
