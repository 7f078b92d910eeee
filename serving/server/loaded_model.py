"""A SavedModel that answers PredictRequests as TensorFlow Serving does.

It runs in a session rather than as a Keras model: only the requested outputs are computed, and
requests run in parallel without Python in between.
"""

import gc
from collections.abc import Callable, Mapping
from pathlib import Path

import grpc
import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from data_prep import storage
from data_prep.errors import UserError
from serving.server.batcher import Arrays, Batcher
from serving.server.errors import StatusError, invalid
from serving.server.limits import InputLimits
from serving.signature import DEFAULT, Signature, Typed, read_signatures
from serving.wire import claimed_type, to_array

# TensorFlow Serving replays the requests in this file before it makes a version available.
WARM_UP_REQUESTS = Path("assets.extra", "tf_serving_warmup_requests")

_Run = Callable[[str, Arrays, list[str]], Arrays]

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class SavedModel:
    """One version of a model, loaded and warmed up.

    Attributes:
        signature_defs: name -> SignatureDef proto.
        signatures: name -> Signature, without those that are not callable.
    """

    def __init__(self, path: Path, limits: InputLimits, batcher: Batcher) -> None:
        """Load a version and replay its warm-up requests, if it has any.

        Args:
            path: the version's folder.
            limits: largest inputs of a request.
            batcher: runs requests, and joins those that wait.

        Raises:
            StatusError: the folder holds no usable SavedModel, with the code that TensorFlow
                Serving lists; or a warm-up request cannot be answered.
        """
        self._limits = limits
        self._batcher = batcher
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        try:
            with graph.as_default(), storage.without_wildcards(str(path)) as folder:
                meta_graph = _load(self._session, folder)
                self.signature_defs = dict(meta_graph.signature_def)
                self.signatures = read_signatures(self.signature_defs)
                self._fetches = {name: self._outputs(name) for name in self.signatures}
            self._warm_up(path / WARM_UP_REQUESTS)
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Free the graph and its variables. No other method may be called afterwards."""
        self._session.close()
        self._fetches = {}
        del self._session
        # A graph and its operations refer to each other, and Python collects such cycles rarely.
        gc.collect()

    def predict(self, request: PredictRequest) -> Arrays:
        """Answer a request. Threads may call this at the same time.

        Returns:
            Output name -> array: the outputs in the request's `output_filter`, or all of them if
            it is empty.

        Raises:
            StatusError: the request does not fit the signature, the model fails on it, or the
                server ends before it runs.
        """
        return self._predict(request, self._run)

    def _predict(self, request: PredictRequest, run: _Run) -> Arrays:
        name = request.model_spec.signature_name or DEFAULT
        if name not in self.signatures:
            raise StatusError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f'Serving signature key "{name}" not found; there are {sorted(self.signatures)}.',
            )
        signature, outputs = self.signatures[name], list(request.output_filter)
        try:
            signature.check_outputs(outputs)
            claimed = {alias: claimed_type(tensor) for alias, tensor in request.inputs.items()}
            self._check(signature, claimed)  # before memory is allocated for the inputs
            inputs = {alias: to_array(tensor) for alias, tensor in request.inputs.items()}
        except UserError as error:
            raise invalid(str(error)) from error
        return run(name, inputs, outputs or list(signature.outputs))

    def predict_all(self, name: str, inputs: Arrays) -> Arrays:
        """Return all outputs of a signature. Threads may call this at the same time.

        Args:
            name: one of `signatures`.
            inputs: input name -> array.

        Raises:
            StatusError: as for `predict`.
        """
        signature = self.signatures[name]
        try:
            self._check(signature, inputs)
        except UserError as error:
            raise invalid(str(error)) from error
        return self._run(name, inputs, list(signature.outputs))

    def _check(self, signature: Signature, inputs: Mapping[str, Typed]) -> None:
        """Raise UserError or StatusError unless tensors of these types are valid inputs."""
        signature.check(inputs)
        self._limits.check(inputs)

    def _outputs(self, signature: str) -> dict[str, tf.Tensor]:
        """Return the tensors to fetch for a signature's outputs.

        A signature is one function call in the graph. TensorFlow prunes unused computations from
        the function only if the call itself is not fetched.
        """
        infos = self.signature_defs[signature].outputs
        tensor = self._session.graph.get_tensor_by_name
        return {alias: tf.identity(tensor(info.name)) for alias, info in infos.items()}

    def _run(self, signature: str, inputs: Arrays, outputs: list[str]) -> Arrays:
        """Compute outputs once there is a worker, with other requests for the same ones."""
        kind = None
        if self.signatures[signature].joinable:
            shapes = tuple((name, array.shape[1:]) for name, array in sorted(inputs.items()))
            kind = (self, signature, frozenset(outputs), shapes)
        return self._batcher.run(
            kind, inputs, lambda joined: self._compute(signature, joined, outputs)
        )

    def _compute(self, signature: str, inputs: Arrays, outputs: list[str]) -> Arrays:
        definition = self.signature_defs[signature]
        try:
            return self._session.run(
                {alias: self._fetches[signature][alias] for alias in outputs},
                {definition.inputs[alias].name: array for alias, array in inputs.items()},
            )
        except tf.errors.OpError as error:
            raise _status(error) from error

    def _warm_up(self, records: Path) -> None:
        if not records.is_file():
            return
        for record in tf.data.TFRecordDataset(str(records)).as_numpy_iterator():
            log = PredictionLog.FromString(record)
            if not log.HasField("predict_log"):
                kind = log.WhichOneof("log_type")
                raise invalid(f"{records}: must hold only predict_log, got {kind}")
            self._predict(log.predict_log.request, self._compute)


def _load(session: tf.compat.v1.Session, folder: str) -> MetaGraphDef:
    """Load a SavedModel into a session."""
    try:
        return tf.compat.v1.saved_model.loader.load(session, [tf.saved_model.SERVING], folder)
    except tf.errors.OpError as error:
        raise _status(error) from error
    except RuntimeError as error:  # the SavedModel has no graph for serving
        raise StatusError(grpc.StatusCode.NOT_FOUND, str(error)) from error
    except (OSError, ValueError) as error:  # the file is no SavedModel
        raise StatusError(grpc.StatusCode.DATA_LOSS, str(error)) from error


def _status(error: tf.errors.OpError) -> StatusError:
    return StatusError(_CODES[error.error_code], error.message)
