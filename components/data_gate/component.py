"""A gate behind ExampleValidator, which reports anomalies and lets the pipeline go on."""

import os

from tfx import v1 as tfx
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from data_prep.errors import UserError


@tfx.dsl.components.component
def DataGate(  # noqa: N802  (a component is named like a class)
    anomalies: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ExampleAnomalies],
    code: tfx.dsl.components.Parameter[str] = "",
):
    """Stop the pipeline if the examples have anomalies.

    Args:
        anomalies: ExampleValidator's findings.
        code: digest of the gate's code; another one is not served from the cache.

    Raises:
        UserError: names every split, feature and finding.
    """
    findings = find_anomalies(anomalies)
    if findings:
        raise UserError("the mixtures do not keep the schema: " + "; ".join(findings))


def find_anomalies(artifact) -> list[str]:
    """Return `SPLIT: FEATURE: finding` for every anomaly of an ExampleAnomalies artifact."""
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    findings = []
    for split in artifact_utils.decode_split_names(artifact.split_names):
        path = os.path.join(artifact_utils.get_split_uri([artifact], split), "SchemaDiff.pb")
        with fileio.open(path, "rb") as file:
            anomalies = anomalies_pb2.Anomalies.FromString(file.read())
        if anomalies.HasField("dataset_anomaly_info"):
            findings.append(f"{split}: {anomalies.dataset_anomaly_info.description}")
        for feature, info in sorted(anomalies.anomaly_info.items()):
            findings.append(f"{split}: {feature}: {info.description}")
    return findings
