"""Wrong commands of serving: command, exit code, what the one line must contain."""

import pytest

SERVE = "serving serve --port 0 --model badmodel"
SEPARATE = "serving separate videos/clip0.mp4 --output o --server 127.0.0.1:1 --wait 0.1"

COMMANDS = [
    ("serving color", 2, "No such command 'color'"),
    ("serving serve", 2, "Missing option '--model'"),
    ("serving serve --model empty", 2, "Missing option '--port'"),
    ("serving serve --model no --port 0", 1, "no: must be a readable folder"),
    ("serving serve --model file --port 0", 1, "file: must be a readable folder: Not a directory"),
    ("serving serve --model '' --port 0", 2, "--model: must be a path or a URI"),
    ("serving serve --model s3://bucket/model --port 0", 2, "--model: must be on this machine"),
    ("serving serve --model foo://model --port 0", 2, "--model: must be on this machine"),
    ("serving serve --model badmodel --port -1", 2, "--port: must be a whole number from 0 to"),
    ("serving serve --model badmodel --port 70000", 2, "from 0 to 65535, got 70000"),
    ("serving serve --model badmodel --port http", 2, "got http"),
    (SERVE, 1, "badmodel: no version can be loaded: version 1: "),
    (f"{SERVE} --workers 0", 2, "--workers: must be a whole number"),
    (f"{SERVE} --workers 1000000000", 2, "got 1000000000"),
    (f"{SERVE} --queue -1", 2, "--queue: must be a whole number from 0 to"),
    (f"{SERVE} --max-batch 0", 2, "--max-batch: must be a whole number from 1 to"),
    (f"{SERVE} --max-mib 2048", 2, "--max-mib: must be a whole number from 1 to 2047, got 2048"),
    (f"{SERVE} --grace -1", 2, "--grace: must be a number from 0 to"),
    (f"{SERVE} --grace nan", 2, "got nan"),
    (f"{SERVE} --poll-seconds 0", 2, "--poll-seconds: must be a number from 0.01 to"),
    (f"{SERVE} --poll-seconds nan", 2, "got nan"),
    (f"{SERVE} --poll-seconds 1e400", 2, "got 1e400"),
    (f"{SERVE} --model-name ''", 2, "--model-name: must be a name"),
    (f"{SERVE} --host ''", 2, "--host: must be a name"),
    (f"{SERVE} --host 256.1.1.1", 1, "256.1.1.1"),
    ("serving separate --output o", 2, "Missing argument 'VIDEO'"),
    ("serving separate videos/clip0.mp4", 2, "Missing option '--output'"),
    ("serving separate no.mp4 --output o", 1, "no.mp4: "),
    ("serving separate '' --output o", 2, "VIDEO: must be a path or a URI"),
    ("serving separate file --output o", 1, "file: is text, not a media file"),
    ("serving separate videos --output o", 1, "videos: is a folder, not a media file"),
    ("serving separate pipe.csv --output o", 1, "pipe.csv: "),
    ("serving separate videos/clip0.mp4 --output file", 1, "file: must be a folder, got a file"),
    ("serving separate videos/clip0.mp4 --output videos", 1, "must be a new or empty folder"),
    ("serving separate videos/clip0.mp4 --output ''", 2, "--output: must be a path or a URI"),
    ("serving separate videos/clip0.mp4 --output file/x", 1, "file/x: Not a directory"),
    ("serving separate videos/clip0.mp4 --output /proc/x", 1, "/proc/x: no such file or folder"),
    ("serving separate videos/clip0.mp4 --output foo://x", 1, "unknown scheme foo://"),
    (f"{SEPARATE} --server nowhere", 1, "server: must be HOST:PORT, got nowhere"),
    (f"{SEPARATE} --server 127.0.0.1:0", 1, "server: must be HOST:PORT, got 127.0.0.1:0"),
    (f"{SEPARATE} --server 127.0.0.1:70000", 1, "server: must be HOST:PORT"),
    (f"{SEPARATE} --server :8500", 1, "server: must be HOST:PORT, got :8500"),
    (f"{SEPARATE} --server http://127.0.0.1:8500", 1, "server: must be HOST:PORT, got http://"),
    (f"{SEPARATE} --server ''", 2, "--server: must be a name"),
    (f"{SEPARATE} --model ''", 2, "--model: must be a name"),
    (SEPARATE, 1, "no server answers at 127.0.0.1:1: no connection within 0.1 s"),
    (f"{SEPARATE} --server nowhere.invalid:8500", 1, "no server answers at nowhere.invalid:8500"),
    (f"{SEPARATE} --wait 0", 2, "--wait: must be a number from 0.01 to"),
    (f"{SEPARATE} --wait nan", 2, "got nan"),
    (f"{SEPARATE} --wait inf", 2, "got inf"),
    (f"{SEPARATE} --start nan", 2, "--start: must be a number from 0 to"),
    (f"{SEPARATE} --start -1", 2, "got -1"),
    (f"{SEPARATE} --start 1e400", 2, "got 1e400"),
    (f"{SEPARATE} --audio no.mp3", 1, "--audio: must be a file, got no.mp3"),
    (f"{SEPARATE} --audio empty", 1, "--audio: must be a file, got empty"),
    (f"{SEPARATE} --audio ''", 2, "--audio: must be a path or a URI"),
]


@pytest.mark.parametrize(("command", "code", "words"), COMMANDS)
def test_a_wrong_command_is_one_line_and_leaves_nothing(check_wrong, command, code, words):
    check_wrong(command, code, words)
