"""Which blessed model a new one is compared with."""

from tfx.dsl.components.common.resolver import ResolverStrategy


class LatestBlessedBefore(ResolverStrategy):
    """The newest blessed model that is older than the model at hand.

    TFX's own strategy takes the newest of all: run again with nothing changed, a pipeline would
    find its own model, compare it with itself and push it once more, past the cache. Here it
    finds what it found the first time.
    """

    def resolve_artifacts(self, store, input_dict):
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
            "current": input_dict["current"],
        }
