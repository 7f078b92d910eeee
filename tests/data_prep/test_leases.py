"""One writer per folder: on this machine, where a kill frees the lock, and in object stores."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_prep import storage
from data_prep.errors import StorageError, UserError
from data_prep.storage import leases

HOLD = """
import sys
from data_prep import storage
from data_prep.storage import leases
if sys.argv[2] == "without locks":
    leases._lock = lambda path: None
    leases._SETTLE = 0
with storage.lease(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["with locks", "without locks"])
def kind(request, monkeypatch):
    """Locks, or the renewed file of object stores and of file systems without locks."""
    monkeypatch.setattr(leases, "_SETTLE", 0)
    if request.param == "without locks":
        monkeypatch.setattr(leases, "_lock", lambda path: None)
    return request.param


def start(folder, kind):
    """Start a process that writes to a folder until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), kind],
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_until_the_first_ends(tmp_path, kind):
    folder = tmp_path / "deep [1]" / "out"
    for ending in ("end of input", signal.SIGINT, signal.SIGKILL):
        first = start(folder, kind)
        with pytest.raises(UserError) as caught, storage.lease(f"{folder}/"):
            pass
        pattern = (
            rf"{re.escape(str(folder))}: must have one writer at a time, got a second while "
            rf"process {first.pid} on \S+ writes here since 20\d\d-.* UTC"
        )
        assert re.fullmatch(pattern, str(caught.value))
        if isinstance(ending, signal.Signals):
            first.send_signal(ending)
        first.communicate()
        with storage.lease(str(folder)):
            pass
        # Nobody removes the folder that a killed writer has made.
        assert folder.exists() == (ending is signal.SIGKILL)
        assert not list(folder.glob("*"))


def test_many_processes_at_once_have_one_writer(tmp_path):
    folder = tmp_path / "out"
    code = HOLD.replace("sys.stdin.read()", "import time; time.sleep(1.5)")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder), "with locks"],
            env=os.environ | {"PYTHONPATH": str(Path.cwd())},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    outputs = [process.communicate() for process in processes]
    refused = [error for _, error in outputs if "must have one writer at a time" in error]
    assert sum(out == "held\n" for out, _ in outputs) + len(refused) == 3
    assert len(refused) >= 1
    assert not list(folder.glob("*"))


def test_what_was_written_stays_and_the_lease_goes(tmp_path, memory, kind):
    for folder in (str(tmp_path / "new"), f"{memory}/new"):
        with storage.lease(folder):
            storage.write_text(storage.join(folder, "a"), "x")
            with pytest.raises(UserError, match="must have one writer"), storage.lease(folder):
                pass
        assert storage.list_files(folder) == [storage.join(folder, "a")]
        with pytest.raises(RuntimeError), storage.lease(folder):
            raise RuntimeError
        with storage.lease(folder):
            storage.remove_tree(folder)  # removes the lease as well
            storage.write_text(storage.join(folder, "b"), "x")


def test_a_folder_with_nothing_but_a_lease_is_new(tmp_path, memory, kind):
    for folder in (str(tmp_path), memory):
        with storage.lease(folder):
            storage.require_new(folder, "output")
            assert storage.is_empty(folder)


def stored(folder):
    return json.loads(storage.read_text(f"{folder}/{storage.LEASE}"))


def test_an_object_that_is_not_renewed_is_abandoned(memory, monkeypatch):
    monkeypatch.setattr(leases, "_SETTLE", 0)
    with storage.lease(memory):
        holder = stored(memory) | {"host": "elsewhere", "token": "other"}
    for age, refused in ((0, True), (leases.STALE_AFTER - 10, True), (leases.STALE_AFTER, False)):
        text = json.dumps(holder | {"renewed": time.time() - age})
        storage.write_text(f"{memory}/{storage.LEASE}", text)
        if refused:
            with pytest.raises(UserError, match="on elsewhere writes"), storage.lease(memory):
                pass
        else:
            with storage.lease(memory):
                assert stored(memory)["host"] != "elsewhere"


def test_an_object_is_renewed_and_its_loss_is_an_error(memory, monkeypatch):
    monkeypatch.setattr(leases, "_SETTLE", 0)
    monkeypatch.setattr(leases, "_RENEW_EVERY", 0.01)
    with pytest.raises(UserError, match="on elsewhere writes"), storage.lease(memory):
        first = stored(memory)
        while stored(memory)["renewed"] == first["renewed"]:
            time.sleep(0.01)
        other = first | {"token": "other", "host": "elsewhere", "renewed": time.time()}
        while stored(memory)["token"] != "other":  # a renewal may be on its way
            storage.write_text(f"{memory}/{storage.LEASE}", json.dumps(other))
            time.sleep(0.05)
    assert stored(memory) == other


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(StorageError, match=r"file/out: Not a directory$"),
        storage.lease(str(tmp_path / "file/out")),
    ):
        pass
