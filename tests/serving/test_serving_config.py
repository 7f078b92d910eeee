from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

import serving

CONFIG = Path(serving.__file__).with_name("config")


def test_the_models_config_has_the_clients_default_model_in_its_latest_version():
    text = (CONFIG / "models.config").read_text()
    (model,) = text_format.Parse(text, ModelServerConfig()).model_config_list.config
    assert model.name == "separator"
    assert model.base_path == "/models/separator"
    assert model.model_version_policy.latest.num_versions == 1
