"""Models by name, as requests ask for them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import grpc
from tensorflow_serving.apis.model_pb2 import ModelSpec

from serving.server.errors import StatusError, invalid
from serving.server.loaded_model import SavedModel
from serving.server.model_folder import ModelFolder, Status
from serving.server.model_settings import ModelSettings
from serving.signature import DEFAULT
from serving.versions import State


class ServedModels:
    """Finds the model and the version that a ModelSpec names.

    Its errors are those of TensorFlow Serving's server_core.cc and get_model_status_impl.cc.

    Only one thread may call `configure` and `end_removed`. Any thread may call the other methods.
    """

    def __init__(self, load: Callable[[Path], SavedModel]) -> None:
        """Start without models.

        Args:
            load: loads a version from its folder.
        """
        self._load = load
        # Those that were configured before too: their states can still be asked for.
        self._folders: dict[str, ModelFolder[SavedModel]] = {}
        self._configured: Mapping[str, ModelSettings] = {}

    @property
    def folders(self) -> dict[str, ModelFolder[SavedModel]]:
        """Name -> versions of the models that are configured."""
        return {name: self._folders[name] for name in self._configured}

    def configure(self, models: Sequence[ModelSettings]) -> None:
        """Serve other models, policies and labels.

        Labels change now, and models that are left out end now. Refreshing `folders` does the rest.

        Args:
            models: all models to serve, with different names.

        Raises:
            StatusError: a label that is in use would move to a version that is not available.
                Nothing changes then.
        """
        for model in models:
            self._require_labels(model)
        for model in models:
            if model.name in self._folders:
                self._folders[model.name].configure(model.folder, model.policy)
            else:
                self._folders[model.name] = ModelFolder(model.folder, self._load, model.policy)
        self._configured = {model.name: model for model in models}
        self.end_removed()

    def end_removed(self) -> None:
        """End the models that are not configured anymore, and close what no request uses."""
        for name in self._folders.keys() - self._configured.keys():
            self._folders[name].end()

    def _require_labels(self, model: ModelSettings) -> None:
        """Raise StatusError if a label would move to a version that is not available.

        A new label may come with its version, as with TensorFlow Serving's
        --allow_version_labels_for_unavailable_models.
        """
        before = self._configured.get(model.name)
        for label, version in model.labels.items():
            if before is None or before.labels.get(label, version) == version:
                continue
            status = self._folders[model.name].statuses().get(version)
            if status is None or status.state is not State.AVAILABLE:
                raise StatusError(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    f"label {label} of model {model.name}: must move to a version that is "
                    f"available, got {version}",
                )

    @contextmanager
    def use(self, spec: ModelSpec) -> Iterator[tuple[int, SavedModel]]:
        """Give a version and its model, which stays loaded inside the context.

        Raises:
            StatusError: no such version is served.
        """
        version = self._version(spec)
        with ExitStack() as stack:
            try:
                used = stack.enter_context(self._folders[spec.name].use(version))
            except KeyError as error:
                name = spec.name
                wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
                raise StatusError(
                    grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {wanted}"
                ) from error
            yield used

    def statuses(self, spec: ModelSpec) -> dict[int, Status]:
        """Return version -> Status of the named version, or of all; labels do not count here.

        Raises:
            StatusError: there is none.
        """
        folder = self._folders.get(spec.name)
        statuses = folder.statuses() if folder else {}
        which = "any versions"
        if spec.HasField("version"):
            version = spec.version.value
            statuses = {found: status for found, status in statuses.items() if found == version}
            which = f"version {version}"
        if not statuses:
            raise StatusError(
                grpc.StatusCode.NOT_FOUND, f"Could not find {which} of model {spec.name}"
            )
        return statuses

    def _version(self, spec: ModelSpec) -> int | None:
        """Return the version that a request names; None for the newest one."""
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        if not spec.HasField("version_label"):
            return spec.version.value if spec.HasField("version") else None
        model, label = self._configured.get(spec.name), spec.version_label
        if model is None or label not in model.labels:
            raise invalid(f"Unrecognized servable version label: {label}")
        return model.labels[label]


def refuse_examples(models: ServedModels, spec: ModelSpec, method: str) -> NoReturn:
    """Raise the StatusError of a request with tf.Examples.

    Args:
        models: the served models.
        spec: the signature.
        method: the name of the method that a signature for the request would have.
    """
    with models.use(spec) as (_, model):
        name = spec.signature_name or DEFAULT
        if name not in model.signature_defs:
            raise invalid(f"No signature was found with the name: {name}")
        found = model.signature_defs[name].method_name
    raise invalid(f"Expected signature method_name to be {method}. Was: {found}")
