"""Public behavior of TensorFlow Serving 2.16.1, case by case, from the embedded server.

The expectations follow its sources: server_core.cc, predict_util.cc, get_model_metadata_impl.cc,
get_model_status_impl.cc, model_service_impl.cc, file_system_storage_path_source.cc, classifier.cc,
regressor.cc and multi_inference.cc. What differs, and why, is in docs/serving.md.
"""

import grpc
import pytest
import tensorflow as tf
from echo_models import DTYPES, entry, save_models
from google.protobuf import text_format
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
from tensorflow_serving.apis.inference_pb2 import MultiInferenceRequest
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub
from tensorflow_serving.apis.regression_pb2 import RegressionRequest

from serving.server.config_source import ConfigFile

REQUESTS = {
    "Predict": PredictRequest,
    "GetModelMetadata": GetModelMetadataRequest,
    "Classify": ClassificationRequest,
    "Regress": RegressionRequest,
    "MultiInference": MultiInferenceRequest,
    "GetModelStatus": GetModelStatusRequest,
    "HandleReloadConfigRequest": ReloadConfigRequest,
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return save_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def call(models, serve_folder):
    """Call a method with a request in text format."""
    with (
        serve_folder(ConfigFile(models / "models.config")) as address,
        grpc.insecure_channel(address) as channel,
    ):
        stubs = (PredictionServiceStub(channel), ModelServiceStub(channel))

        def call_method(method, text):
            request = text_format.Parse(text, REQUESTS[method]())
            [stub] = (stub for stub in stubs if hasattr(stub, method))
            return getattr(stub, method)(request, timeout=60)

        yield call_method


def spec(name="separator", rest=""):
    return f'model_spec {{ name: "{name}" {rest} }}'


def tensor(dtype="DT_FLOAT", dims=(1, 3), values="float_val: [1, 2, 3]"):
    axes = " ".join(f"dim {{ size: {size} }}" for size in dims)
    return f"{{ dtype: {dtype} tensor_shape {{ {axes} }} {values} }}"


def given(value=None, name="x"):
    return f'inputs {{ key: "{name}" value {value or tensor()} }}'


SPEC, X, ONE = spec(), given(), 'output_filter: "double"'
NAMELESS = "ModelSpec has no name specified"
LATEST, SECOND = (
    "Servable not found for request: Latest",
    "Servable not found for request: Specific",
)
NO_LABEL = "Unrecognized servable version label: stable"
LABEL, VERSION_2 = 'version_label: "stable"', "version { value: 2 }"
EXAMPLE = "input { example_list { examples { } } }"
CLASSIFY = 'method_name: "tensorflow/serving/classify"'


def labeled(label, model="labeled"):
    return spec(model, f'version_label: "{label}"')


def version(number, model):
    return spec(model, f"version {{ value: {number} }}")


def reloaded(*entries):
    """Return a request that replaces the configuration."""
    return f"config {{ model_config_list {{ {' '.join(entries)} }} }}"


FIELD = 'metadata_field: "signature_def"'
MOVED = """
    model_version_policy { specific { versions: [1, 2] } }
    version_labels { key: "stable" value: 3 }
"""


def task(*words):
    return f"tasks {{ {' '.join(words)} }}"


REFUSED = [
    # The model and its version
    ("Predict", "", "INVALID_ARGUMENT", "Missing ModelSpec"),
    ("Predict", "model_spec { }", "INVALID_ARGUMENT", NAMELESS),
    ("Predict", f"model_spec {{ {VERSION_2} }}", "INVALID_ARGUMENT", NAMELESS),
    ("Predict", spec("other"), "NOT_FOUND", LATEST + r"\(other\)"),
    ("Predict", spec("Separator"), "NOT_FOUND", LATEST + r"\(Separator\)"),
    ("Predict", spec("separator "), "NOT_FOUND", LATEST),
    ("Predict", spec(rest=VERSION_2), "NOT_FOUND", SECOND + r"\(separator, 2\)"),
    ("Predict", spec(rest="version { value: 4 }"), "NOT_FOUND", SECOND + r"\(separator, 4\)"),
    ("Predict", spec(rest="version { value: -1 }"), "NOT_FOUND", SECOND + r"\(separator, -1\)"),
    ("Predict", spec(rest="version { }"), "NOT_FOUND", SECOND + r"\(separator, 0\)"),
    ("Predict", spec("other", VERSION_2), "NOT_FOUND", SECOND + r"\(other, 2\)"),
    ("Predict", spec(rest=LABEL), "INVALID_ARGUMENT", NO_LABEL),
    ("Predict", spec("other", LABEL), "INVALID_ARGUMENT", NO_LABEL),
    # The signature
    ("Predict", spec(rest='signature_name: "no"') + X, "FAILED_PRECONDITION", '"no" not found'),
    ("Predict", spec(rest='signature_name: "no"'), "FAILED_PRECONDITION", '"no" not found'),
    ("Predict", spec(rest='signature_name: "Double"') + X, "FAILED_PRECONDITION", "not found"),
    # The inputs
    ("Predict", SPEC, "INVALID_ARGUMENT", r"missing: \{x\}"),
    ("Predict", SPEC + given(name="z"), "INVALID_ARGUMENT", "x"),
    ("Predict", SPEC + X + given(name="z"), "INVALID_ARGUMENT", r"unknown: \{z\}"),
    ("Predict", SPEC + given(name="X"), "INVALID_ARGUMENT", "X"),
    ("Predict", SPEC + given("{ }"), "INVALID_ARGUMENT", "tensor"),
    ("Predict", SPEC + given(tensor("DT_INVALID")), "INVALID_ARGUMENT", "tensor"),
    ("Predict", SPEC + given(tensor("DT_FLOAT_REF")), "INVALID_ARGUMENT", "tensor"),
    ("Predict", SPEC + given(tensor("DT_RESOURCE", values="")), "INVALID_ARGUMENT", "tensor"),
    ("Predict", SPEC + given(tensor("DT_VARIANT", values="")), "INVALID_ARGUMENT", "tensor"),
    ("Predict", SPEC + given(tensor("DT_QINT8", values="")), "INVALID_ARGUMENT", "tensor"),
    ("Predict", SPEC + given(tensor(dims=(-1, 3))), "INVALID_ARGUMENT", "axes"),
    ("Predict", SPEC + given(tensor(dims=(-1, -3))), "INVALID_ARGUMENT", "axes"),
    ("Predict", SPEC + given(tensor(dims=(2**40, 2**40))), "INVALID_ARGUMENT", "input x"),
    (
        "Predict",
        SPEC + given(tensor(values='tensor_content: "12345"')),
        "INVALID_ARGUMENT",
        "got 5 bytes",
    ),
    (
        "Predict",
        SPEC + given("{ dtype: DT_FLOAT tensor_shape { unknown_rank: true } }"),
        "INVALID_ARGUMENT",
        "unknown rank",
    ),
    *(
        ("Predict", SPEC + given(tensor(dtype, values="")), "INVALID_ARGUMENT", "must be float32")
        for dtype in ("DT_DOUBLE", "DT_INT32", "DT_UINT8", "DT_INT64", "DT_BOOL", "DT_STRING")
    ),
    # The outputs
    ("Predict", SPEC + X + 'output_filter: "no"', "INVALID_ARGUMENT", "got no"),
    ("Predict", SPEC + X + 'output_filter: ""', "INVALID_ARGUMENT", "outputs"),
    ("Predict", SPEC + X + 'output_filter: "x"', "INVALID_ARGUMENT", "got x"),
    ("Predict", SPEC + X + ONE + ONE, "INVALID_ARGUMENT", "at most once"),
    ("Predict", SPEC + X + ONE + 'output_filter: "no"', "INVALID_ARGUMENT", "no"),
    ("Predict", SPEC + X + 'output_filter: "failed"', "INVALID_ARGUMENT", "3 values.* 4"),
    ("Predict", SPEC + X, "INVALID_ARGUMENT", "3 values.* 4"),  # all outputs
    # Metadata
    ("GetModelMetadata", "", "INVALID_ARGUMENT", "Missing ModelSpec"),
    ("GetModelMetadata", SPEC, "INVALID_ARGUMENT", "at least one metadata_field"),
    ("GetModelMetadata", spec("other"), "INVALID_ARGUMENT", "at least one metadata_field"),
    *(
        ("GetModelMetadata", text + " metadata_field: " + field, code, words)
        for text, field, code, words in (
            (SPEC, '"no"', "INVALID_ARGUMENT", "Metadata field no is not supported"),
            (SPEC, '""', "INVALID_ARGUMENT", "Metadata field  is not supported"),
            (SPEC, '["signature_def", "no"]', "INVALID_ARGUMENT", "Metadata field no is not"),
            (spec("other"), '["no"]', "INVALID_ARGUMENT", "Metadata field no is not"),
            ("model_spec { }", '"signature_def"', "INVALID_ARGUMENT", NAMELESS),
            (spec("other"), '"signature_def"', "NOT_FOUND", LATEST + r"\(other\)"),
            (spec(rest=VERSION_2), '"signature_def"', "NOT_FOUND", SECOND),
            (spec(rest=LABEL), '"signature_def"', "INVALID_ARGUMENT", NO_LABEL),
        )
    ),
    # States
    ("GetModelStatus", "", "INVALID_ARGUMENT", "Missing ModelSpec"),
    ("GetModelStatus", "model_spec { }", "NOT_FOUND", "Could not find any versions of model "),
    ("GetModelStatus", spec("other"), "NOT_FOUND", "Could not find any versions of model other"),
    ("GetModelStatus", spec(rest=VERSION_2), "NOT_FOUND", "version 2 of model separator"),
    ("GetModelStatus", spec("other", VERSION_2), "NOT_FOUND", "version 2 of model other"),
    ("GetModelStatus", spec(rest="version { value: -1 }"), "NOT_FOUND", "version -1 of"),
    # Methods for tf.Examples, which no signature takes
    *(
        (method, text + EXAMPLE, code, words)
        for method in ("Classify", "Regress")
        for text, code, words in (
            ("", "INVALID_ARGUMENT", "Missing ModelSpec"),
            ("model_spec { }", "INVALID_ARGUMENT", NAMELESS),
            (spec("other"), "NOT_FOUND", LATEST),
            (spec(rest=VERSION_2), "NOT_FOUND", SECOND),
            (spec(rest=LABEL), "INVALID_ARGUMENT", NO_LABEL),
            (SPEC, "INVALID_ARGUMENT", "Was: tensorflow/serving/predict"),
            (spec(rest='signature_name: "no"'), "INVALID_ARGUMENT", "with the name: no"),
        )
    ),
    ("MultiInference", "", "INVALID_ARGUMENT", NAMELESS),
    ("MultiInference", task(), "INVALID_ARGUMENT", NAMELESS),
    ("MultiInference", task(spec("other"), CLASSIFY), "NOT_FOUND", LATEST),
    ("MultiInference", task(spec(rest=VERSION_2), CLASSIFY), "NOT_FOUND", SECOND),
    ("MultiInference", task(SPEC, CLASSIFY), "INVALID_ARGUMENT", "Was: tensorflow/serving/predict"),
    ("MultiInference", task(SPEC, CLASSIFY) * 2, "INVALID_ARGUMENT", "Was: tensorflow/serving"),
    ("MultiInference", task(SPEC), "UNIMPLEMENTED", "Unsupported signature method_name: "),
    (
        "MultiInference",
        task(SPEC, 'method_name: "tensorflow/serving/predict"'),
        "UNIMPLEMENTED",
        "Unsupported signature method_name: tensorflow/serving/predict",
    ),
    # Several models, version policies and labels
    *(
        (method, text + rest, code, words)
        for method, rest in (("Predict", X), ("GetModelMetadata", FIELD), ("Classify", EXAMPLE))
        for text, code, words in (
            (labeled("blue"), "INVALID_ARGUMENT", "Unrecognized servable version label: blue"),
            (labeled("Stable"), "INVALID_ARGUMENT", "Unrecognized servable version label: Stable"),
            (labeled(""), "INVALID_ARGUMENT", "Unrecognized servable version label: "),
            (labeled("stable", "every"), "INVALID_ARGUMENT", NO_LABEL),
            (labeled("stable", "other"), "INVALID_ARGUMENT", NO_LABEL),
            (labeled("next"), "NOT_FOUND", SECOND + r"\(labeled, 9\)"),
            (version(3, "labeled"), "NOT_FOUND", SECOND + r"\(labeled, 3\)"),
            (version(1, "newest"), "NOT_FOUND", SECOND + r"\(newest, 1\)"),
            (version(2, "default"), "NOT_FOUND", SECOND + r"\(default, 2\)"),
            (version(9, "absent"), "NOT_FOUND", SECOND + r"\(absent, 9\)"),
            (spec("absent"), "NOT_FOUND", LATEST + r"\(absent\)"),
        )
    ),
    ("Classify", labeled("stable") + EXAMPLE, "INVALID_ARGUMENT", "Was: tensorflow/serving/pred"),
    ("MultiInference", task(labeled("blue"), CLASSIFY), "INVALID_ARGUMENT", "label: blue"),
    ("GetModelStatus", spec("absent"), "NOT_FOUND", "any versions of model absent"),
    ("GetModelStatus", version(3, "labeled"), "NOT_FOUND", "version 3 of model labeled"),
    ("GetModelStatus", version(1, "newest"), "NOT_FOUND", "version 1 of model newest"),
    # Another configuration
    *(
        ("HandleReloadConfigRequest", text, code, words)
        for text, code, words in (
            ("", "INVALID_ARGUMENT", "model_config_list"),
            ("config { }", "INVALID_ARGUMENT", "model_config_list"),
            ("config { custom_model_config { } }", "INVALID_ARGUMENT", "model_config_list"),
            (reloaded(entry("a", "/a"), entry("a", "/a")), "INVALID_ARGUMENT", "model a: .* once"),
            (reloaded(entry("a", "a")), "INVALID_ARGUMENT", "absolute path .* got a"),
            (reloaded(entry("a", "")), "INVALID_ARGUMENT", "absolute path .* got none"),
            (
                reloaded('config { name: "a" base_path: "/a" }'),
                "INVALID_ARGUMENT",
                "model_platform tensorflow, got none",
            ),
            (
                reloaded('config { name: "a" base_path: "/a" model_platform: "other" }'),
                "INVALID_ARGUMENT",
                "model_platform tensorflow, got other",
            ),
            (
                reloaded('config { name: "separator" base_path: "/a" model_platform: "other" }'),
                "INVALID_ARGUMENT",
                "model_platform tensorflow, got other",
            ),
            (
                reloaded('config { name: "a" base_path: "/a" model_type: OTHER }'),
                "INVALID_ARGUMENT",
                "model_platform tensorflow, got other",
            ),
            (
                reloaded(entry("a", "/a", "model_type: TENSORFLOW")),
                "INVALID_ARGUMENT",
                "got tensorflow and tensorflow",
            ),
            (
                reloaded(entry("labeled", "/a", MOVED)),
                "FAILED_PRECONDITION",
                "label stable of model labeled: .* available, got 3",
            ),
        )
    ),
]


# What differs from TensorFlow Serving, for the reasons in docs/serving.md.
DIFFERENT = [
    (
        "Predict",
        SPEC + given(tensor(dims=(1, 4))) + ONE,
        "INVALID_ARGUMENT",
        r"got float32 \[1, 4\]",
    ),
    ("Predict", SPEC + given(tensor(dims=(3,))) + ONE, "INVALID_ARGUMENT", r"got float32 \[3\]"),
    ("Predict", SPEC + given(tensor(dims=())) + ONE, "INVALID_ARGUMENT", r"got float32 \[\]"),
    ("Predict", SPEC + given(tensor(dims=(33, 3))) + ONE, "INVALID_ARGUMENT", "at most 32, got 33"),
    (
        "Predict",
        spec(rest='signature_name: "string"')
        + given(tensor("DT_STRING", values=r'tensor_content: "\\001\\001\\001abc"')),
        "INVALID_ARGUMENT",
        "tensor_content must be string",
    ),
    (
        "Predict",
        spec(rest='signature_name: "__saved_model_init_op"'),
        "FAILED_PRECONDITION",
        "not found",
    ),
    (
        "HandleReloadConfigRequest",
        reloaded(entry("a", "gs://bucket/a")),
        "INVALID_ARGUMENT",
        "on this machine, got gs://bucket/a",
    ),
]


@pytest.mark.parametrize(("method", "text", "code", "words"), REFUSED + DIFFERENT)
def test_requests_are_refused_with_tensorflow_servings_status(call, method, text, code, words):
    with pytest.raises(grpc.RpcError, match=words) as caught:
        call(method, text)
    assert caught.value.code() is grpc.StatusCode[code]


def answer(signature="serving_default"):
    return spec(rest=f'version {{ value: 3 }} signature_name: "{signature}"')


def returned(value, name="double"):
    return f'outputs {{ key: "{name}" value {value} }}'


DOUBLED = answer() + returned(tensor(values="float_val: [2, 4, 6]"))
CONTENT = r'tensor_content: "\000\000\200?\000\000\000@\000\000@@"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SPEC + X + ONE, DOUBLED),
        (spec(rest="version { value: 3 }") + X + ONE, DOUBLED),
        (spec(rest='signature_name: "serving_default"') + X + ONE, DOUBLED),
        (SPEC + given(tensor(values=CONTENT)) + ONE, DOUBLED),
        (SPEC + given(tensor(values="float_val: [1, 2, 3, 4]")) + ONE, DOUBLED),
        (SPEC + given(tensor(values="float_val: [1, 2, 3] int_val: 7")) + ONE, DOUBLED),
        (
            SPEC + given(tensor(values="float_val: [1, 2]")) + ONE,
            answer() + returned(tensor(values="float_val: [2, 4, 4]")),
        ),
        (
            SPEC + given(tensor(dims=(2, 3), values="float_val: 1")) + ONE,
            answer() + returned(tensor(dims=(2, 3), values="float_val: [2, 2, 2, 2, 2, 2]")),
        ),
        (
            SPEC + given(tensor(values="")) + ONE,
            answer() + returned(tensor(values="float_val: [0, 0, 0]")),
        ),
        (
            SPEC + given(tensor(dims=(0, 3), values="")) + ONE,
            answer() + returned(tensor(dims=(0, 3), values="")),
        ),
        (
            SPEC + given(tensor(values="float_val: [inf, -inf, nan]")) + ONE,
            answer() + returned(tensor(values="float_val: [inf, -inf, nan]")),
        ),
        *(
            (
                spec(rest=f'signature_name: "{name}"') + given(tensor(dtype, values=values)),
                answer(name) + returned(tensor(dtype, values=values), "y"),
            )
            for name, dtype, values in (
                ("float", "DT_FLOAT", "float_val: [0.5, -1.5, 1e-40]"),
                ("double", "DT_DOUBLE", "double_val: [0.5, -1.5, 1e-310]"),
                ("int32", "DT_INT32", "int_val: [-1, 2, 2147483647]"),
                ("uint8", "DT_UINT8", "int_val: [0, 128, 255]"),
                ("int64", "DT_INT64", "int64_val: [-9223372036854775808, 0, 3]"),
                ("bool", "DT_BOOL", "bool_val: [true, false, true]"),
                ("string", "DT_STRING", r'string_val: ["", "\377\000", "video"]'),
            )
        ),
    ],
)
def test_values_are_answered_in_tensorflow_servings_fields(call, text, expected):
    wanted = text_format.Parse(expected, PredictResponse())
    found = call("Predict", text)
    assert text_format.MessageToString(found) == text_format.MessageToString(wanted)


