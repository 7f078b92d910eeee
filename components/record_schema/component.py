"""RecordSchema: the schema that the mixtures must match, which is part of the code."""

from google.protobuf import text_format
from tfx import v1 as tfx
from tfx.types.standard_artifacts import Schema

from data_prep import storage
from data_prep.records.features import schema as records_schema


@tfx.dsl.components.component
def RecordSchema(  # noqa: N802  (a component is named like a class)
    schema: tfx.dsl.components.OutputArtifact[Schema],
    code: tfx.dsl.components.Parameter[str],
) -> None:
    """Write the schema as a text proto.

    Args:
        schema: receives `schema.pbtxt`.
        code: digest of the code that describes the records, so that TFX's cache notices a change.
    """
    text = text_format.MessageToString(records_schema())
    storage.write_text(storage.join(schema.uri, "schema.pbtxt"), text)
