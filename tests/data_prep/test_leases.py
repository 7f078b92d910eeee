"""One writer per folder: on this machine, where a kill frees the lock, and in object stores."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
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
    leases._settle = lambda: None
with storage.lease(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch):
    for pause in ("_settle", "_watch"):
        monkeypatch.setattr(leases, pause, lambda: None)


@pytest.fixture(params=["with locks", "without locks"])
def kind(request, monkeypatch):
    """Locks, or the renewed file of object stores and of file systems without locks."""
    if request.param == "without locks":
        monkeypatch.setattr(leases, "_lock", lambda path: None)
    return request.param


def start(folder, kind, code=HOLD, answer="held"):
    """Start a process that writes to a folder until its input ends, and wait for its answer."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder), kind],
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == f"{answer}\n"
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


COMPETE = """
import sys
from data_prep import storage
from data_prep.errors import UserError
print("ready", flush=True)
sys.stdin.readline()
try:
    with storage.lease(sys.argv[1]):
        print("held", flush=True)
        sys.stdin.readline()
except UserError as error:
    print(error, flush=True)
"""


def test_many_processes_at_once_have_one_writer(tmp_path):
    folder = tmp_path / "out"
    processes = [start(folder, "with locks", COMPETE, "ready") for _ in range(3)]
    for process in processes:
        print(file=process.stdin, flush=True)
    answers = sorted(process.stdout.readline() for process in processes)
    for process in processes:
        process.communicate("\n")
    assert answers.pop() == "held\n"
    assert all("must have one writer at a time" in answer for answer in answers)
    assert not folder.exists()


def test_a_folder_in_the_place_of_a_moved_one_keeps_its_writer(tmp_path):
    folder = str(tmp_path / "out")
    with ExitStack() as second:
        with storage.lease(folder):
            Path(folder).rename(tmp_path / "moved")
            second.enter_context(storage.lease(folder))
        with pytest.raises(UserError, match="must have one writer"), storage.lease(folder):
            pass


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
    with storage.lease(memory):
        holder = stored(memory) | {"host": "elsewhere", "token": "other"}
    stale = leases.STALE_AFTER
    for age, refused in ((0, True), (stale - 10, True), (stale, False), (-stale - 10, False)):
        text = json.dumps(holder | {"renewed": time.time() - age})
        storage.write_text(f"{memory}/{storage.LEASE}", text)
        if refused:
            with pytest.raises(UserError, match="on elsewhere writes"), storage.lease(memory):
                pass
        else:
            with storage.lease(memory):
                assert stored(memory)["host"] != "elsewhere"


def test_an_old_object_that_changes_while_it_is_watched_has_a_writer(memory, monkeypatch):
    uri = f"{memory}/{storage.LEASE}"
    with storage.lease(memory):
        holder = stored(memory) | {"host": "of another time", "token": "other", "renewed": 1.0}
    storage.write_text(uri, json.dumps(holder))

    def renew():
        storage.write_text(uri, json.dumps(holder | {"renewed": 31.0}))

    monkeypatch.setattr(leases, "_watch", renew)
    with pytest.raises(UserError, match="on of another time writes"), storage.lease(memory):
        pass


def test_a_writer_whose_upload_takes_too_long_gives_up(memory, monkeypatch):
    write_text = leases.write_text

    def write_late(uri, text):
        """Write once another writer has looked whether it is alone."""
        monkeypatch.setattr(leases, "write_text", write_text)
        require_held = others.enter_context(storage.lease(memory))
        others.callback(require_held)
        monkeypatch.setattr(leases, "_SETTLE", 0)
        write_text(uri, text)

    monkeypatch.setattr(leases, "write_text", write_late)
    refused = pytest.raises(StorageError, match="must store a small file")
    with ExitStack() as others, refused, storage.lease(memory):
        pass


def test_an_object_is_renewed_and_its_loss_is_an_error(memory, monkeypatch):
    monkeypatch.setattr(leases, "_RENEW_EVERY", 0.01)
    with (
        pytest.raises(UserError, match="on elsewhere writes"),
        storage.lease(memory) as require_held,
    ):
        first = stored(memory)
        while stored(memory)["renewed"] == first["renewed"]:
            time.sleep(0.01)
        other = first | {"token": "other", "host": "elsewhere", "renewed": time.time()}
        while stored(memory)["token"] != "other":  # a renewal may be on its way
            storage.write_text(f"{memory}/{storage.LEASE}", json.dumps(other))
            time.sleep(0.05)
        require_held()
    assert stored(memory) == other


@pytest.mark.parametrize("error", [FileExistsError, FileNotFoundError])
def test_a_folder_that_its_last_writer_is_removing_is_made_again(tmp_path, monkeypatch, error):
    mkdir, refused = os.mkdir, []

    def removed_meanwhile(path, *args):
        if len(refused) < 3:
            refused.append(path)
            raise error(0, "gone again")
        mkdir(path, *args)

    monkeypatch.setattr(os, "mkdir", removed_meanwhile)
    with storage.lease(str(tmp_path / "out")) as require_held:
        require_held()
    assert len(refused) == 3


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(StorageError, match=r"file/out: Not a directory$"),
        storage.lease(str(tmp_path / "file/out")),
    ):
        pass


def test_a_writer_waits_for_the_one_before(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(leases, "_WAIT", 0.01)
    with start(tmp_path, kind) as process:
        waiting = storage.waiting_lease(str(tmp_path), patience=0.05)
        with pytest.raises(UserError, match="must have one writer at a time"), waiting:
            pass
        ending = threading.Timer(0.3, process.stdin.close)
        ending.start()
        with storage.waiting_lease(str(tmp_path), patience=30) as require_held:
            assert process.wait() == 0
            require_held()
            with pytest.raises(UserError), storage.lease(str(tmp_path)):
                pass
        ending.join()


def test_an_error_of_the_writer_is_not_waited_for(tmp_path, kind):
    with pytest.raises(leases.SecondWriterError), storage.waiting_lease(str(tmp_path)):
        raise leases.SecondWriterError("another folder")


def test_a_folder_that_the_last_writer_removes_is_made_again(tmp_path, monkeypatch):
    folder = tmp_path / "new"
    original, removed = os.open, []

    def open_late(path, *arguments):
        if not removed and str(path).startswith(str(folder)):
            removed.append(folder.rmdir())
        return original(path, *arguments)

    monkeypatch.setattr(os, "open", open_late)
    with storage.lease(str(folder)):
        assert removed
        assert [path.name for path in folder.iterdir()] == [storage.LEASE]
    assert not folder.exists()
