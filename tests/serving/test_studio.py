"""The page of `python -m serving studio` in a real browser, against a real server."""

import os
import re
import signal
import socket
import subprocess
import sys
import wave
import zipfile
from contextlib import ExitStack

import numpy as np
import pytest
from layered_separator import save_layered_model
from playwright.sync_api import expect, sync_playwright
from studio_browser import MAIN, StudioBrowser
from studio_videos import brightening, tone_at, write
from tiny_separator import CLIP
from waiting import until

SECOND = "Second video, to mix (optional)"
OTHER = "Other audio (optional)"
SHIFT = "Audio shift (seconds)"
START = "Window start (seconds)"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Write what is dropped; the middle window is from 1.25 to 1.75 s."""
    folder = tmp_path_factory.mktemp("dropped")
    frames = brightening()
    write(folder / "early.mp4", frames, tone_at(1.25, 1.5))
    write(folder / "late.mp4", np.full_like(frames, 180), tone_at(1.5, 1.75))
    write(folder / "silent.mp4", frames)
    write(folder / "short.mp4", frames[:3])
    (folder / "notes.txt").write_text("no video")
    (folder / "large.mp4").write_bytes(bytes(2**20 + 1))
    with wave.open(str(folder / "late.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(CLIP.sample_rate)
        file.writeframes(tone_at(1.5, 1.75).tobytes())
    return folder


class RestartableServer:
    """A model server that can go away and come back at the same address."""

    def __init__(self, serve_folder, folder):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._serve, self._folder, self._running = serve_folder, folder, ExitStack()

    @property
    def address(self):
        return f"127.0.0.1:{self._port}"

    def start(self):
        self._running.enter_context(self._serve(self._folder, port=self._port))

    def stop(self):
        self._running.close()


@pytest.fixture(scope="module")
def server(serve_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("layered")
    save_layered_model(folder / "3")
    server = RestartableServer(serve_folder, folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make the folder of the command's temporary files."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def url(server, folder):
    """Start the command, give the page's address, and end it by SIGTERM.

    It asks no other host, prints nothing else, and leaves no file.
    """
    words = ["studio", "--server", server.address, "--port", "0", "--max-mib", "1"]
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        with subprocess.Popen(
            [sys.executable, "-m", "serving", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "TMPDIR": str(folder),
                "http_proxy": address,
                "https_proxy": address,
            },
        ) as process:
            try:
                line = process.stdout.readline()
                yield re.fullmatch(r"studio at (http://127\.0\.0\.1:\d+)\n", line)[1]
            finally:
                process.send_signal(signal.SIGTERM)
            rest = process.communicate(timeout=60)
        assert (process.returncode, *rest) == (0, "", "")
        assert list(folder.iterdir()) == []
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):
            proxy.accept()


@pytest.fixture(scope="module")
def browser(require_command):
    chromium = require_command("chromium")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]) as browser,
    ):
        yield browser


@pytest.fixture
def studio(browser, url):
    """Open the page as a new visitor; whatever happens, only this machine is asked."""
    with browser.new_context(viewport={"width": 1400, "height": 900}) as visitor:
        studio = StudioBrowser(visitor.new_page(), url)
        yield studio
        assert len(studio.requested) > 5
        assert [asked for asked in studio.requested if not asked.startswith((url, "data:"))] == []


def test_a_video_is_shown_with_all_its_layers(studio, files):
    studio.drop("Video", files / "early.mp4")
    studio.expect_choice(1)
    for index in range(CLIP.frames):
        studio.seek((index + 0.5) / CLIP.fps)
        shown = 20 + 8 * (10 + index)
        expected = {
            f"{MAIN}: Input": shown,
            f"{MAIN}: Output 1": shown,
            f"{MAIN}: Output 2": 255 - shown,
            "Layers: Layer 1": shown,
            "Layers: Layer 2": 255 - shown,
            "Layers: Layer 3": 0,
            "Coefficients of output 1: Layer 1": 255,
            "Coefficients of output 1: Layer 2": 0,
            "Coefficients of output 1: Layer 3": 0,
            "Coefficients of output 2: Layer 1": 0,
            "Coefficients of output 2: Layer 2": 255,
            "Coefficients of output 2: Layer 3": 0,
            "Masks: Mask 1": 255,
            **{f"Masks: Mask {mask}": 0 for mask in range(2, 10)},
        }
        studio.expect_look(expected)
        assert studio.look().keys() == expected.keys()


def test_large_groups_are_folded_and_groups_stay_as_they_are_left(studio, files):
    def group(name):
        heading = studio.page.get_by_role("heading", name=name, exact=True)
        return heading, studio.player.locator("details", has=heading).get_by_role("img").first

    studio.drop("Video", files / "early.mp4")
    studio.expect_choice(1)
    (layers, layer), (masks, mask) = group("Layers"), group("Masks")
    expect(layer).to_be_visible()
    expect(mask).to_be_hidden()
    layers.click()
    masks.click()
    expect(layer).to_be_hidden()
    expect(mask).to_be_visible()
    studio.set_slider(SHIFT, -0.25)
    studio.expect_choice(2)
    expect(layer).to_be_hidden()
    expect(mask).to_be_visible()


def test_all_videos_play_in_sync(studio, files):
    studio.drop("Video", files / "early.mp4")
    studio.expect_choice(1)
    studio.expect_frames()
    seen = set()
    for _ in range(20):
        shown = studio.look()
        assert shown[f"{MAIN}: Input"] + shown[f"{MAIN}: Output 2"] == pytest.approx(255, abs=4)
        seen.add(round(shown[f"{MAIN}: Input"]))
    assert len(seen) > 1


def test_the_choice_follows_the_audio(studio, files):
    studio.drop("Video", files / "early.mp4")
    studio.expect_choice(1)
    studio.set_slider(SHIFT, -0.25)
    studio.expect_choice(2)
    studio.set_slider(SHIFT, 0)
    studio.expect_choice(1)
    studio.drop(OTHER, files / "late.wav")
    studio.expect_choice(2)
    expect(studio.page.get_by_role("radio", name="Other audio")).to_be_checked()
    studio.page.get_by_role("radio", name="Silence").check()
    expect(studio.player.get_by_role("status")).to_have_text(re.compile("silent"))
    studio.remove(OTHER)
    studio.expect_choice(1)


def test_other_audio_may_be_dropped_first(studio, files):
    studio.drop(OTHER, files / "late.wav")
    expect(studio.page.get_by_role("radio", name="Other audio")).to_be_checked()
    studio.drop("Video", files / "early.mp4")
    studio.expect_choice(2)


def test_another_window_is_separated(studio, files):
    studio.drop("Video", files / "early.mp4")
    studio.expect_choice(1)
    studio.set_slider(START, 1.0)
    studio.expect_choice(2)
    studio.seek(0.5 / CLIP.fps)
    studio.expect_look({f"{MAIN}: Input": 20 + 8 * 8})


def test_two_videos_are_mixed(studio, files):
    studio.drop("Video", files / "early.mp4")
    studio.expect_choice(1)
    studio.drop(SECOND, files / "late.mp4")
    studio.page.get_by_role("radio", name="Second video").check()
    studio.expect_choice(2)
    studio.seek(0.5 / CLIP.fps)
    # The mixture has 25 frames per second, so its frame may be the one before.
    studio.expect_look({f"{MAIN}: Input": (20 + 8 * 9.5 + 180) / 2}, within=6)
    studio.page.get_by_role("radio", name="First video").check()
    studio.expect_choice(1)
    studio.remove(SECOND)
    expect(studio.page.get_by_role("radio", name="Second video")).to_be_hidden()


def test_the_results_are_downloaded(studio, files, tmp_path):
    studio.drop("Video", files / "early.mp4")
    studio.expect_choice(1)
    with studio.page.expect_download() as download:
        studio.page.get_by_role("button", name="Download the results").click()
    download.value.save_as(tmp_path / download.value.suggested_filename)
    with zipfile.ZipFile(tmp_path / "separated.zip") as archive:
        assert archive.testzip() is None
        names = {name.removeprefix("separated/") for name in archive.namelist()} - {""}
    assert {"input.mp4", "output_1.mp4", "output_2.mp4", "side_by_side.png"} < names
    assert {"layer_3.mp4", "coefficients_2_3.mp4", "mask_2.mp4"} < names


def test_a_visitor_has_one_mixture_at_a_time(studio, files, folder):
    def mixtures():
        return {path.parent for path in folder.rglob("mixture.mp4")}

    others = mixtures()
    studio.drop("Video", files / "early.mp4")
    studio.drop(SECOND, files / "late.mp4")
    expect(studio.page.get_by_role("radio", name="Second video")).to_be_visible()
    until(lambda: len(mixtures() - others) == 1)
    studio.page.get_by_role("radio", name="Occlusion").check()
    studio.remove(SECOND)
    expect(studio.page.get_by_role("radio", name="Second video")).to_be_hidden()
    until(lambda: mixtures() == others)


def test_files_in_use_do_not_grow_old(studio, files, folder):
    """Gradio deletes uploads by the time of their last change."""
    studio.drop("Video", files / "early.mp4")
    studio.expect_choice(1)
    [upload] = folder.rglob("early.mp4")
    before = upload.stat().st_ctime_ns
    studio.set_slider(SHIFT, -0.25)
    studio.expect_choice(2)
    assert upload.stat().st_ctime_ns > before


def test_a_file_that_is_too_large_is_refused(studio, files):
    studio.drop("Video", files / "large.mp4")
    expect(studio.page.get_by_text('maximum allowed size of 1.0 Mb: "large.mp4"')).to_be_visible()
    studio.drop("Video", files / "early.mp4")
    studio.expect_choice(1)


def test_an_error_is_one_sentence_and_the_page_goes_on(studio, files):
    studio.drop("Video", files / "notes.txt")
    studio.expect_error(r"^notes\.txt: is text, not a media file$")
    studio.remove("Video")
    expect(studio.player.get_by_text("Drop a video")).to_be_visible()
    studio.drop("Video", files / "short.mp4")
    studio.expect_error(r"^short\.mp4: must last at least 0\.50 s, .* got 0\.\d+ s$")
    studio.drop(SECOND, files / "late.mp4")
    studio.expect_error(r"^mixture\.mp4: must last at least 0\.50 s, .* got 0\.\d+ s$")
    studio.remove(SECOND)
    studio.remove("Video")
    studio.drop("Video", files / "silent.mp4")
    status = studio.player.get_by_role("status")
    expect(status).to_have_text(re.compile("silent"))
    studio.drop(OTHER, files / "notes.txt")
    studio.expect_error(r"^notes\.txt: is text, not a media file$")
    studio.remove(OTHER)
    studio.drop(OTHER, files / "late.wav")
    studio.expect_choice(2)


def test_a_server_that_goes_away_may_come_back(studio, files, server):
    server.stop()
    try:
        studio.drop("Video", files / "early.mp4")
        studio.expect_error(rf"^No server answers at {re.escape(server.address)}\. Start it, ")
    finally:
        server.start()
    studio.remove("Video")
    studio.drop("Video", files / "early.mp4")
    studio.expect_choice(1)


@pytest.mark.parametrize("width", [1400, 400])
def test_everything_fits_and_has_a_name(studio, files, width):
    studio.page.set_viewport_size({"width": width, "height": 900})
    studio.drop("Video", files / "early.mp4")
    studio.expect_choice(1)
    assert studio.page.evaluate("document.documentElement.scrollWidth") == width
    controls = re.findall(
        r"- (?:button|slider|spinbutton|radio|textbox|link)\b.*",
        studio.page.locator("body").aria_snapshot(),
    )
    assert len(controls) >= 10
    assert [control for control in controls if '"' not in control] == []
    assert studio.page.locator("footer").is_hidden()