@pytest.mark.parametrize(
    "text",
    [
        SPEC + 'metadata_field: "signature_def"',
        SPEC + 'metadata_field: ["signature_def", "signature_def"]',
        spec(rest="version { value: 3 }") + 'metadata_field: "signature_def"',
        spec(rest='signature_name: "no"') + 'metadata_field: "signature_def"',
    ],
)
def test_metadata_holds_every_signature(call, text, models):
    response = call("GetModelMetadata", text)
    wanted = text_format.Parse(spec(rest="version { value: 3 }"), GetModelMetadataResponse())
    assert response.model_spec == wanted.model_spec
    assert response.metadata.keys() == {"signature_def"}
    found = SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(found)
    saved = tf.compat.v1.saved_model.load(
        tf.compat.v1.Session(graph=tf.Graph()), ["serve"], str(models / "separator" / "3")
    )
    assert found.signature_def == dict(saved.signature_def)
    assert found.signature_def.keys() >= {"serving_default", "__saved_model_init_op", *DTYPES}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (labeled("stable"), 1),
        (labeled("canary"), 2),
        (spec("labeled"), 2),
        (version(1, "labeled"), 1),
        (spec("every"), 3),
        (version(1, "every"), 1),
        (spec("newest"), 3),
        (version(2, "newest"), 2),
        (spec("default"), 3),
    ],
)
def test_a_model_a_version_and_a_label_choose_the_version(call, text, expected):
    request = text_format.Parse(text, PredictRequest()).model_spec
    for method, rest in (("Predict", X), ("GetModelMetadata", FIELD)):
        response = call(method, text + rest)
        assert response.model_spec.name == request.name
        assert response.model_spec.version.value == expected
        assert not response.model_spec.version_label


