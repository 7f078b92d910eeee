"""The exported model that training starts from: found, checked, and named by its weights."""

import click

from data_prep import storage
from data_prep.errors import UserError
from models.config import PUSHED
from models.export.exported_weights import newest_version, weights_digest
from models.presets import get_preset
from pipeline.config import PipelineConfig
from pipeline.places import Places


def require_initial_model(config: PipelineConfig) -> None:
    """Check that training can start from the model that the settings name, if they name one.

    Raises:
        UserError: there is no such model, or it shares no weight with the network.
    """
    if config.model.initial not in ("", PUSHED):
        _check(config)


def with_initial_model(config: PipelineConfig, places: Places) -> PipelineConfig:
    """Return the settings with the initial model's version, by a name that its weights decide.

    TFX's cache looks at the settings alone. So other weights at the same place retrain, and the
    same weights at another place do not.

    Args:
        config: the settings.
        places: paths of the run, as ML Metadata names them.

    Raises:
        UserError: as for `require_initial_model`.
    """
    initial = config.model.initial
    if initial == PUSHED:
        initial = newest_version(str(places.serving(config.task.kind))) or ""
        if not initial:
            click.echo("model.initial: no model was pushed yet; fresh weights", err=True)
    if initial:
        version = _check(_with_initial(config, initial))
        initial = version and places.name_by_content(version, weights_digest(version))
    return _with_initial(config, initial)


def forbid_local_model(config: PipelineConfig) -> None:
    """Check that the settings name no model that only a run on this machine can find.

    Raises:
        UserError: they do.
    """
    initial = config.model.initial
    if initial not in ("", PUSHED) and storage.is_local(initial):
        raise UserError(
            f"model.initial: must be a URI or {PUSHED} in a compiled pipeline, got {initial!r}"
        )


def _check(config: PipelineConfig) -> str:
    """Return the folder of the initial model's version; "" for a network without weights."""
    # TensorFlow takes seconds to load.
    from models.training.warm_start import check_warm_start

    model = config.model
    network = config.system.build(
        config.data.clip, get_preset(model.preset), outputs=model.outputs, layers=model.layers
    )
    return check_warm_start(network, model.initial) if network.weights else ""


def _with_initial(config: PipelineConfig, initial: str) -> PipelineConfig:
    model = config.model.model_copy(update={"initial": initial})
    return config.model_copy(update={"model": model})
