"""`python -m serving separate` killed half way: rerunning the command completes it."""

import re
import signal
import subprocess
import sys
import threading
import time

import av
import numpy as np
import pytest
from halving_separator import halving_server

from data_prep.media.encoding import write_video
from data_prep.media.probe import probe
from serving.separation.run_state import RunState

FPS, SECONDS = 10, 25
PART = 100  # frames, ten seconds


def levels(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24").mean() for frame in container.decode(video=0)]


def test_a_killed_separation_resumes_where_it_was(tmp_path):
    ramp = (20 + 0.8 * np.arange(SECONDS * FPS)).astype(np.uint8)
    frames = np.broadcast_to(ramp[:, None, None, None], (len(ramp), 24, 32, 3))
    write_video(tmp_path / "video.mp4", frames, fps=FPS)
    output, killed, sent = tmp_path / "out", threading.Event(), []

    def before_prediction():
        sent.append(time.monotonic())
        if len(sent) > 40 and not killed.is_set():  # 40 windows end behind the first part
            killed.wait(60)

    with halving_server(before_prediction) as address:
        command = [sys.executable, "-m", "serving", "separate", str(tmp_path / "video.mp4")]
        command += ["--server", address, "--output", str(output)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            state = output / "unfinished" / "state.json"
            while not (state.is_file() and RunState.read(str(state)).frames):
                assert process.poll() is None
                time.sleep(0.05)
            process.kill()
            assert process.wait(timeout=30) == -signal.SIGKILL
        killed.set()
        assert not list(output.glob("output_*"))
        first = len(sent)
        again = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert f"resuming at {PART / FPS:.1f} s\n" in again.stderr
    (windows,) = re.findall(r"(\d+) windows in 1 shot\n", again.stdout)
    assert len(sent) - first < int(windows) - 20
    for name, factor in (("output_1.mp4", 1), ("output_2.mp4", 0.5)):
        assert probe(output / name).duration == pytest.approx(SECONDS)
        np.testing.assert_allclose(levels(output / name), ramp * factor, atol=2.5)
    assert sorted(path.name for path in output.iterdir()) == ["output_1.mp4", "output_2.mp4"]


def test_an_interruption_waits_for_no_answer(tmp_path):
    write_video(tmp_path / "video.mp4", np.zeros((50, 24, 32, 3), np.uint8), fps=FPS)
    asked, end, in_time = threading.Event(), threading.Event(), []

    def before_prediction():
        asked.set()
        in_time.append(end.wait(50))

    with halving_server(before_prediction) as address:
        command = [sys.executable, "-m", "serving", "separate", str(tmp_path / "video.mp4")]
        command += ["--server", address, "--output", str(tmp_path / "out")]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert asked.wait(60)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=120)
        answered = list(in_time)
        end.set()
    assert (process.returncode, answered) == (130, [])
    assert errors == "error: interrupted; rerun the same command to resume\n"
