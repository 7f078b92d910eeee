"""Models by name, as requests ask for them."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import grpc
from tensorflow_serving.apis.model_pb2 import ModelSpec

from serving.server.errors import StatusError, invalid
from serving.server.loaded_model import SavedModel
from serving.server.model_folder import ModelFolder, Status


class ServedModels:
    """Finds the model and the version that a ModelSpec names.

    Its errors are those of TensorFlow Serving's server_core.cc and get_model_status_impl.cc.

    Attributes:
        folders: name -> versions.
    """

    def __init__(self, folders: Mapping[str, ModelFolder[SavedModel]]) -> None:
        self.folders = folders

    @contextmanager
    def use(self, spec: ModelSpec) -> Iterator[tuple[int, SavedModel]]:
        """Give a version and its model, which stays loaded inside the context.

        Raises:
            StatusError: no such version is served.
        """
        version = _version(spec)
        with ExitStack() as stack:
            try:
                used = stack.enter_context(self.folders[spec.name].use(version))
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
        folder = self.folders.get(spec.name)
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


def _version(spec: ModelSpec) -> int | None:
    """Return the version that a request names; None for the served one."""
    if not spec.name:
        raise invalid("ModelSpec has no name specified.")
    if spec.HasField("version_label"):
        raise invalid(f"Unrecognized servable version label: {spec.version_label}")
    return spec.version.value if spec.HasField("version") else None
