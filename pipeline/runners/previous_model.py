"""The resolver of the blessed model that a new one is compared with."""

from collections.abc import Mapping, Sequence

from ml_metadata import MetadataStore
from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.types.artifact import Artifact


class LatestBlessedBefore(ResolverStrategy):
    """The newest blessed model that is older than the model at hand.

    TFX's own strategy takes the newest of all. A repeated run would then find its own model,
    compare it with itself and push it again, past the cache. This strategy finds the same model
    as the first time.
    """

    def resolve_artifacts(
        self, store: MetadataStore, input_dict: Mapping[str, Sequence[Artifact]]
    ) -> dict[str, list[Artifact]]:
        """Resolve the channels `model` and `model_blessing`, given `current`."""
        blessings = {
            blessing.get_int_custom_property("current_model_id"): blessing
            for blessing in input_dict["model_blessing"]
            if blessing.get_int_custom_property("blessed") == 1
        }
        current = max((model.id for model in input_dict["current"]), default=0)
        older = [
            model for model in input_dict["model"] if model.id in blessings and model.id < current
        ]
        newest = max(older, key=lambda model: model.id, default=None)
        return {
            "model": [newest] if newest else [],
            "model_blessing": [blessings[newest.id]] if newest else [],
            "current": list(input_dict["current"]),
        }
