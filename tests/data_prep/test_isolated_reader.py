"""Videos that crash or hang the decoder, or take its memory, cost only their own windows.

The stand-in decoder is in the child alone: `sitecustomize.py`, which Python imports at its start.
"""

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from ranged_store import RangedStore, StoreError, ranged_store
from small_videos import TINY, config, encode

from data_prep.errors import StorageError, StorageMissingError
from data_prep.media.clip import read_clip
from data_prep.media.decoding import MediaError
from data_prep.media.isolated_reader import IsolatedReader, shared_reader
from data_prep.media.probe import probe
from data_prep.storage import byte_ranges
from data_prep.storage.lasting import may_pass

STAND_IN = """
import ctypes, os, signal
from contextlib import contextmanager
from pathlib import Path

from data_prep.media import decoding

real = decoding.opened
misbehaved = Path(__file__).with_name("misbehaved")


@contextmanager
def opened(path, **options):
    name = Path(path).name
    if not name.startswith(("plain", "once")) and "://" not in str(path):
        with misbehaved.open("a") as file:
            print(name, os.getpid(), file=file)
    if name.startswith("crash") or (name.startswith("once") and not misbehaved.exists()):
        misbehaved.touch()
        os.kill(os.getpid(), signal.SIGSEGV)
    if name.startswith("abort"):
        os.write(2, b"double free or corruption")
        os.abort()
    if name.startswith("exit"):
        os._exit(3)
    if name.startswith("hang"):
        ctypes.PyDLL(None).pause()  # with Python's lock held, as a callback of libav's may
    if name.startswith("hog"):
        hoard = [b"x" * 10_000_000 for _ in range(1_000)]
    if name.startswith("bug"):
        raise KeyError("no such thing")
    with real(path, **options) as container:
        yield container


decoding.opened = opened
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Put the stand-in decoder into child processes; return the file of its misdeeds."""
    folder = tmp_path / "stand_in"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(folder)
    return folder / "misbehaved"


@pytest.fixture
def videos(tmp_path, plain):
    """Give a function that copies a good video to a name."""

    def named(name):
        path = tmp_path / name
        path.write_bytes(plain.read_bytes())
        return path

    return named


@pytest.fixture(scope="module")
def reader():
    with IsolatedReader() as reader:
        yield reader


def require_equal(clip, expected):
    assert np.array_equal(clip.frames, expected.frames)
    assert np.array_equal(clip.audio, expected.audio)
    assert clip.has_audio == expected.has_audio


def children():
    """Return the decoders that this process has started and that still run."""
    listed = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(pid) for file in listed for pid in file.read_text().split()}


def test_windows_are_those_of_the_decoder_itself(reader, plain):
    for start, crop in ((0, (0.5, 0.5)), (0.7, (0.1, 1.0))):
        clip = reader.read_clip(plain, config(), start=start, crop=crop)
        require_equal(clip, read_clip(plain, config(), start=start, crop=crop))
        assert clip.frames.flags.writeable
    assert reader.probe(plain) == probe(plain)
    assert reader.probe(str(plain), decode=False) == probe(plain, decode=False)