SERVED = "model_version_status { version: 3 state: AVAILABLE status { } }"
THREE, TWO, FIRST = (SERVED.replace("3", str(number)) for number in (3, 2, 1))
NO_MODEL = "model_version_status { version: 4 state: END status { error_code: DATA_LOSS } }"
EMPTY = "model_version_status { version: 5 state: END status { error_code: NOT_FOUND } }"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SPEC, EMPTY + NO_MODEL + SERVED),
        (spec(rest=LABEL), EMPTY + NO_MODEL + SERVED),
        (spec(rest='signature_name: "no"'), EMPTY + NO_MODEL + SERVED),
        (spec(rest="version { value: 3 }"), SERVED),
        (spec(rest="version { value: 4 }"), NO_MODEL),
        (spec(rest="version { value: 5 }"), EMPTY),
        (spec("labeled"), TWO + FIRST),
        (labeled("stable"), TWO + FIRST),
        (labeled("blue"), TWO + FIRST),
        (version(1, "labeled"), FIRST),
        (spec("every"), THREE + TWO + FIRST),
        (spec("newest"), THREE + TWO),
        (spec("default"), THREE),
    ],
)
def test_states_are_listed_newest_first_with_a_status(call, text, expected):
    response = call("GetModelStatus", text)
    for found in response.model_version_status:
        assert found.HasField("status")
        assert bool(found.status.error_message) == bool(found.status.error_code)
        found.status.error_message = ""
    assert response == text_format.Parse(expected, GetModelStatusResponse())
