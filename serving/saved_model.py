"""A SavedModel that answers PredictRequests, as TensorFlow Serving runs it.

It runs in a session, not as a Keras or eager object: only what the outputs asked for need is
computed, and requests run side by side without Python in between.
"""

from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from data_prep.errors import UserError
from serving.signature import DEFAULT, read_signatures

# Where TensorFlow Serving looks for requests to replay before a version is made available.
WARM_UP_REQUESTS = Path("assets.extra", "tf_serving_warmup_requests")

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class RequestError(Exception):
    """A request that cannot be answered.

    Attributes:
        code: the gRPC status that TensorFlow Serving answers with.
        message: what was expected and received.
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code = code
        self.message = message


class SavedModel:
    """One version of a model, loaded and warmed up.

    Attributes:
        signature_defs: name -> SignatureDef proto, as TensorFlow Serving tells them.
        signatures: name -> Signature, of those that may be called.
    """

    def __init__(self, path: Path):
        """Load a version and replay its warm-up requests, if it has some.

        Args:
            path: the version's folder.

        Raises:
            Exception: whatever TensorFlow raises on a folder that is no usable SavedModel, and
                RequestError where a warm-up request cannot be answered.
        """
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        with graph.as_default():
            meta_graph = tf.compat.v1.saved_model.loader.load(
                self._session, [tf.saved_model.SERVING], str(path)
            )
            self.signature_defs = dict(meta_graph.signature_def)
            self.signatures = read_signatures(self.signature_defs)
            self._fetches = {name: self._outputs(name) for name in self.signatures}
        self._warm_up(path / WARM_UP_REQUESTS)

    def predict(self, request: PredictRequest) -> dict[str, np.ndarray]:
        """Answer a request; may be called from many threads at once.

        Returns:
            output name -> array: those in the request's output_filter, or all if it is empty.

        Raises:
            RequestError: it does not fit the signature, or the model fails on it.
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
        """Tensors to fetch a signature's outputs by.

        A signature is one function call in the graph. TensorFlow prunes what is not asked for from
        inside it only if the call is not itself fetched.
        """
        infos = self.signature_defs[signature].outputs
        tensor = self._session.graph.get_tensor_by_name
        return {alias: tf.identity(tensor(info.name)) for alias, info in infos.items()}

    def _run(self, signature: str, inputs: dict, outputs: list[str]) -> dict[str, np.ndarray]:
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
                raise UserError(f"{records}: only predict_log warms up, received {kind}")
            self.predict(log.predict_log.request)


def _array(alias: str, tensor) -> np.ndarray:
    try:
        return tf.make_ndarray(tensor)
    except (TypeError, ValueError) as error:
        raise RequestError(
            grpc.StatusCode.INVALID_ARGUMENT, f"tensor parsing error: {alias}: {error}"
        ) from error
