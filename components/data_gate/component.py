"""A gate after ExampleValidator, which reports anomalies but lets the pipeline go on."""

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import v1 as tfx
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import ExampleAnomalies

from data_prep import storage
from data_prep.errors import UserError


@tfx.dsl.components.component
def DataGate(  # noqa: N802  (a component is named like a class)
    anomalies: tfx.dsl.components.InputArtifact[ExampleAnomalies],
    code: tfx.dsl.components.Parameter[str] = "",
) -> None:
    """Stop the pipeline if the examples have anomalies.

    Args:
        anomalies: ExampleValidator's findings.
        code: digest of the gate's code, so that TFX's cache notices a change.

    Raises:
        UserError: the examples have anomalies; the message names every split, feature and finding.
    """
    findings = find_anomalies(anomalies)
    if findings:
        raise UserError("mixtures: must match the schema, got " + "; ".join(findings))


def find_anomalies(artifact: ExampleAnomalies) -> list[str]:
    """Return `SPLIT: FEATURE: finding` for every anomaly."""
    findings = []
    for split in artifact_utils.decode_split_names(artifact.split_names):
        uri = storage.join(artifact_utils.get_split_uri([artifact], split), "SchemaDiff.pb")
        anomalies = anomalies_pb2.Anomalies.FromString(storage.read_bytes(uri))
        if anomalies.HasField("dataset_anomaly_info"):
            findings.append(f"{split}: {anomalies.dataset_anomaly_info.description}")
        for feature, info in sorted(anomalies.anomaly_info.items()):
            findings.append(f"{split}: {feature}: {info.description}")
    return findings
