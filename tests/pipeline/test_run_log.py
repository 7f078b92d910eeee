"""How runs ended, in a file and at a real webhook."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from made_up_runs import separation, summary

from components.run_outcome import Ending, RunOutcome
from data_prep.errors import UserError
from pipeline.config import load_config
from pipeline.run_log import FILE, recorded

SECRET = "/services/T000/secret"


@pytest.fixture
def webhook():
    """A server that notes what it is told, and gives the answers of a list, then 200."""
    told, answers = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.append((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(answers.pop() if answers else 200)
            self.end_headers()

        def log_message(self, *words):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}{SECRET}", told, answers
        server.shutdown()
        thread.join()


def made_up_summary():
    return summary("c3_internal", {"transparency": separation(0.2), "occlusion": separation(0.1)})


def outcomes(folder):
    return [
        RunOutcome.model_validate_json(line) for line in (folder / FILE).read_text().splitlines()
    ]


def fail(error):
    def run():
        raise error

    return run


def test_each_run_is_one_line_and_one_message(webhook, tmp_path):
    address, told, _ = webhook
    (tmp_path / "manifests").mkdir()
    config = load_config("demo", [f"webhook={address}"])
    made_up = made_up_summary()
    assert recorded(config, tmp_path, lambda: made_up) is made_up
    with pytest.raises(UserError):
        recorded(config, tmp_path, fail(UserError("Trainer: must fit,\n got 9")))
    with pytest.raises(KeyboardInterrupt):
        recorded(config, tmp_path, fail(KeyboardInterrupt()))
    first, second, third = outcomes(tmp_path)
    assert first.ending == (Ending.PUSHED if made_up.pushed else Ending.NOT_BLESSED)
    assert first.metrics.keys() == made_up.metrics.keys()
    assert (second.ending, second.reasons) == (Ending.FAILED, ("Trainer: must fit, got 9",))
    assert third.ending == Ending.INTERRUPTED
    assert [body for _, _, body in told] == [
        each.model_dump(mode="json") for each in (first, second, third)
    ]
    assert {(path, kind) for path, kind, _ in told} == {(SECRET, "application/json")}


@pytest.mark.parametrize("answer", [403, 500, None])
def test_a_webhook_that_does_not_answer_fails_no_run(webhook, answer, tmp_path, capsys):
    address, _, answers = webhook
    if answer:
        answers.append(answer)
    else:
        address = f"http://127.0.0.1:9{SECRET}"
    recorded(load_config("demo", [f"webhook={address}"]), tmp_path, made_up_summary)
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("webhook: was not told how the run ended: ")
    assert str(answer or "ConnectionError") in line
    assert "secret" not in line


def test_an_address_is_checked_with_the_settings():
    with pytest.raises(UserError, match="webhook: "):
        load_config("demo", ["webhook=hooks.example.com"])


def test_a_run_that_could_not_begin_leaves_nothing_but_a_message(webhook, tmp_path):
    address, told, _ = webhook
    (tmp_path / ".lease").touch()
    with pytest.raises(UserError):
        recorded(
            load_config("demo", [f"webhook={address}"]), tmp_path, fail(UserError("no videos"))
        )
    assert [path.name for path in tmp_path.iterdir()] == [".lease"]
    assert [body["ending"] for _, _, body in told] == ["failed"]
