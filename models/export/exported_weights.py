"""The weights of exported models, read from the checkpoint in a SavedModel.

TensorFlow is loaded only to read the weights, so that a path can be checked at once.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep import storage
from data_prep.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

MODEL = "saved_model.pb"
VARIABLES = "variables"
CLIP = "assets.extra/clip.json"
"""The file of a version that describes its clips, for people and for comparisons."""
_INDEX = "variables.index"
_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE = "VARIABLE_VALUE"


def find_version(uri: str) -> str:
    """Return the folder of one version of a model: the given one, or the newest in it.

    Args:
        uri: URI of either.

    Raises:
        UserError: neither is there.
    """
    found = uri if _is_version(uri) else newest_version(uri)
    if found is None:
        raise UserError(
            f"{uri}: must be the folder of an exported model, which holds {MODEL} and "
            f"{VARIABLES}/{_INDEX}, or a folder of its versions"
        )
    return found


def newest_version(folder: str) -> str | None:
    """Return the folder with the largest number as name that holds a model, or None."""
    return next(iter(list_versions(folder).values()), None)


def list_versions(folder: str) -> dict[int, str]:
    """List the versions of a model: folders with a whole number as name that hold a model.

    Returns:
        Version -> its folder, newest version first.
    """
    numbered = {}
    for file in storage.glob(storage.join(folder, "*", MODEL)):
        version = storage.join(folder, storage.name(storage.parent(file)))
        name = storage.name(version)
        if name.isascii() and name.isdecimal() and _is_version(version):
            numbered[int(name)] = version
    return dict(sorted(numbered.items(), reverse=True))


def _is_version(folder: str) -> bool:
    files = (MODEL, f"{VARIABLES}/{_INDEX}")
    return all(storage.is_file(storage.join(folder, file)) for file in files)


def weights_digest(version: str) -> str:
    """Return a digest of a model's weights, 16 hexadecimal digits; a copy has the same.

    It is that of the checkpoint's index, which holds the name, shape and checksum of every weight.

    Raises:
        StorageError: the index cannot be read.
    """
    index = storage.read_bytes(storage.join(version, VARIABLES, _INDEX))
    return hashlib.sha256(index).hexdigest()[:16]


def is_copy(version: str, other: str) -> bool:
    """Say whether two versions are copies of one export: equal graphs with equal weights."""
    return weights_digest(version) == weights_digest(other) and _graph(version) == _graph(other)


def _graph(version: str) -> bytes:
    return storage.read_bytes(storage.join(version, MODEL))


class ExportedWeights(Mapping[str, np.ndarray]):
    """The weights of one version: stable name, see `stable_names`, to value.

    A value is read when it is asked for.

    Attributes:
        shapes: stable name -> shape.
    """

    def __init__(self, reader: "tf.train.CheckpointReader", version: str) -> None:
        """Read the names; see `open_weights`."""
        # Keras loads TensorFlow.
        from models.export.weight_names import stable_names

        self._reader = reader
        self._version = version
        keys = _keys_by_path(reader, version)
        names = stable_names(keys)
        self._keys = {names[path]: key for path, key in keys.items()}
        shapes = reader.get_variable_to_shape_map()
        self.shapes = {name: tuple(shapes[key]) for name, key in self._keys.items()}

    def __getitem__(self, name: str) -> np.ndarray:
        """Read a value.

        Raises:
            UserError: the file is damaged.
        """
        key = self._keys[name]
        with _readable(self._version):
            return np.asarray(self._reader.get_tensor(key))

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._keys)

    def __len__(self) -> int:
        """Count the weights."""
        return len(self._keys)


@contextmanager
def open_weights(version: str) -> Iterator[ExportedWeights]:
    """Yield the weights of an exported model.

    Args:
        version: the version's folder, local or remote; a remote one is downloaded for as long as
            the context lasts.

    Raises:
        UserError: the checkpoint cannot be read, or does not name its weights.
    """
    import tensorflow as tf

    with _local(storage.join(version, VARIABLES)) as folder:
        with _readable(version):
            reader = tf.train.load_checkpoint(storage.join(folder, VARIABLES))
        yield ExportedWeights(reader, version)


@contextmanager
def _local(folder: str) -> Iterator[str]:
    """Yield a local name of a folder that TensorFlow takes literally."""
    if storage.is_local(folder):
        with storage.without_wildcards(storage.absolute(folder)) as name:
            yield name
        return
    with tempfile.TemporaryDirectory() as copy:
        storage.copy_tree(folder, copy)
        yield copy


@contextmanager
def _readable(version: str) -> Iterator[None]:
    """Turn TensorFlow's errors into ours."""
    import tensorflow as tf

    try:
        yield
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{version}: must hold weights that can be read: {reason}") from error


def _keys_by_path(reader: Any, version: str) -> dict[str, str]:
    """Return the Keras path of each weight -> its key in the checkpoint.

    The checkpoint describes the objects that it was made of, with the paths of their variables.

    Raises:
        UserError: the checkpoint does not.
    """
    from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

    graph = TrackableObjectGraph()
    if reader.has_tensor(_GRAPH):
        with _readable(version):
            graph.ParseFromString(reader.get_tensor(_GRAPH))
    keys = {
        attribute.full_name: attribute.checkpoint_key
        for node in graph.nodes
        for attribute in node.attributes
        if attribute.name == _VALUE and attribute.full_name
    }
    if not keys:
        raise UserError(f"{version}: must be a model of this project, got weights without names")
    return keys