def test_errors_are_those_of_the_decoder_itself(reader, plain, tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("hello")
    for path in (text, tmp_path, tmp_path / "gone.mp4"):
        with pytest.raises((MediaError, StorageError)) as own:
            read_clip(path, config(), start=0)
        with pytest.raises(type(own.value)) as isolated:
            reader.read_clip(path, config(), start=0)
        assert isolated.value.args == own.value.args
        assert type(isolated.value.__cause__) is type(own.value.__cause__)
    assert isinstance(isolated.value, StorageMissingError)
    with pytest.raises(StorageError, match="index it again"):
        reader.read_clip(plain, config(), start=0, size=7)
    with pytest.raises(ValueError, match="start: must be at least 0") as caught:
        reader.read_clip(plain, config(), start=-1)
    assert "in read_clip" in "".join(caught.value.__notes__)  # where it was, in the child


def test_relative_paths_are_in_the_working_folder_of_the_caller(
    reader, plain, tmp_path, monkeypatch
):
    (tmp_path / "here.mp4").write_bytes(plain.read_bytes())
    monkeypatch.chdir(tmp_path)
    require_equal(reader.read_clip("here.mp4", TINY, start=0), read_clip(plain, TINY, start=0))
    monkeypatch.chdir(plain.parent)
    with pytest.raises(StorageMissingError, match=r"^here.mp4: "):
        reader.read_clip("here.mp4", TINY, start=0)


def test_one_child_serves_many_windows_and_ends_with_the_reader(plain):
    before = children()
    with IsolatedReader() as reader:
        assert children() == before  # none before the first window
        for _ in range(3):
            reader.read_clip(plain, TINY, start=0)
        (child,) = children() - before
    assert not Path(f"/proc/{child}").exists()
    require_equal(reader.read_clip(plain, TINY, start=0), read_clip(plain, TINY, start=0))
    reader.close()
    assert children() == before


def test_threads_do_not_wait_for_each_other(plain):
    before = children()
    expected = [read_clip(plain, TINY, start=k / 10) for k in range(12)]
    barrier = threading.Barrier(3, timeout=60)

    def read(k):
        if k < 3:
            barrier.wait()
        return reader.read_clip(plain, TINY, start=k / 10)

    with IsolatedReader() as reader, ThreadPoolExecutor(3) as pool:
        for clip, own in zip(pool.map(read, range(12)), expected, strict=True):
            require_equal(clip, own)
        assert 1 <= len(children() - before) <= 3


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crash.mp4", r"stops the decoder: killed by signal 11 \(SIGSEGV\)"),
        ("abort.mp4", r"stops the decoder: killed by signal 6 \(SIGABRT\)"),
        ("exit.mp4", "stops the decoder: ends with exit code 3"),
        ("hang.mp4", "keeps the decoder busy for more than 1 s"),
        ("hog.mp4", "needs more than 512 MiB to be decoded"),
    ],
)
def test_a_hostile_video_costs_only_its_own_windows(name, reason, stand_in, videos, plain, capfd):
    before = children()
    hostile, expected = videos(name), read_clip(plain, TINY, start=0.5)
    seconds = 1 if name == "hang.mp4" else 60
    with IsolatedReader(seconds=seconds, memory_bytes=2**29) as reader:
        require_equal(reader.read_clip(plain, TINY, start=0.5), expected)
        with pytest.raises(MediaError, match=f"{name}: {reason}$"):
            reader.read_clip(hostile, TINY, start=0)
        tries = stand_in.read_text().splitlines()
        # The second one is in a new child; a child that hangs has had its time.
        assert len(tries) == len(set(tries)) == (1 if name == "hang.mp4" else 2)
        require_equal(reader.read_clip(plain, TINY, start=0.5), expected)
    assert children() == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("stand_in")
def test_the_examination_of_a_video_is_isolated_too(videos, plain):
    with IsolatedReader() as reader:
        with pytest.raises(MediaError, match="killed by signal 11"):
            reader.probe(videos("crash.mp4"))
        assert reader.probe(plain) == probe(plain)


def test_frames_that_take_more_memory_than_allowed_are_refused(tmp_path, plain):
    """By libav itself, which may call it damage, or crash."""
    path = tmp_path / "large.mp4"
    encode(path, np.zeros((3, 2160, 3840, 3), np.uint8), range(0, 120, 40))
    clip = config(2)
    for megabytes in (16, 32):
        with IsolatedReader(memory_bytes=megabytes << 20) as reader:
            reason = rf"needs more than {megabytes} MiB to be decoded|killed by signal 11"
            with pytest.raises(MediaError, match=reason):
                reader.read_clip(path, clip, start=0)
            require_equal(reader.read_clip(plain, TINY, start=0), read_clip(plain, TINY, start=0))
    with IsolatedReader() as reader:
        require_equal(reader.read_clip(path, clip, start=0), read_clip(path, clip, start=0))


def test_a_crash_that_does_not_repeat_costs_nothing(stand_in, videos, plain):
    with IsolatedReader() as reader:
        clip = reader.read_clip(videos("once.mp4"), TINY, start=0)
    assert stand_in.exists()
    require_equal(clip, read_clip(plain, TINY, start=0))


def test_a_child_that_died_meanwhile_is_replaced(plain):
    before = children()
    with IsolatedReader() as reader:
        reader.read_clip(plain, TINY, start=0)
        (child,) = children() - before
        os.kill(child, signal.SIGKILL)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        require_equal(reader.read_clip(plain, TINY, start=0), read_clip(plain, TINY, start=0))


def test_a_bug_is_no_fault_of_the_video(stand_in, videos, plain):
    with IsolatedReader() as reader:
        with pytest.raises(KeyError, match="no such thing"):
            reader.read_clip(videos("bug.mp4"), TINY, start=0)
        require_equal(reader.read_clip(plain, TINY, start=0), read_clip(plain, TINY, start=0))


def test_a_child_that_cannot_start_is_no_fault_of_the_video(tmp_path, monkeypatch, plain):
    (tmp_path / "av.py").write_text("raise ImportError('no PyAV here')")
    monkeypatch.syspath_prepend(tmp_path)
    with IsolatedReader() as reader, pytest.raises(RuntimeError, match="no PyAV here"):
        reader.read_clip(plain, TINY, start=0)


# Remote videos


@pytest.fixture
def small_blocks(monkeypatch):
    """Let even small files be read by ranges."""
    monkeypatch.setattr(byte_ranges, "BLOCK", 500)
    monkeypatch.setattr(byte_ranges, "WHOLE", 500)


@pytest.fixture(params=[False, True], ids=["whole", "by ranges"])
def ways(request):
    """Read remote files whole, then by ranges."""
    if request.param:
        request.getfixturevalue("small_blocks")


