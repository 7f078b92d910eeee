"""TensorFlow Serving's PredictionService and ModelService.

The answers and the errors are those of its predict_util.cc, get_model_metadata_impl.cc,
classifier.cc, regressor.cc, multi_inference.cc and get_model_status_impl.cc.
"""

from typing import Any, NoReturn

import grpc
from tensorflow.saved_model import CLASSIFY_METHOD_NAME, REGRESS_METHOD_NAME
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest
from tensorflow_serving.apis.get_model_metadata_pb2 import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    SignatureDefMap,
)
from tensorflow_serving.apis.get_model_status_pb2 import (
    GetModelStatusRequest,
    GetModelStatusResponse,
)
from tensorflow_serving.apis.inference_pb2 import InferenceTask, MultiInferenceRequest
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest, ReloadConfigResponse
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceServicer
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceServicer
from tensorflow_serving.apis.regression_pb2 import RegressionRequest

from serving.config.models_config import ModelsConfig
from serving.server.errors import StatusError, invalid
from serving.server.output_tensors import to_output
from serving.server.reloads import Reloads
from serving.server.served_models import ServedModels, refuse_examples
from serving.signature import DEFAULT

_SIGNATURE_DEF = "signature_def"
_TF_EXAMPLE_METHODS = (CLASSIFY_METHOD_NAME, REGRESS_METHOD_NAME)


class PredictionService(PredictionServiceServicer):
    """Predictions and metadata of the served models."""

    def __init__(self, models: ServedModels) -> None:
        self._models = models

    def Predict(  # noqa: N802, the name in the .proto
        self, request: PredictRequest, context: grpc.ServicerContext
    ) -> PredictResponse:
        """Call a signature."""
        spec = _spec(request)
        with self._models.use(spec) as (version, model):
            outputs = model.predict(request)
        response = PredictResponse()
        response.model_spec.name = spec.name
        response.model_spec.version.value = version
        response.model_spec.signature_name = spec.signature_name or DEFAULT
        for name, array in outputs.items():
            response.outputs[name].CopyFrom(to_output(array))
        return response

    def GetModelMetadata(  # noqa: N802
        self, request: GetModelMetadataRequest, context: grpc.ServicerContext
    ) -> GetModelMetadataResponse:
        """Return a model's signatures."""
        spec = _spec(request)
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != _SIGNATURE_DEF:
                raise invalid(f"Metadata field {field} is not supported")
        with self._models.use(spec) as (version, model):
            signatures = SignatureDefMap(signature_def=model.signature_defs)
        response = GetModelMetadataResponse()
        response.model_spec.name = spec.name
        response.model_spec.version.value = version
        response.metadata[_SIGNATURE_DEF].Pack(signatures)
        return response

    def Classify(  # noqa: N802
        self, request: ClassificationRequest, context: grpc.ServicerContext
    ) -> NoReturn:
        """Refuse: no signature of a layered-video model classifies tf.Examples."""
        refuse_examples(self._models, _spec(request), CLASSIFY_METHOD_NAME)

    def Regress(  # noqa: N802
        self, request: RegressionRequest, context: grpc.ServicerContext
    ) -> NoReturn:
        """Refuse, like `Classify`."""
        refuse_examples(self._models, _spec(request), REGRESS_METHOD_NAME)

    def MultiInference(  # noqa: N802
        self, request: MultiInferenceRequest, context: grpc.ServicerContext
    ) -> NoReturn:
        """Refuse, like `Classify`."""
        task = request.tasks[0] if request.tasks else InferenceTask()
        with self._models.use(task.model_spec):
            pass
        if task.method_name not in _TF_EXAMPLE_METHODS:
            raise StatusError(
                grpc.StatusCode.UNIMPLEMENTED,
                f"Unsupported signature method_name: {task.method_name}",
            )
        refuse_examples(self._models, task.model_spec, task.method_name)


class ModelService(ModelServiceServicer):
    """States and configuration of the served models."""

    def __init__(self, models: ServedModels, reloads: Reloads) -> None:
        self._models = models
        self._reloads = reloads

    def GetModelStatus(  # noqa: N802
        self, request: GetModelStatusRequest, context: grpc.ServicerContext
    ) -> GetModelStatusResponse:
        """Return the state of every version, newest first."""
        response = GetModelStatusResponse()
        for version, status in sorted(self._models.statuses(_spec(request)).items(), reverse=True):
            found = response.model_version_status.add(version=version, state=status.state.value)
            # Set even if it is OK, as in TensorFlow Serving.
            found.status.error_code = status.code.value[0]
            found.status.error_message = status.error
        return response

    def HandleReloadConfigRequest(  # noqa: N802
        self, request: ReloadConfigRequest, context: grpc.ServicerContext
    ) -> ReloadConfigResponse:
        """Replace the configuration, and wait until its versions are loaded."""
        kind = request.config.WhichOneof("config")
        if kind != "model_config_list":
            raise invalid(f"config: must be a model_config_list, got {kind or 'none'}")
        self._reloads.reload(ModelsConfig(request.config), context)
        response = ReloadConfigResponse()
        response.status.SetInParent()
        # TensorFlow Serving's metrics, none of which exist here.
        for name in dict.fromkeys(request.metric_names):
            response.metric.add(name=name, int64_value_increase=0)
        return response


def _spec(request: Any) -> ModelSpec:
    """Return the ModelSpec of a request."""
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    return request.model_spec
