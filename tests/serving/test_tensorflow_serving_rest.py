"""TensorFlow Serving 2.16.1's REST interface, case by case, from the embedded server.

The expectations follow its sources: http_server.cc, http_rest_api_handler.cc, http_rest_api_util.cc
and json_tensor.cc. What differs, and why, is in docs/serving.md.
"""

import gzip
import json
import math
import re

import numpy as np
import pytest
from echo_models import save_models
from rest_client import send, serving_rest

from serving.server.config_source import ConfigFile


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = save_models(tmp_path_factory.mktemp("models"))
    with serving_rest(ConfigFile(folder / "models.config"), max_mib=1) as address:
        yield address


ROWS, NAN = [[1, 2, 3]], math.nan
PREDICT = "/v1/models/separator:predict"


def echo(signature):
    return {"signature_name": signature}


def base64(text):
    return {"b64": text}


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        # Which version answers
        ("labeled:predict", {"instances": ROWS}, {"predictions": [[1.0, 2.0, 3.0]]}),
        ("labeled/versions/1:predict", {"instances": ROWS}, {"predictions": ROWS}),
        ("labeled/versions/0001:predict", {"instances": ROWS}, {"predictions": ROWS}),
        ("labeled/labels/stable:predict", {"instances": ROWS}, {"predictions": ROWS}),
        ("%6Cabeled/labels/st%61ble:predict", {"instances": ROWS}, {"predictions": ROWS}),
        ("every/versions/3:predict?a=b", {"instances": ROWS}, {"predictions": ROWS}),
        # Rows and columns of one input
        ("labeled:predict", {"inputs": ROWS}, {"outputs": ROWS}),
        ("labeled:predict", {"inputs": {"x": ROWS}}, {"outputs": ROWS}),
        ("labeled:predict", {"inputs": {"x": ROWS, "other": 1}}, {"outputs": ROWS}),
        ("labeled:predict", {"instances": [{"x": ROWS[0]}] * 2}, {"predictions": ROWS * 2}),
        ("labeled:predict", {"instances": ROWS, "context": 1}, {"predictions": ROWS}),
        ("labeled:predict", {"instances": ROWS, "signature_name": ""}, {"predictions": ROWS}),
        # Several inputs and outputs
        (
            "labeled:predict",
            {**echo("pair"), "inputs": {"a": [[1, 2]], "b": [[3, 4]]}},
            {"outputs": {"sum": [[4.0, 6.0]], "total": 3.0}},
        ),
        # Values
        *(
            (
                "separator:predict",
                {**echo(signature), "instances": [values]},
                {"predictions": [values]},
            )
            for signature, values in (
                ("float", [0.2, -1.5, 1e-40]),
                ("float", [1, 2.5, 3e38]),
                ("float", [math.inf, -math.inf, NAN]),
                ("double", [0.2, 1e-310, 1e300]),
                ("int32", [-(2**31), 0, 2**31 - 1]),
                ("uint8", [0, 128, 255]),
                ("int64", [-(2**63), 0, 2**63 - 1]),
                ("bool", [True, False, True]),
                ("string", ["", "video", "ä"]),
            )
        ),
        (
            "separator:predict",
            {**echo("string"), "instances": [[base64("dmlkZW8="), "a", base64("")]]},
            {"predictions": [["video", "a", ""]]},
        ),
        # Bytes are answered as base64 if the output's name says so.
        (
            "separator:predict",
            {**echo("text"), "instances": [base64("/wA="), "a"]},
            {
                "predictions": [
                    {"text": "\ufffd\0", "raw_bytes": base64("/wA=")},
                    {"text": "a", "raw_bytes": base64("YQ==")},
                ]
            },
        ),
        (
            "separator:predict",
            {**echo("text"), "inputs": ["a"]},
            {"outputs": {"text": ["a"], "raw_bytes": [base64("YQ==")]}},
        ),
    ],
)
def test_predictions(address, path, body, expected):
    status, found = send(address, "POST", f"/v1/models/{path}", body)
    assert status == 200, found
    np.testing.assert_equal(found, expected)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "body: must be JSON"),
        (b"{", "body: must be JSON"),
        (b"\xff", "body: must be JSON"),
        (b"[" * 100_000, "body: must be JSON"),
        ([], "must be a JSON object, got an empty list"),
        (1, "must be a JSON object, got a value"),
        ({}, "either instances or inputs"),
        ({"instances": ROWS, "inputs": ROWS}, "either instances or inputs"),
        ({"instances": 1}, "must be a list of at least one element, got a value"),
        ({"instances": {"x": ROWS}}, "must be a list of at least one element, got an object"),
        ({"instances": []}, "must be a list of at least one element, got an empty list"),
        ({"instances": ROWS, "signature_name": 1}, "signature_name: must be text"),
        ({"instances": ROWS, "signature_name": "no"}, '"no" not found'),
        ({"instances": ROWS, "signature_name": "__saved_model_init_op"}, "not found"),
        ({"instances": [{"x": [1, 2, 3]}, [1, 2, 3]]}, "must all be values, or all be objects"),
        ({"instances": [{"y": [1, 2, 3]}]}, "objects with the keys x"),
        ({"instances": [{"x": [1, 2, 3], "y": 1}]}, "objects with the keys x"),
        ({"inputs": {"y": ROWS}}, "must have all inputs, missing x"),
        ({"instances": [[1, 2, 3], [1, 2]]}, "lists of one level must have one length"),
        ({"instances": [[1, 2, [3]]]}, "got JSON values of type list"),
        ({"instances": [[1, 2, 3], 4]}, "lists of one level must have one length"),
        ({"instances": [["1", "2", "3"]]}, "must be float32, got JSON values of type str"),
        ({"instances": [[True, 2, 3]]}, "must be float32, got JSON values of type bool"),
        ({"instances": [[None, 2, 3]]}, "must be float32, got JSON values of type NoneType"),
        ({"instances": [[{"b64": "YQ=="}, 2, 3]]}, "must be float32, got JSON .* dict"),
        ({"instances": [[10**400, 2, 3]]}, "must be float32, got a larger number"),
        (
            {**echo("int32"), "instances": [[1.0, 2, 3]]},
            "must be int32, got JSON .* float",
        ),
        ({**echo("int32"), "instances": [[2**31, 2, 3]]}, "from -2147483648 to 2147483647"),
        ({**echo("int64"), "instances": [[2**63, 2, 3]]}, "from -9223372036854775808 to"),
        ({**echo("bool"), "instances": [[1, 0, 1]]}, "must be bool, got JSON values of type int"),
        (
            {**echo("string"), "instances": [[1, 2, 3]]},
            "must be string, got JSON .* int",
        ),
        ({**echo("string"), "instances": [[{"b64": "?"}, "", ""]]}, "must be text or base64"),
        ({**echo("string"), "instances": [[{"b": "YQ=="}, "", ""]]}, "got another object"),
        (
            b'{"signature_name": "string", "inputs": [["\\ud800", "", ""]]}',
            "must be text or base64",
        ),
        ({"instances": ROWS}, "3 values.* 4"),  # all outputs, one of which fails
        # Different from TensorFlow Serving, for the reasons in docs/serving.md.
        ({"inputs": [1, 2, 3]}, r"got float32 \[3\]"),
        ({"inputs": 1}, r"got float32 \[\]"),
        ({"instances": [[1, 2, 3, 4]]}, r"got float32 \[1, 4\]"),
        ({"inputs": []}, r"got float32 \[0\]"),
        ({**echo("uint8"), "instances": [[256, 0, 0]]}, "must be from 0 to 255"),
        ({"instances": ROWS * 33}, "at most 32, got 33"),
    ],
)
def test_wrong_bodies_are_refused(address, body, words):
    status, found = send(address, "POST", PREDICT, body)
    assert status == 400, found
    assert found.keys() == {"error"}
    assert re.search(words, found["error"]), found


