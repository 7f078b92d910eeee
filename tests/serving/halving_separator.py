"""A separator that returns the video and its half: in this process, or as a server."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import numpy as np

from data_prep.config import ClipConfig
from data_prep.errors import UserError
from serving.description import ModelDescription
from serving.wire import (
    GetModelMetadataResponse,
    GetModelStatusResponse,
    PredictRequest,
    PredictResponse,
    SignatureDefMap,
    to_array,
    to_tensor,
)

CLIP = ClipConfig(frames=8, fps=10, height=16, width=16, short_side=16, sample_rate=8000)
_DESCRIPTION = {
    "kind": np.array([b"separator"], object),
    "system": np.array([b"half"], object),
    "control": np.array([b"none"], object),
    "uses_audio": np.array([False]),
    "fps": np.array([CLIP.fps], np.float32),
    "sample_rate": np.array([CLIP.sample_rate], np.int32),
    "short_side": np.array([CLIP.short_side], np.int32),
}


class OneVersion:
    """A model whose only version is 1."""

    version = None

    def served_version(self):
        return 1

    def at_version(self, version):
        assert version == 1
        return self


class HalvingSeparator(OneVersion):
    """Returns the video and its half, in this order; may fail at a call."""

    def __init__(self, fails_at=None):
        self._left = fails_at

    def description(self):
        return ModelDescription(
            kind="separator", system="half", control="none", uses_audio=False, clip=CLIP
        )

    def separate(self, video, audio=None):
        if self._left is not None:
            self._left -= 1
            if not self._left:
                raise UserError("server: gone")
        return {"outputs": np.stack([video, video // 2])}


@contextmanager
def halving_server(before_prediction):
    """Serve it, and give the address.

    Args:
        before_prediction: called with nothing before each prediction of a video.
    """

    def predict(request, context):
        asked = PredictRequest.FromString(request)
        if asked.model_spec.signature_name == "description":
            return _response(_DESCRIPTION)
        before_prediction()
        video = to_array(asked.inputs["video"])
        return _response({"outputs": np.stack([video, video // 2], axis=1)})

    status = GetModelStatusResponse()
    status.model_version_status.add(version=1, state=30)
    services = {
        "PredictionService": {
            "Predict": predict,
            "GetModelMetadata": lambda request, context: _metadata(),
        },
        "ModelService": {
            "GetModelStatus": lambda request, context: status.SerializeToString(),
        },
    }
    with ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(
                    f"tensorflow.serving.{service}",
                    {
                        name: grpc.unary_unary_rpc_method_handler(method)
                        for name, method in methods.items()
                    },
                )
                for service, methods in services.items()
            ]
        )
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait()


def _response(arrays):
    answer = PredictResponse()
    answer.model_spec.version.value = 1
    for name, array in arrays.items():
        answer.outputs[name].CopyFrom(to_tensor(array))
    return answer.SerializeToString()


def _metadata():
    definitions = SignatureDefMap()
    default = definitions.signature_def["serving_default"]
    default.inputs["video"].dtype = 4
    for size in (-1, CLIP.frames, CLIP.height, CLIP.width, 3):
        default.inputs["video"].tensor_shape.dim.add(size=size)
    default.outputs["outputs"].dtype = 4
    default.outputs["outputs"].tensor_shape.unknown_rank = True
    definitions.signature_def["description"].inputs["batch"].dtype = 3
    answer = GetModelMetadataResponse()
    answer.model_spec.version.value = 1
    answer.metadata["signature_def"].value = definitions.SerializeToString()
    return answer.SerializeToString()
