"""`python -m serving separate` on real video files, against real servers."""

import re
import shutil
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import av
import numpy as np
import pytest
from click.testing import CliRunner
from damage import damage_last_frame
from PIL import Image
from tiny_separator import CLIP

from data_prep.media.clip import read_audio, read_clip
from data_prep.media.encoding import write_video
from data_prep.media.pcm import to_float
from data_prep.media.probe import probe
from serving.client import SeparationClient
from serving.commands import main
from serving.separate import separate

SECONDS = 3
FACTOR = 14  # 16 pixels become 224


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write videos whose brightness rises by 8 per frame: with a tone, silent, and shorter ones."""
    folder = tmp_path_factory.mktemp("videos")
    count = int(SECONDS * CLIP.fps)
    size = (CLIP.height, CLIP.width, 3)
    frames = np.stack([np.full(size, 20 + 8 * k, np.uint8) for k in range(count)])
    time = np.arange(SECONDS * CLIP.sample_rate) / CLIP.sample_rate
    tone = (32000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)
    write_video(folder / "tone.mp4", frames, fps=CLIP.fps, audio=tone, sample_rate=CLIP.sample_rate)
    write_video(folder / "mute.mp4", frames, fps=CLIP.fps)
    write_video(folder / "short.mp4", frames[:3], fps=CLIP.fps)
    write_video(folder / "window.mp4", frames[: CLIP.frames], fps=CLIP.fps)
    (folder / "text.mp4").write_text("no video")
    return folder


def command(*arguments):
    """Separate a window, the middle one unless the arguments name another."""
    if "--window" not in arguments:
        arguments = (*arguments, "--window", "middle")
    return CliRunner().invoke(main, ["separate", *map(str, arguments)])


def refused(*arguments):
    """Run a command that must fail, and return its last line."""
    result = command(*arguments)
    assert result.exit_code in (1, 2)
    assert result.stdout == ""
    assert re.fullmatch(r"(waiting [^\n]+\n)?error: [^\n]+\n", result.stderr)
    return result.stderr


def read_video(path):
    with av.open(str(path)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


def brightness(path):
    """Return the mean brightness of each frame of a video."""
    return read_video(path).mean((1, 2, 3))


def test_with_control_the_chosen_output_has_the_cue(folder, control_server, tmp_path):
    output = tmp_path / "new" / "output"
    result = command(
        folder / "tone.mp4", "--server", control_server, "--window", 1, "--output", output
    )
    assert result.exit_code == 0, result.output
    names = {path.name for path in output.iterdir()}
    assert names == {
        "input.mp4",
        "output_1.mp4",
        "output_2.mp4",
        "side_by_side.mp4",
        "side_by_side.png",
    }
    for name in names:
        assert f"  {name} " in result.stdout
    assert re.search(
        r"output_1.mp4 +output 1, chosen, score 0\.[01]\d\d, with audio\n", result.stdout
    )
    assert re.search(r"output_2.mp4 +output 2, score 0\.[89]\d\d\n", result.stdout)
    has_audio = {name: probe(output / name).has_audio for name in names if name.endswith(".mp4")}
    assert has_audio == {
        "input.mp4": True,
        "output_1.mp4": True,
        "output_2.mp4": False,
        "side_by_side.mp4": True,
    }
    assert list(tmp_path.iterdir()) == [tmp_path / "new"]
    assert list((tmp_path / "new").iterdir()) == [output]


def test_the_videos_show_the_window_and_its_outputs(folder, plain_server, tmp_path):
    result = command(
        folder / "tone.mp4", "--server", plain_server.address, "--window", 1, "--output", tmp_path
    )
    assert result.exit_code == 0, result.output
    taken = read_clip(folder / "tone.mp4", CLIP, start=1).frames.mean((1, 2, 3))
    np.testing.assert_allclose(taken, 20 + 8 * np.arange(8, 12), atol=2)
    info = probe(tmp_path / "output_1.mp4")
    assert (info.height, info.width, info.fps) == (16 * FACTOR, 24 * FACTOR, CLIP.fps)
    for name, expected in (("input", taken), ("output_1", taken), ("output_2", 255 - taken)):
        np.testing.assert_allclose(brightness(tmp_path / f"{name}.mp4"), expected, atol=2)
        assert probe(tmp_path / f"{name}.mp4").has_audio
    beside = read_video(tmp_path / "side_by_side.mp4")
    for index, expected in enumerate((taken, taken, 255 - taken)):
        place = beside[:, 40:-20, beside.shape[2] // 3 * index + 20 :][:, :, :200]
        np.testing.assert_allclose(place.mean((1, 2, 3)), expected, atol=2)
    sheet = np.asarray(Image.open(tmp_path / "side_by_side.png"))
    assert sheet.shape[0] > 3 * 16 * FACTOR
    assert sheet.shape[1] > CLIP.frames * 24 * FACTOR


def test_a_whole_video_keeps_its_size_rate_length_and_audio(folder, control_server, tmp_path):
    words = ["separate", str(folder / "tone.mp4"), "--server", control_server, "--output"]
    result = CliRunner().invoke(main, [*words, str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert re.search(r"  output_1.mp4 +chosen in 100% of the video\n", result.stdout)
    assert re.search(r"  output_2.mp4 +chosen in 0% of the video\n", result.stdout)
    count = int(SECONDS * CLIP.fps)
    assert f"{count} frames of {CLIP.width}x{CLIP.height}, " in result.stdout
    taken = 20 + 8 * np.arange(count)
    for name, expected in (("output_1", taken), ("output_2", 255 - taken)):
        path = tmp_path / "out" / f"{name}.mp4"
        np.testing.assert_allclose(brightness(path), expected, atol=2)
        info = probe(path)
        assert (info.height, info.width, info.fps) == (CLIP.height, CLIP.width, CLIP.fps)
        assert info.duration == pytest.approx(SECONDS, abs=1 / CLIP.fps)
        audio = [
            read_audio(file, start=0, samples=SECONDS * CLIP.sample_rate, sample_rate=8000)
            for file in (folder / "tone.mp4", path)
        ]
        np.testing.assert_array_equal(*audio)
    again = CliRunner().invoke(main, [*words, str(tmp_path / "out")])
    assert "must be a new or empty folder" in again.stderr


def test_the_middle_window_is_the_default(folder, plain_server):
    with SeparationClient(plain_server.address) as client:
        middle = separate(client, str(folder / "tone.mp4"))
        whole = separate(client, str(folder / "window.mp4"))
    assert middle.start == pytest.approx((SECONDS - CLIP.seconds) / 2, abs=0.01)
    assert whole.start == pytest.approx(0, abs=0.01)


def test_damage_outside_the_window_does_not_matter(folder, plain_server, tmp_path):
    path = tmp_path / "damaged.mp4"
    shutil.copyfile(folder / "tone.mp4", path)
    damage_last_frame(path)
    result = command(path, "--server", plain_server.address, "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "damaged.mp4, 1.25 to 1.75 s, separated" in result.stdout
    late = ("--server", plain_server.address, "--output", tmp_path / "late", "--window", 2.5)
    assert re.search(r"damaged\.mp4: .*(damaged|decoded)", refused(path, *late))


def test_the_command_examines_the_file_once(folder, plain_server, tmp_path, monkeypatch):
    examined = []

    def counting(path, *, decode=True):
        examined.append(path.name)
        return probe(path, decode=decode)

    monkeypatch.setattr("serving.separation.commands.probe", counting)
    monkeypatch.setattr("serving.separate.probe", counting)
    words = ("--server", plain_server.address, "--output", tmp_path / "out")
    assert command(folder / "tone.mp4", *words).exit_code == 0
    assert examined == ["tone.mp4"]


def test_the_audio_of_another_file_is_the_cue(folder, control_server):
    with SeparationClient(control_server) as client:
        mute, tone = str(folder / "mute.mp4"), str(folder / "tone.mp4")
        silent = separate(client, mute, start=0.5)
        cued = separate(client, mute, start=0.5, cue=tone)
    assert (silent.chosen, cued.chosen) == (1, 0)
    assert not silent.cue.any()
    audio = read_audio(tone, start=0.5, samples=CLIP.samples, sample_rate=CLIP.sample_rate)
    np.testing.assert_array_equal(cued.cue, audio)
    np.testing.assert_allclose(cued.scores[1], np.abs(to_float(audio)).max(), rtol=1e-6)


def test_a_silent_cue_is_reported_and_its_output_is_silent(folder, control_server, tmp_path):
    result = command(folder / "mute.mp4", "--server", control_server, "--output", tmp_path / "out")
    assert "The cue is silent" in result.stdout
    assert not any(probe(path).has_audio for path in (tmp_path / "out").glob("*.mp4"))


def test_the_command_does_not_load_tensorflow(folder, plain_server, tmp_path):
    words = ["separate", folder / "tone.mp4", "--server", plain_server.address]
    words = [*map(str, words), "--output", str(tmp_path / "out"), "--window", "middle"]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "serving", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    assert " grpc" in done.stderr
    assert not re.search(r" tensorflow(\.|$)", done.stderr, re.MULTILINE)


def test_the_command_waits_for_a_server_that_is_starting(
    folder, plain_server, serve_folder, tmp_path, capsys
):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    words = ["separate", folder / "tone.mp4", "--server", f"127.0.0.1:{port}"]
    words = [*map(str, words), "--output", str(tmp_path / "out"), "--wait", "60"]
    words += ["--window", "middle"]
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(main, words, standalone_mode=False)
        printed = ""
        while not printed and not done.done():
            printed = capsys.readouterr().err
            time.sleep(0.05)
        assert printed == f"waiting up to 60 s for separator at 127.0.0.1:{port}\n"
        with serve_folder(plain_server.folder, port=port):
            done.result(timeout=60)
    assert (tmp_path / "out" / "side_by_side.png").is_file()


def test_errors_name_the_argument_and_leave_nothing(folder, plain_server, tmp_path):
    server, output = ("--server", plain_server.address), ("--output", tmp_path / "new" / "out")
    tone = folder / "tone.mp4"
    for arguments, words in (
        ((folder / "text.mp4", *server), r"text\.mp4: "),
        ((folder / "none.mp4", *server), r"none\.mp4: "),
        (
            (folder / "short.mp4", *server),
            r"short.mp4: must last at least 0\.50 s, .* got 0\.3\d s",
        ),
        (
            (tone, *server, "--window", 2.9),
            r"--window: must be from 0 to 2\.50 .* lasts 3\.00 s, got 2\.9",
        ),
        ((tone, *server, "--window", -1), r"--window: must be .*, got -1"),
        ((tone, *server, "--cue", tone), r"--cue .*tone\.mp4: must be left out"),
        (
            (tone, *server, "--model", "other", "--wait", 3),
            r"waiting up to 3 s for other at .*\nerror: not ready .*: other at .*NOT_FOUND",
        ),
        (
            (tone, "--server", "127.0.0.1:1", "--wait", 0.1),
            r"waiting up to 0\.1 s for .*\nerror: .* no server answers at 127\.0\.0\.1:1",
        ),
        ((tone, "--server", "nowhere"), r"error: .*must be HOST:PORT, got nowhere"),
    ):
        assert re.search(words, refused(*arguments, *output))
        assert list(tmp_path.iterdir()) == []


def test_an_invalid_audio_file_is_named(folder, control_server, tmp_path):
    audio = ("--cue", folder / "text.mp4")
    server = ("--server", control_server)
    assert "text.mp4: " in refused(folder / "tone.mp4", *server, *audio, "--output", tmp_path)


def test_a_folder_with_files_is_left_alone(folder, plain_server, tmp_path):
    (tmp_path / "mine").write_text("mine")
    server = ("--server", plain_server.address)
    error = refused(folder / "tone.mp4", *server, "--output", tmp_path)
    assert "must be a new or empty folder, got one with files" in error
    error = refused(folder / "tone.mp4", *server, "--output", tmp_path / "mine")
    assert "must be a folder, got a file" in error
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
