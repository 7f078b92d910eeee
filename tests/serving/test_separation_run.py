"""Whole videos are separated into files, with a perfect separator that shuffles its outputs."""

import os
import threading
import time

import av
import numpy as np
import pytest
from halving_separator import HalvingSeparator, OneVersion

from data_prep.config import ClipConfig
from data_prep.errors import UserError
from data_prep.media.clip import read_audio
from data_prep.media.encoding import write_video
from data_prep.media.pcm import to_float
from data_prep.media.probe import probe
from serving.description import ModelDescription
from serving.separation import separation_run
from serving.separation.opened_run import opened_run
from serving.separation.summary import describe
from serving.separation.windows import plan_windows

CLIP = ClipConfig(frames=8, fps=10, height=16, width=16, short_side=16, sample_rate=8000)
FPS, COUNT, HEIGHT, WIDTH = 24, 100, 48, 80


class ColorSeparator(OneVersion):
    """Separates what is red from what is green, and returns the two in random order.

    With control, it chooses the red one.
    """

    def __init__(self, uses_audio=False, fails_at=None):
        self.uses_audio, self.fails_at = uses_audio, fails_at
        self.calls, self.running, self.most = [], 0, 0
        self._rng, self._lock = np.random.default_rng(len("seed")), threading.Lock()

    def description(self):
        return ModelDescription(
            kind="separator", system="colors", control="", uses_audio=self.uses_audio, clip=CLIP
        )

    def separate(self, video, audio=None):
        with self._lock:
            self.calls.append((video, audio))
            if len(self.calls) == self.fails_at:
                raise UserError("server: gone")
            self.running += 1
            self.most = max(self.most, self.running)
            order = self._rng.permutation(2)
        time.sleep(0.001)
        layers = np.repeat(video[..., :2].transpose(3, 0, 1, 2)[..., np.newaxis], 3, axis=-1)
        with self._lock:
            self.running -= 1
        answer = {"outputs": layers[order]}
        if self.uses_audio:
            answer["chosen"] = np.int32(np.flatnonzero(order == 0)[0])
        return answer


def mixture():
    """Return a red and a green pattern that move, with a cut after 60 frames."""
    rows, columns, times = np.ogrid[:HEIGHT, :WIDTH, :COUNT]
    frames = np.zeros((COUNT, HEIGHT, WIDTH, 3), np.uint8)
    for color, (speed, jump) in enumerate(((0.05, 3), (-0.03, 2.5))):
        inner = 0.11 * (rows + (1 + color) * columns) + speed * times + jump * (times >= 60)
        frames[..., color] = (128 + 90 * np.sin(inner)).round().transpose(2, 0, 1)
    return frames


def tone(seconds, rate=8000):
    """Return audio that grows louder."""
    steps = np.arange(int(seconds * rate))
    return (steps / len(steps) * 20_000 * np.sin(steps * 0.3)).astype(np.int16)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("mixed") / "video.mp4"
    write_video(path, mixture(), fps=FPS, audio=tone(COUNT / FPS), sample_rate=8000)
    return str(path)