@pytest.mark.usefixtures("ways")
def test_remote_videos_are_read_by_the_parent(reader, plain):
    expected = read_clip(plain, config(), start=0.4)
    with ranged_store({"video": plain.read_bytes()}):
        require_equal(reader.read_clip("ranged://video", config(), start=0.4), expected)
        assert reader.probe("ranged://video") == probe(plain)
        with pytest.raises(StorageError, match="index it again"):
            reader.read_clip("ranged://video", config(), start=0, size=7)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("fail_from", [0, 1, 2])
def test_errors_of_the_store_keep_their_cause(reader, plain, fail_from):
    with ranged_store({"video": plain.read_bytes()}, fail_from=fail_from):
        with pytest.raises(StorageError, match="ranged://video: slow down") as caught:
            reader.read_clip("ranged://video", config(), start=0.4)
        assert isinstance(caught.value.__cause__, StoreError)
        assert may_pass(caught.value)
        with pytest.raises(StorageMissingError):
            reader.read_clip("ranged://gone", config(), start=0.4)
    require_equal(reader.read_clip(plain, TINY, start=0), read_clip(plain, TINY, start=0))


def test_time_of_the_storage_is_not_the_decoders(plain, monkeypatch):
    """A store that takes longer than a window may is waited for."""
    give = RangedStore.give

    def slow(*args):
        time.sleep(1.5)
        return give(*args)

    with IsolatedReader(seconds=1) as reader, ranged_store({"video": plain.read_bytes()}):
        reader.read_clip("ranged://video", TINY, start=0)  # the child's start is not counted either
        monkeypatch.setattr(RangedStore, "give", slow)
        assert reader.read_clip("ranged://video", TINY, start=0).has_audio


# Processes

SCRIPT = """
    import sys
    from data_prep.media.isolated_reader import shared_reader
    from small_videos import TINY
    for path in sys.argv[1:]:
        shared_reader().read_clip(path, TINY, start=0)
        print(shared_reader()._idle[0]._process.pid, flush=True)
"""


@pytest.fixture
def start(tmp_path):
    """Give a function that starts a script in a new session."""
    started = []

    def run(*args):
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(SCRIPT))
        process = subprocess.Popen(
            [sys.executable, str(script), *map(str, args)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def require_gone(pid):
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}/stat").exists() and not is_zombie(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


def is_zombie(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def wait_for(file):
    deadline = time.monotonic() + 60
    while not (file.exists() and file.read_text().strip()):
        assert time.monotonic() < deadline, f"{file} is not there"
        time.sleep(0.02)
    return int(file.read_text().split()[1])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_parent_leaves_no_decoder_behind(number, start, plain, stand_in, videos):
    """Not even one that hangs and would never see the end of its input."""
    process = start(plain, videos("hang.mp4"))
    child = int(process.stdout.readline())
    assert wait_for(stand_in) == child
    process.send_signal(number)
    process.wait()
    require_gone(child)


def test_a_process_that_ends_normally_ends_its_decoder_and_says_nothing(start, plain):
    process = start(plain)
    said, errors = process.communicate()
    require_gone(int(said))
    assert (process.returncode, errors) == (0, "")


def test_ctrl_c_is_the_parents_alone(start, plain, stand_in, videos):
    process = start(plain, videos("hang.mp4"))
    child = int(process.stdout.readline())
    wait_for(stand_in)
    os.kill(child, signal.SIGINT)
    os.kill(child, signal.SIGTERM)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate()
    assert errors.count("Traceback") == 1
    assert errors.strip().endswith("KeyboardInterrupt")
    assert "reader_process.py" not in errors
    require_gone(child)


def test_a_forked_process_gets_a_child_of_its_own(plain):
    expected = read_clip(plain, TINY, start=0)
    script = """
        import os, sys
        from data_prep.media.isolated_reader import shared_reader
        from small_videos import TINY
        reader, path = shared_reader(), sys.argv[1]
        first = reader.read_clip(path, TINY, start=0)
        pid = os.fork()
        again = reader.read_clip(path, TINY, start=0)
        assert (first.frames == again.frames).all()
        if pid:
            _, status = os.waitpid(pid, 0)
            assert (reader.read_clip(path, TINY, start=0).frames == first.frames).all()
            sys.exit(os.waitstatus_to_exitcode(status))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(plain)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert expected.has_audio


def test_the_child_loads_only_what_reading_needs():
    code = "import data_prep.media.reader_process, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "av" in loaded
    assert not {"apache_beam", "tensorflow", "s3fs", "skimage", "rich"} & set(loaded)


def test_the_reader_of_a_process_is_shared():
    assert shared_reader() is shared_reader()
    assert pickle.loads(pickle.dumps(shared_reader)) is shared_reader


def test_the_bytes_of_a_window_are_counted(reader, plain):
    """At least those of its frames, and little more than the file."""
    size = Path(plain).stat().st_size
    for _ in range(2):
        read = reader.read_clip(plain, config(), start=0.0)
        assert size / 10 < read.bytes_read < 4 * size + 100_000
