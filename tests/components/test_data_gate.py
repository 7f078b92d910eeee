import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.types import standard_artifacts

from components.data_gate.component import DataGate, find_anomalies
from data_prep.errors import UserError


@pytest.fixture
def artifact(tmp_path):
    result = standard_artifacts.ExampleAnomalies()
    result.uri = str(tmp_path)
    result.split_names = '["train", "eval"]'
    for split in ("train", "eval"):
        write(result, split, anomalies_pb2.Anomalies())
    return result


def write(artifact, split, anomalies):
    from pathlib import Path

    folder = Path(artifact.uri, f"Split-{split}")
    folder.mkdir(exist_ok=True)
    (folder / "SchemaDiff.pb").write_bytes(anomalies.SerializeToString())


def test_clean_examples_pass(artifact):
    assert find_anomalies(artifact) == []
    assert DataGate.EXECUTOR_SPEC.executor_class is not None


def test_anomalies_are_named_by_split_and_feature(artifact):
    anomalies = anomalies_pb2.Anomalies()
    anomalies.anomaly_info["mixture_type"].description = "Unexpected string values: x"
    write(artifact, "eval", anomalies)
    assert find_anomalies(artifact) == ["eval: mixture_type: Unexpected string values: x"]


def test_gate_raises_on_anomalies(artifact):
    anomalies = anomalies_pb2.Anomalies()
    anomalies.dataset_anomaly_info.description = "Low num examples"
    write(artifact, "train", anomalies)
    executor = DataGate.EXECUTOR_SPEC.executor_class()
    with pytest.raises(UserError, match="must match the schema, got train: Low num examples"):
        executor.Do({"anomalies": [artifact]}, {}, {})