def read_video(path):
    with av.open(str(path)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


def complete(separator, video, output, **options):
    with opened_run(separator, video, str(output), **options) as run:
        return run, run.complete()


def colors_of(frames):
    """Return the color, 0 or 1, that each frame of an output resembles."""
    truth = mixture().astype(float)[..., :2]
    costs = np.abs(frames.mean(-1)[..., np.newaxis] - truth).mean((1, 2))
    return costs.argmin(-1), costs.min(-1)


def test_outputs_are_the_layers_at_the_size_rate_and_length_of_the_video(video, tmp_path):
    separator = ColorSeparator()
    run, names = complete(separator, video, tmp_path / "out")
    assert names == ["output_1.mp4", "output_2.mp4"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert run.state.shots == ((0, 25), (25, 42))
    assert run.done == COUNT
    seen = []
    for name in names:
        info, source = probe(tmp_path / "out" / name), probe(video)
        assert (info.height, info.width, info.fps) == (HEIGHT, WIDTH, FPS)
        assert info.duration == pytest.approx(source.duration, abs=1e-3)
        frames = read_video(tmp_path / "out" / name)
        assert len(frames) == COUNT
        colors, costs = colors_of(frames)
        seen.append(set(colors[:60])), seen.append(set(colors[60:]))
        assert costs.max() < 12
        audio = [read_audio(p, start=0, samples=8000, sample_rate=8000)
                 for p in (video, tmp_path / "out" / name)]  # fmt: skip
        np.testing.assert_array_equal(*audio)
    assert all(len(colors) == 1 for colors in seen)  # unbroken within each shot
    assert seen[0] != seen[2]


def test_few_windows_are_separated_at_the_same_time(video, tmp_path):
    separator = ColorSeparator()
    complete(separator, video, tmp_path / "out", parallel=3)
    assert 1 <= separator.most <= 3


def test_with_control_the_choice_is_one_output_throughout(video, tmp_path):
    separator = ColorSeparator(uses_audio=True)
    run, names = complete(separator, video, tmp_path / "out")
    (chosen,) = {result.chosen for result in run.state.windows}
    colors, _ = colors_of(read_video(tmp_path / "out" / names[chosen]))
    assert set(colors) == {0}
    assert not any(result.is_silent for result in run.state.windows)
    heard = [audio for _, audio in separator.calls]
    for window in plan_windows([range(*shot) for shot in run.state.shots], CLIP.frames, 4):
        shown = int(window.start * FPS / CLIP.fps) / FPS  # when the video shows its first frame
        cue = read_audio(video, start=shown, samples=CLIP.samples, sample_rate=8000)
        assert any(np.array_equal(to_float(cue), audio) for audio in heard)


def test_without_a_cue_it_is_silent(video, tmp_path):
    separator = ColorSeparator(uses_audio=True)
    run, _ = complete(separator, video, tmp_path / "out", cue="none")
    assert all(result.is_silent for result in run.state.windows)
    assert not any(audio.any() for _, audio in separator.calls)


def test_an_interrupted_run_resumes_and_gives_the_same(video, tmp_path, monkeypatch):
    monkeypatch.setattr(separation_run, "_PART_SECONDS", 0.5)
    complete(ColorSeparator(), video, tmp_path / "whole")
    with pytest.raises(UserError, match="gone"):
        complete(ColorSeparator(fails_at=7), video, tmp_path / "out")
    kept = {path.name for path in (tmp_path / "out" / "unfinished").iterdir()}
    assert {"state.json", "output_1_from_00000000.mp4", "output_2_from_00000000.mp4"} <= kept
    again = ColorSeparator()
    with opened_run(again, video, str(tmp_path / "out")) as run:
        assert 0 < run.done < COUNT
        calls = len(run.state.windows)
        run.complete()
    total = len(run.state.windows)
    assert 0 < calls < total
    assert len(again.calls) < total
    first = [read_video(tmp_path / "whole" / f"output_{i}.mp4") for i in (1, 2)]
    second = [read_video(tmp_path / "out" / f"output_{i}.mp4") for i in (1, 2)]
    if colors_of(first[0])[0][0] != colors_of(second[0])[0][0]:
        second.reverse()
    for a, b in zip(first, second, strict=True):
        assert np.abs(a[:60].astype(int) - b[:60]).max() <= 1
    assert not (tmp_path / "out" / "unfinished").exists()


def test_one_run_at_a_time_writes_to_a_folder(video, tmp_path):
    output = tmp_path / "out"
    with opened_run(ColorSeparator(), video, str(output)) as run:
        with pytest.raises(UserError, match="must have one writer at a time"):
            complete(ColorSeparator(), video, output)
        names = run.complete()
    assert sorted(path.name for path in output.iterdir()) == names


def test_an_interrupted_removal_of_the_parts_is_completed(video, tmp_path, monkeypatch):
    monkeypatch.setattr(separation_run, "_PART_SECONDS", 0.5)
    output, removed = tmp_path / "out", []

    def remove_two(path, *, dir_fd=None):
        if "unfinished" in str(path) and not str(path).endswith(".tmp"):
            removed.append(path)
            if len(removed) == 3:
                raise KeyboardInterrupt
        os_unlink(path, dir_fd=dir_fd)

    os_unlink = os.unlink
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", remove_two)
        patch.setattr(os, "remove", remove_two)
        with pytest.raises(KeyboardInterrupt):
            complete(ColorSeparator(), video, output)
    assert (output / "unfinished").is_dir()
    before = (output / "output_1.mp4").read_bytes()
    _, names = complete(ColorSeparator(fails_at=1), video, output)
    assert sorted(path.name for path in output.iterdir()) == names
    assert (output / "output_1.mp4").read_bytes() == before


@pytest.mark.parametrize("step", [2, 40])  # one shot, and a cut at every slide
def test_a_slide_show_is_separated(step, tmp_path, monkeypatch):
    levels = 20 + step * np.arange(24) % 200
    slides = np.broadcast_to(levels[:, None, None, None], (24, HEIGHT, WIDTH, 3))
    write_video(tmp_path / "slides.mp4", slides.astype(np.uint8), fps=0.5)
    with pytest.raises(UserError, match="gone"):
        complete(HalvingSeparator(fails_at=50), str(tmp_path / "slides.mp4"), tmp_path / "out")
    with opened_run(HalvingSeparator(), str(tmp_path / "slides.mp4"), str(tmp_path / "out")) as run:
        assert run.done
        run.complete()
    for number in (1, 2):
        shown = read_video(tmp_path / "out" / f"output_{number}.mp4").mean((1, 2, 3))
        np.testing.assert_allclose(shown, levels / number, atol=3)


def test_an_error_waits_for_no_answer(video, tmp_path):
    class Stuck(ColorSeparator):
        """Answers only after the test, but for one call that fails."""

        def separate(self, video, audio=None):
            with self._lock:
                self.calls.append(video)
                first = len(self.calls) == 1
            if first:
                waiting.wait(60)
                raise UserError("server: gone")
            waiting.set()
            in_time.append(end.wait(60))

    waiting, end, in_time = threading.Event(), threading.Event(), []
    with pytest.raises(UserError, match="gone"):
        complete(Stuck(), video, tmp_path / "out", parallel=2)
    assert in_time == []
    end.set()


def test_a_run_with_other_settings_does_not_resume(video, tmp_path):
    with pytest.raises(UserError, match="gone"):
        complete(ColorSeparator(uses_audio=True, fails_at=3), video, tmp_path / "out")
    with pytest.raises(UserError, match=r"unfinished separation whose cue must be the same, .*"):
        complete(ColorSeparator(uses_audio=True), video, tmp_path / "out", cue="none")


def test_a_run_does_not_resume_with_another_cue_of_the_same_name(video, tmp_path):
    cue = tmp_path / "cue.mp4"
    for seconds in (2, 3):
        audio = tone(seconds)
        write_video(cue, mixture()[:2], fps=FPS, audio=audio, sample_rate=8000)
        with pytest.raises(UserError) as error:
            complete(ColorSeparator(True, fails_at=1), video, tmp_path / "out", cue=str(cue))
    assert "whose cue_bytes must be the same" in str(error.value)


def test_a_folder_with_other_files_is_left_alone(video, tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UserError, match="must be a new or empty folder"):
        complete(ColorSeparator(), video, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_video_shorter_than_a_window_is_separated_too(tmp_path):
    write_video(tmp_path / "short.mp4", mixture()[:5], fps=FPS)
    separator = ColorSeparator()
    complete(separator, str(tmp_path / "short.mp4"), tmp_path / "out")
    assert len(separator.calls) == 1
    frames = read_video(tmp_path / "out" / "output_1.mp4")
    assert frames.shape == (5, HEIGHT, WIDTH, 3)
    assert not probe(tmp_path / "out" / "output_1.mp4").has_audio


def test_a_video_that_is_no_mixture_is_reported(tmp_path):
    frames = np.repeat(mixture()[:50, ..., :1], 3, axis=-1)
    for name, mixed in (("one", frames), ("two", mixture()[:50])):
        write_video(tmp_path / f"{name}.mp4", mixed, fps=FPS)
        run, names = complete(ColorSeparator(), str(tmp_path / f"{name}.mp4"), tmp_path / name)
        assert ("probably shows one video" in describe(run.state, names)[-1]) == (name == "one")


def test_one_shot_is_singular(tmp_path):
    write_video(tmp_path / "short.mp4", mixture()[:5], fps=FPS)
    run, names = complete(ColorSeparator(), str(tmp_path / "short.mp4"), tmp_path / "out")
    assert f"5 frames of {WIDTH}x{HEIGHT}, 1 window in 1 shot" in describe(run.state, names)