def test_rows_need_outputs_of_one_batch(address):
    body = {**echo("pair"), "instances": [{"a": [1, 2], "b": [3, 4]}]}
    status, found = send(address, "POST", "/v1/models/labeled:predict", body)
    assert (status, found["error"][:27]) == (400, "outputs: must have one batc")


EXAMPLES = {"examples": [{"x": 1}]}
NO_LABEL, NO_MODEL = "Unrecognized servable version label: blue", "Servable not found"


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "words"),
    [
        # Models, versions and labels
        *(
            (method, f"/v1/models/{path}{rest}", body, code, words)
            for method, rest, body in (
                ("POST", ":predict", {"instances": ROWS}),
                ("POST", ":classify", EXAMPLES),
                ("POST", ":regress", EXAMPLES),
                ("GET", "/metadata", None),
            )
            for path, code, words in (
                ("other", 404, NO_MODEL),
                ("Separator", 404, NO_MODEL),
                ("separator/versions/2", 404, r"Specific\(separator, 2\)"),
                ("labeled/labels/blue", 400, NO_LABEL),
                ("labeled/labels/next", 404, r"Specific\(labeled, 9\)"),
                ("separator/versions/9223372036854775808", 400, "Failed to convert version"),
            )
        ),
        ("GET", "/v1/models/other", None, 404, "Could not find any versions of model other"),
        ("GET", "/v1/models/separator/versions/2", None, 404, "version 2 of model separator"),
        # Methods for tf.Examples, which no signature takes
        ("POST", "/v1/models/separator:classify", EXAMPLES, 400, "Was: tensorflow/serving/predict"),
        ("POST", "/v1/models/separator:regress", EXAMPLES, 400, "Was: tensorflow/serving/predict"),
        ("POST", "/v1/models/separator:classify", {}, 400, "examples: must be a list"),
        ("POST", "/v1/models/separator:regress", {"examples": []}, 400, "examples: must be a list"),
        # Paths
        ("GET", "/v1/models", None, 400, "Missing model name in request"),
        ("GET", "/v1/models/", None, 400, "Malformed request: GET /v1/models/"),
        ("GET", "/v1/other", None, 400, "Malformed request: GET /v1/other"),
        ("GET", PREDICT, None, 400, "Malformed request: GET "),
        ("GET", "/v1/models/separator/versions/x", None, 400, "Malformed request: GET "),
        ("GET", "/v1/models/separator/versions/-1", None, 400, "Malformed request: GET "),
        ("POST", "/v1/models/separator", {}, 400, "Malformed request: POST "),
        ("POST", "/v1/models/separator/metadata", {}, 400, "Malformed request: POST "),
        ("POST", "/v1/models/separator:other", {}, 400, "Malformed request: POST "),
        ("POST", "/v1/models/separator:PREDICT", {}, 400, "Malformed request: POST "),
        ("POST", "/v1/models/separator/versions/:predict", {}, 400, "Malformed request: POST "),
        ("PUT", PREDICT, {}, 400, "Malformed request: PUT "),
        ("DELETE", "/v1/models/separator", None, 400, "Malformed request: DELETE "),
        ("GET", "/v1/models/%ff", None, 400, "path: must be UTF-8"),
        ("GET", "/", None, 404, "path: must begin with /v1/"),
        ("GET", "/v2/models/separator", None, 404, "path: must begin with /v1/"),
    ],
)
def test_wrong_requests_are_refused(address, method, path, body, code, words):
    status, found = send(address, method, path, body)
    assert status == code, found
    assert found.keys() == {"error"}
    assert re.search(words, found["error"]), found


