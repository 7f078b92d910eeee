"""A SavedModel that answers PredictRequests as TensorFlow Serving does.

It runs in a session rather than as a Keras model: only the requested outputs are computed, and
requests run in parallel without Python in between.
"""

from pathlib import Path
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from data_prep import storage
from data_prep.errors import UserError
from serving.signature import DEFAULT, read_signatures

# TensorFlow Serving replays the requests in this file before it makes a version available.
WARM_UP_REQUESTS = Path("assets.extra", "tf_serving_warmup_requests")

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class RequestError(Exception):
    """A request that cannot be answered.

    Attributes:
        code: TensorFlow Serving's gRPC status for it.
        message: the rule that it breaks.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class SavedModel:
    """One version of a model, loaded and warmed up.

    Attributes:
        signature_defs: name -> SignatureDef proto.
        signatures: name -> Signature, without those that are not callable.
    """

    def __init__(self, path: Path) -> None:
        """Load a version and replay its warm-up requests, if it has any.

        Args:
            path: the version's folder.

        Raises:
            Exception: anything that TensorFlow raises if the folder holds no usable SavedModel;
                RequestError if a warm-up request cannot be answered.
        """
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        with graph.as_default(), storage.without_wildcards(str(path)) as folder:
            meta_graph = tf.compat.v1.saved_model.loader.load(
                self._session, [tf.saved_model.SERVING], folder
            )
            self.signature_defs = dict(meta_graph.signature_def)
            self.signatures = read_signatures(self.signature_defs)
            self._fetches = {name: self._outputs(name) for name in self.signatures}
        self._warm_up(path / WARM_UP_REQUESTS)

    def predict(self, request: PredictRequest) -> dict[str, np.ndarray]:
        """Answer a request. Threads may call this at the same time.

        Returns:
            Output name -> array: the outputs in the request's `output_filter`, or all of them if
            it is empty.

        Raises:
            RequestError: the request does not fit the signature, or the model fails on it.
        """
        name = request.model_spec.signature_name or DEFAULT
        if name not in self.signatures:
            raise RequestError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f'Serving signature key "{name}" not found; there are {sorted(self.signatures)}.',
            )
        inputs = {alias: _array(alias, tensor) for alias, tensor in request.inputs.items()}
        outputs = list(request.output_filter)
        try:
            self.signatures[name].check(inputs)
            self.signatures[name].check_outputs(outputs)
        except UserError as error:
            raise RequestError(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from error
        return self._run(name, inputs, outputs or list(self.signatures[name].outputs))

    def _outputs(self, signature: str) -> dict[str, tf.Tensor]:
        """Return the tensors to fetch for a signature's outputs.

        A signature is one function call in the graph. TensorFlow prunes unused computations from
        the function only if the call itself is not fetched.
        """
        infos = self.signature_defs[signature].outputs
        tensor = self._session.graph.get_tensor_by_name
        return {alias: tf.identity(tensor(info.name)) for alias, info in infos.items()}

    def _run(
        self, signature: str, inputs: dict[str, np.ndarray], outputs: list[str]
    ) -> dict[str, np.ndarray]:
        definition = self.signature_defs[signature]
        try:
            return self._session.run(
                {alias: self._fetches[signature][alias] for alias in outputs},
                {definition.inputs[alias].name: array for alias, array in inputs.items()},
            )
        except tf.errors.OpError as error:
            raise RequestError(_CODES[error.error_code], error.message) from error

    def _warm_up(self, records: Path) -> None:
        if not records.is_file():
            return
        for record in tf.data.TFRecordDataset(str(records)).as_numpy_iterator():
            log = PredictionLog.FromString(record)
            if not log.HasField("predict_log"):
                kind = log.WhichOneof("log_type")
                raise UserError(f"{records}: must hold only predict_log, got {kind}")
            self.predict(log.predict_log.request)


def _array(alias: str, tensor: Any) -> np.ndarray:
    try:
        return tf.make_ndarray(tensor)
    except (TypeError, ValueError) as error:
        raise RequestError(
            grpc.StatusCode.INVALID_ARGUMENT, f"tensor parsing error: {alias}: {error}"
        ) from error
