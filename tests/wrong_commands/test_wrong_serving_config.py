"""Wrong commands about TensorFlow Serving's files: command, exit code, what the line contains."""

import pytest

CONFIGURE = "serving configure --models badmodels --output o"
PROMOTE = "serving promote 1 --models empty"
ROLLBACK = "serving rollback --models empty"

COMMANDS = [
    ("serving configure", 2, "Missing option '--models'"),
    ("serving configure --models badmodels", 2, "Missing option '--output'"),
    ("serving configure --models empty --output o", 1, "empty: must hold at least one model"),
    ("serving configure --models badmodel --output o", 1, "must hold at least one model"),
    ("serving configure --models no --output o", 1, "no: must hold at least one model"),
    ("serving configure --models '' --output o", 2, "--models: must be a path or a URI"),
    ("serving configure --models foo://m --output o", 1, "unknown scheme foo://"),
    ("serving configure --models . --output file", 1, "file: must be a folder, got a file"),
    ("serving configure --models . --output ''", 2, "--output: must be a path or a URI"),
    (f"{CONFIGURE} --config no.yaml", 1, "no.yaml: must be a readable YAML file"),
    (f"{CONFIGURE} --config list.yaml", 1, "list.yaml: must be a mapping of keys to values"),
    (f"{CONFIGURE} --config color.yaml", 1, "color.yaml: colour: unknown key"),
    ("serving promote --models empty", 2, "Missing argument 'VERSION'"),
    ("serving promote 1", 2, "Missing option '--models'"),
    ("serving promote -1 --models empty", 2, "No such option"),
    ("serving promote one --models empty", 2, "VERSION: must be a whole number from 0 to"),
    ("serving promote 9223372036854775808 --models empty", 2, "VERSION: must be a whole number"),
    (PROMOTE, 1, "empty/models.config: no such file or folder"),
    (f"{PROMOTE} --label blue", 2, "'blue' is not one of 'stable', 'canary'"),
    (f"{PROMOTE} --label previous", 2, "'previous' is not one of"),
    (f"{PROMOTE} --server nowhere", 1, "server: must be HOST:PORT, got nowhere"),
    (f"{PROMOTE} --server nowhere.invalid:8500", 1, "server: must be a known host, got nowhere"),
    (f"{PROMOTE} --server ''", 2, "--server: must be a name"),
    (f"{PROMOTE} --model ''", 2, "--model: must be a name"),
    (f"{PROMOTE} --wait 0", 2, "--wait: must be a number from 0.01 to"),
    (f"{PROMOTE} --wait nan", 2, "got nan"),
    (f"{PROMOTE} --tls-ca no", 1, "TLS: must be a file, got no"),
    (f"{PROMOTE} --token-file no", 1, "token: must be a file, got no"),
    ("serving rollback", 2, "Missing option '--models'"),
    ("serving rollback 1 --models empty", 2, "unexpected extra argument (1)"),
    (ROLLBACK, 1, "empty/models.config: no such file or folder"),
    (f"{ROLLBACK} --label blue", 2, "'blue' is not one of 'stable', 'canary'"),
]

SETTINGS = [
    ("name: Upper", "name: "),
    ("image: 'two words'", "image: "),
    ("gpus: -1", "gpus: "),
    ("cpus: 0", "cpus: "),
    ("replicas: 0", "replicas: "),
    ("memory_gib: 0", "memory_gib: "),
    ("poll_seconds: 0", "poll_seconds: "),
    ("drain_seconds: 1", "drain_seconds: "),
    ("claim: a/b", "claim: "),
    ("batching: {max_batch_size: 0}", "batching.max_batch_size: "),
    ("batching: {max_enqueued_batches: 0}", "batching.max_enqueued_batches: "),
    ("batching: {threads: 0}", "batching.threads: "),
    ("batching: {timeout_micros: -1}", "batching.timeout_micros: "),
    ("batching: {size: 4}", "batching.size: unknown key"),
]


@pytest.mark.parametrize(("command", "code", "words"), COMMANDS)
def test_a_wrong_command_changes_nothing(check_wrong, command, code, words):
    check_wrong(command, code, words)


@pytest.mark.parametrize(("text", "words"), SETTINGS)
def test_a_wrong_setting_is_named(check_wrong, tmp_path, text, words):
    file = tmp_path / "deployment.yaml"
    file.write_text(text)
    check_wrong(f"{CONFIGURE} --config {file}", 1, f"deployment.yaml: {words}")
