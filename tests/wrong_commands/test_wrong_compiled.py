"""Wrong commands of pipeline run-compiled: command, exit code, what the one line must contain."""

import pytest

RUN = "pipeline run-compiled"

COMMANDS = [
    (RUN, 2, "Missing argument 'FILE'"),
    (f"{RUN} no.json", 1, "no.json: no such file or folder"),
    (f"{RUN} ''", 2, "must be a path or a URI, got ''"),
    (f"{RUN} foo://x", 1, "unknown scheme foo://"),
    (f"{RUN} empty", 1, "empty: must be a compiled pipeline"),
    (f"{RUN} pipe.yaml", 1, "got a folder, a pipe or a device"),
    (f"{RUN} file", 1, "file: must be a compiled pipeline, a PipelineJob as JSON or a Pipel"),
    (f"{RUN} color.yaml", 1, "got the keys ['colour']"),
    *(
        (f"{RUN} {name}.yaml", 1, f"{name}.yaml: must be ")
        for name in ("list", "text", "number", "unclosed", "date", "long_number", "deep", "laughs")
    ),
    *((f"{RUN} {name}.yaml", 1, f"{name}.yaml: must be ") for name in ("itself", "tag", "binary")),
    (f"{RUN} utf16.yaml", 1, "utf16.yaml: must be UTF-8 text"),
    (f"{RUN} videos/clip0.mp4", 1, "videos/clip0.mp4: must be UTF-8 text"),
    (f"{RUN} jsons/settings.json", 1, "settings.json: must be a compiled pipeline"),
    (f"{RUN} no.json --output file", 1, "file: must be a folder, got a file"),
    (f"{RUN} no.json --output s3://b/x", 2, "--output: must be on this machine, got s3://b/x"),
    (f"{RUN} no.json --output /proc/x", 1, "/proc/x: "),
    (f"{RUN} no.json --place x", 1, "--place: must be URI=FOLDER, as in gs://BUCKET=bucket"),
    (f"{RUN} no.json --place gs://b=file", 1, "must be a folder that exists, got a file: "),
    (f"{RUN} no.json --place gs://b=no", 1, "must be a folder that exists, got none: "),
]


@pytest.mark.parametrize(("command", "code", "words"), COMMANDS)
def test_a_wrong_command_is_one_line_and_leaves_nothing(check_wrong, command, code, words):
    check_wrong(command, code, words)
