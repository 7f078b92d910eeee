"""Wrong commands of runs on a platform: command, exit code, what the one line must contain.

At the addresses in them nothing answers: a line about a setting shows that nothing was sent.
"""

import pytest

SETTINGS = {
    "cloud.image": "registry.example/image:1",
    "cloud.root": "gs://my-bucket/x",
    "cloud.videos": "gs://my-bucket/videos",
}
COMMON = " ".join(f"--set {key}={value}" for key, value in SETTINGS.items())
ENDPOINT = "http://127.0.0.1:9"
PROJECT = "--set cloud.vertex.project=my-project --set cloud.vertex.region=us-central1"
VERTEX = f"{COMMON} {PROJECT} --set cloud.vertex.endpoint={ENDPOINT}"
KUBEFLOW = f"--target kubeflow {COMMON} --set cloud.kubeflow.endpoint={ENDPOINT}"
DAILY = "pipeline schedule --cron '0 3 * * *'"

COMMANDS = [
    ("pipeline submit extra", 2, "unexpected extra argument (extra)"),
    ("pipeline submit --target mars", 2, "--target: 'mars' is not one of 'vertex', 'kubeflow'"),
    ("pipeline submit --config none", 1, "config: must be a YAML file or one of"),
    ("pipeline submit --set cloud.colour=1", 1, "cloud.colour: unknown key"),
    (
        "pipeline submit",
        1,
        "cloud.vertex.project: must be the ID of a Google Cloud project, got ''",
    ),
    ("pipeline submit --target kubeflow", 1, "cloud.kubeflow.endpoint: must be the address of"),
    (f"pipeline submit {PROJECT}", 1, "cloud.root: must be a URI that every machine can read"),
    (f"pipeline submit {VERTEX} --set cloud.image=image", 1, "cloud.image: must be an image"),
    (f"pipeline submit {VERTEX} --set cloud.root=my-bucket/x", 1, "cloud.root: must be a URI"),
    (f"pipeline submit {KUBEFLOW} --set cloud.root=BUCKET", 1, "cloud.root: must be a URI"),
    (f"pipeline submit {VERTEX} --set cloud.stages.Train.cpus=1", 1, "cloud.stages: must be among"),
    (f"pipeline submit {VERTEX} --set cloud.stages.Trainer.gpus=1", 1, "gpu_type: must be given"),
    (f"pipeline submit {VERTEX} --set cloud.stages.Trainer.cpus=0", 1, "Trainer.cpus: Input shoul"),
    (f"pipeline submit {VERTEX} --set cloud.stages.default.spot=true", 1, "spot: must be unset"),
    (f"pipeline submit {KUBEFLOW} --set cloud.dataflow={{}}", 1, "cloud.vertex.project: must be"),
    (f"pipeline submit {VERTEX} --set cloud.labels.A=b", 1, "cloud.labels.A"),
    (f"pipeline submit {VERTEX} --set model.initial=models/1", 1, "model.initial: must be a URI"),
    # schedules
    (f"pipeline schedule {VERTEX}", 2, "must have one of --cron, --delete and --list"),
    (f"{DAILY} --delete {VERTEX}", 2, "must have one of --cron, --delete and --list"),
    (f"{DAILY} --json {VERTEX}", 2, "--json: must come with --list"),
    (f"pipeline schedule --cron '' {VERTEX}", 1, "cron: must be five fields"),
    (f"pipeline schedule --cron '60 * * * *' {VERTEX}", 1, "cron: minute: must be 0 to 59"),
    (f"pipeline schedule --cron '0 0 30 2 *' {VERTEX}", 1, "cron: must name a day that its months"),
    (f"{DAILY} --timezone Mars/Base {VERTEX}", 1, "timezone: must be an IANA time zone"),
    (f"{DAILY} --timezone Europe/Berlin {KUBEFLOW}", 1, "timezone: must be UTC for Kubeflow"),
    (f"{DAILY} --name '' {VERTEX}", 2, "--name: must be a name of printable characters"),
    (f"{DAILY} --name {'x' * 129} {VERTEX}", 1, "name: must have at most 128 characters"),
    (f"{DAILY} --name 'a\"b' {VERTEX}", 1, "name: must be without quotes and backslashes"),
    (f"{DAILY} {VERTEX} --set cloud.image=image", 1, "cloud.image: must be an image"),
    # runs
    (f"pipeline cancel {VERTEX}", 2, "Missing argument 'RUN'"),
    (f"pipeline status ../run {VERTEX}", 1, "run: must be a pipeline job's ID or resource name"),
    (f"pipeline cancel a/b {KUBEFLOW}", 1, "run: must be a run's ID, got 'a/b'"),
    (f"pipeline status --count 0 {VERTEX}", 2, "--count: must be a whole number from 1 to 1000"),
    (f"pipeline status {VERTEX}", 1, "Vertex AI at http://127.0.0.1:9: must be reachable, got: "),
    (f"pipeline status {KUBEFLOW}", 1, "Kubeflow Pipelines at http://127.0.0.1:9: must be reach"),
    (f"pipeline submit {KUBEFLOW}", 1, "Kubeflow Pipelines at http://127.0.0.1:9: must be reach"),
]


@pytest.mark.parametrize(("command", "code", "words"), COMMANDS)
def test_a_wrong_command_is_one_line_and_leaves_nothing(check_wrong, command, code, words):
    check_wrong(command, code, words)