def version_status(version, state="AVAILABLE", code="OK"):
    return {"version": version, "state": state, "status": {"error_code": code}}


BROKEN = [version_status("5", "END", "NOT_FOUND"), version_status("4", "END", "DATA_LOSS")]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/models/separator", [*BROKEN, version_status("3")]),
        ("/V1/Models/separator", [*BROKEN, version_status("3")]),
        ("/v1/models/separator/METADATA", [*BROKEN, version_status("3")]),
        ("/v1/models/separator/versions/3", [version_status("3")]),
        ("/v1/models/labeled/labels/stable", [version_status("2"), version_status("1")]),
        ("/v1/models/labeled/labels/blue", [version_status("2"), version_status("1")]),
        ("/v1/models/newest", [version_status("3"), version_status("2")]),
    ],
)
def test_states(address, path, expected):
    status, found = send(address, "GET", path)
    assert status == 200
    for version in found["model_version_status"]:
        text = version["status"].pop("error_message")
        assert bool(text) == (version["status"]["error_code"] != "OK")
    assert found == {"model_version_status": expected}


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("labeled/metadata", "2"),
        ("labeled/versions/1/metadata", "1"),
        ("labeled/labels/stable/metadata", "1"),
    ],
)
def test_metadata(address, path, version):
    status, found = send(address, "GET", f"/v1/models/{path}")
    assert status == 200
    assert found["model_spec"] == {"name": "labeled", "signature_name": "", "version": version}
    signatures = found["metadata"]["signature_def"]["signature_def"]
    assert signatures.keys() == {"serving_default", "pair", "__saved_model_init_op"}
    signature = signatures["serving_default"]
    assert signature["inputs"] == {
        "x": {
            "dtype": "DT_FLOAT",
            "tensor_shape": {
                "dim": [{"size": "-1", "name": ""}, {"size": "3", "name": ""}],
                "unknown_rank": False,
            },
            "name": "serving_default_x:0",
        }
    }
    assert signature["method_name"] == "tensorflow/serving/predict"
    assert signature["outputs"].keys() == {"y"}


def test_a_compressed_body_is_read(address):
    body = gzip.compress(json.dumps({"instances": ROWS}).encode())
    path = "/v1/models/labeled:predict"
    status, found = send(address, "POST", path, body, **{"Content-Encoding": "gzip"})
    assert (status, found) == (200, {"predictions": ROWS})


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
def test_a_large_body_is_refused(address, headers):
    body = b" " * (2**18 + 1)
    body = gzip.compress(body) if headers else body
    status, found = send(address, "POST", PREDICT, body, **headers)
    assert (status, found) == (413, {"error": "body: must have at most 262144 bytes"})
