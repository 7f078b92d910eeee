"""Answers of the REST interface, without HTTP."""

import json
from collections.abc import Callable
from typing import Any

from tensorflow.saved_model import CLASSIFY_METHOD_NAME, REGRESS_METHOD_NAME
from tensorflow_serving.apis.model_pb2 import ModelSpec

from serving.server.errors import StatusError, invalid
from serving.server.rest.json_protos import metadata_json, status_json
from serving.server.rest.json_tensors import (
    is_row_format,
    parse_object,
    read_inputs,
    write_outputs,
)
from serving.server.rest.paths import Target, malformed, parse_path
from serving.server.served_models import ServedModels, refuse_examples
from serving.signature import DEFAULT

Body = Callable[[], bytes]
"""Reads the body of a request."""


class RestApi:
    """Answers requests about served models. Threads may share it."""

    def __init__(self, models: ServedModels) -> None:
        self._models = models
        self._verbs: dict[str, Callable[[ModelSpec, dict[str, Any]], dict[str, Any]]] = {
            "predict": self._predict,
            "classify": self._refuse(CLASSIFY_METHOD_NAME),
            "regress": self._refuse(REGRESS_METHOD_NAME),
        }

    def get(self, method: str, path: str) -> str:
        """Return the states of a model's versions, or a version's metadata, as JSON.

        Args:
            method: HTTP's method; another one than GET has no paths.
            path: the escaped path.

        Raises:
            StatusError: there is no such path, model or version.
        """
        verb, spec = parse_path(method, path)
        if verb != "metadata":
            return _text(status_json(self._models.statuses(spec)))
        with self._models.use(spec) as (version, model):
            return _text(metadata_json(spec.name, version, model.signature_defs))

    def post(self, path: str, body: Body) -> str:
        """Return the outputs of a signature as JSON.

        Args:
            path: the escaped path.
            body: reads the body, once the path is right.

        Raises:
            StatusError: there is no such path or model, or the body does not fit the signature.
        """
        target: Target = parse_path("POST", path)
        if target.verb not in self._verbs:
            raise malformed("POST", path)
        values = parse_object(body())
        signature = values.get("signature_name", "")
        if not isinstance(signature, str):
            raise invalid("signature_name: must be text")
        target.spec.signature_name = signature
        return _text(self._verbs[target.verb](target.spec, values))

    def _predict(self, spec: ModelSpec, values: dict[str, Any]) -> dict[str, Any]:
        name = spec.signature_name or DEFAULT
        with self._models.use(spec) as (_, model):
            signature = model.signatures.get(name)
            if signature is None or not signature.inputs:
                raise invalid(f'Serving signature name: "{name}" not found in signature def')
            outputs = model.predict_all(name, read_inputs(values, signature))
        return write_outputs(outputs, rows=is_row_format(values))

    def _refuse(self, method: str) -> Callable[[ModelSpec, dict[str, Any]], dict[str, Any]]:
        def refuse(spec: ModelSpec, values: dict[str, Any]) -> dict[str, Any]:
            examples = values.get("examples")
            if not isinstance(examples, list) or not examples:
                raise invalid("examples: must be a list of at least one object")
            refuse_examples(self._models, spec, method)

        return refuse


def error_text(error: StatusError) -> str:
    """Return an error as JSON."""
    return _text({"error": error.message})


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value)
