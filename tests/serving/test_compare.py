"""`python -m serving mix` and `compare`: known mixtures, and the scores of what was separated."""

import re
import shutil
from dataclasses import asdict

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from data_prep.errors import UserError
from data_prep.media.clip import read_audio
from data_prep.media.encoding import write_video
from data_prep.media.probe import probe
from data_prep.media.whole_video import read_whole
from models.losses.reconstruction import reconstruction
from models.quality import psnr, ssim
from serving.commands import main
from serving.comparison import frame_measures
from serving.comparison.compare import compare
from serving.comparison.frame_sequences import FrameSequence, find_sequences

FPS, COUNT, HEIGHT, WIDTH = 10, 30, 36, 48


def pattern(seed, count=COUNT, height=HEIGHT, width=WIDTH):
    """Return a smooth video that moves."""
    rows, columns, times = np.ogrid[:height, :width, :count]
    rng = np.random.default_rng(seed)
    channels = [
        128 + 100 * np.sin(0.2 * (rng.random() * rows + rng.random() * columns) + 0.3 * times * k)
        for k in rng.normal(size=3)
    ]
    return np.stack(channels, axis=-1).transpose(2, 0, 1, 3).round().astype(np.uint8)


def invoke(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def frames_of(path, count=COUNT, fps=FPS, height=HEIGHT, width=WIDTH):
    return np.stack(list(read_whole(path, np.arange(count) / fps, height=height, width=width)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two videos of different sizes and rates, the first with a tone, and their mixture."""
    folder = tmp_path_factory.mktemp("known")
    tone = (9000 * np.sin(np.arange(3 * 16_000) * 0.2)).astype(np.int16)
    write_video(folder / "a.mp4", pattern(1), fps=FPS, audio=tone, sample_rate=16_000)
    write_video(folder / "b.mp4", pattern(2, 70, 64, 64), fps=20)
    result = invoke("mix", folder / "a.mp4", folder / "b.mp4", "--output", folder / "mixture.mp4")
    assert result.exit_code == 0, result.output
    assert "3.00 s of" in result.output
    return folder


@pytest.fixture
def outputs(folder, tmp_path):
    """A perfect separation, in the other order and beside another video."""
    made = tmp_path / "outputs"
    made.mkdir()
    shutil.copy(folder / "mixture_truth/truth_1.mp4", made / "output_2.mp4")
    shutil.copy(folder / "mixture_truth/truth_2.mp4", made / "output_1.mp4")
    shutil.copy(folder / "mixture.mp4", made / "input.mp4")
    return made


def test_a_mixture_has_the_size_rate_and_audio_of_the_first(folder):
    info = probe(folder / "mixture.mp4")
    assert (info.height, info.width, info.fps) == (HEIGHT, WIDTH, FPS)
    assert info.duration == pytest.approx(3, abs=1e-3)
    heard = [
        read_audio(folder / name, start=0, samples=24_000, sample_rate=8_000).astype(float)
        for name in ("a.mp4", "mixture.mp4")
    ]
    assert np.corrcoef(*heard)[0, 1] > 0.98


def test_the_truth_makes_the_mixture(folder):
    first, second, mixture = (
        frames_of(folder / name).astype(float)
        for name in ("mixture_truth/truth_1.mp4", "mixture_truth/truth_2.mp4", "mixture.mp4")
    )
    assert np.abs((first + second) / 2 - mixture).mean() < 3
    assert np.abs(first - pattern(1)).mean() < 8
    # The second video's frames are those shown at the first one's times, at its size.
    shown = np.stack([np.asarray(Image.fromarray(f).resize((WIDTH, HEIGHT), Image.Resampling.BOX))
                      for f in pattern(2, 70, 64, 64)[: 2 * COUNT : 2]])  # fmt: skip
    assert np.abs(second - shown).mean() < 8


@pytest.mark.parametrize("kind", ["occlusion", "reflection"])
def test_other_mixtures_have_their_truth_too(folder, kind, tmp_path):
    words = (folder / "a.mp4", folder / "b.mp4", "--output", tmp_path / "m.mp4")
    result = invoke("mix", *words, "--type", kind, "--seconds", 1)
    assert result.exit_code == 0, result.output
    first, second, mixture = (
        frames_of(tmp_path / name, count=10).astype(float)
        for name in ("m_truth/truth_1.mp4", "m_truth/truth_2.mp4", "m.mp4")
    )
    low, high = np.minimum(first, second), np.maximum(first, second)
    assert np.mean((mixture >= low - 20) & (mixture <= high + 20)) > 0.97
    assert not np.allclose(mixture, (first + second) / 2, atol=20)


def test_a_truth_is_not_replaced_by_the_mixture_of_it(folder, tmp_path):
    made = tmp_path / "m_truth"
    shutil.copytree(folder / "mixture_truth", made)
    result = invoke("mix", *sorted(made.iterdir()), "--output", tmp_path / "m.mp4")
    assert result.exit_code == 1
    assert f"error: {made}/truth_1.mp4: must be another file than the videos" in result.stderr
    assert not (tmp_path / "m.mp4").exists()
    for file in made.iterdir():
        assert file.read_bytes() == (folder / "mixture_truth" / file.name).read_bytes()


def test_measures_are_those_of_the_evaluation():
    truth, video = pattern(1, 4), pattern(2, 4)
    real, made = (x[np.newaxis].astype(np.float32) / 127.5 - 1 for x in (truth, video))
    errors = frame_measures.errors(video, truth)
    for ours, theirs in (
        (frame_measures.loss(errors), reconstruction(real, made[:, np.newaxis])[0, 0]),
        (frame_measures.psnr(errors), psnr(real, made)[0]),
        (frame_measures.ssim(video, truth), ssim(real, made)[0]),
    ):
        assert ours.mean() == pytest.approx(float(theirs), rel=1e-3)


def test_flicker_is_the_error_of_changes():
    constant = np.full((4, 8, 8, 3), 40, np.float32)
    assert frame_measures.flicker(constant).tolist() == [0, 0, 0]
    blinking = np.zeros((3, 2, 2, 3), np.float32)
    blinking[1] = -10
    assert frame_measures.flicker(blinking).tolist() == [10, 10]


@pytest.mark.parametrize("frames", [1, 4])
def test_long_videos_are_compared_in_pieces(frames, folder, outputs, monkeypatch):
    def scores():
        return compare(find_sequences(outputs), find_sequences(folder / "mixture_truth")).scores

    whole = scores()
    monkeypatch.setattr("serving.comparison.compare._PIECE_PIXELS", frames * HEIGHT * WIDTH)
    for piecewise, expected in zip(scores(), whole, strict=True):
        assert asdict(piecewise) == pytest.approx(asdict(expected), rel=1e-5)


def test_outputs_are_assigned_to_the_truth(folder, outputs):
    result = invoke(
        *("compare", outputs, "--truth", folder / "mixture_truth"),
        *("--mixture", folder / "mixture.mp4"),
    )
    assert result.exit_code == 0, result.output
    for video, true in (("output_2", "truth_1"), ("output_1", "truth_2")):
        row = rf"{video}.mp4 +│ {true}.mp4 +│ +0.000 │ +106\.02 │ 1\.000 │ +0.00"
        assert re.search(row, result.output)
    (identity,) = re.findall(r"\(Identity\) +│ +│ +(\d\.\d+) │", result.output)
    assert 0.2 < float(identity) < 2
    assert "input.mp4" not in result.output
    assert "shows the same true one in all 3 seconds" in result.output


def test_a_second_in_which_outputs_change_places_is_reported(folder, tmp_path):
    a, b = (frames_of(folder / f"mixture_truth/truth_{i}.mp4") for i in (1, 2))
    for name, (first, second) in (("x", (a, b)), ("y", (b, a))):
        changed = np.concatenate([first[:20], second[20:]])
        write_video(tmp_path / f"{name}.mp4", changed, fps=FPS)
    found = compare(find_sequences(tmp_path), find_sequences(folder / "mixture_truth"))
    assert found.names == (("x.mp4", "truth_1.mp4"), ("y.mp4", "truth_2.mp4"))
    assert (found.seconds, found.switched) == (3, (2,))
    result = invoke("compare", tmp_path, "--truth", folder / "mixture_truth")
    assert "change places in 1 of 3 seconds: 2." in result.output


@pytest.mark.parametrize(("count", "fps", "seconds"), [(6, 0.5, 12), (30, 29.97, 2)])
def test_every_second_shows_a_frame(count, fps, seconds, tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        for number in (1, 2):
            write_video(tmp_path / name / f"{number}.mp4", pattern(number, count), fps=fps)
    found = compare(find_sequences(tmp_path / "a"), find_sequences(tmp_path / "b"))
    assert found.names == (("1.mp4", "1.mp4"), ("2.mp4", "2.mp4"))
    assert (found.seconds, found.switched) == (seconds, ())


def test_numbers_order_videos_and_images(tmp_path):
    count = 12
    for video in (2, 10):
        (tmp_path / f"layer{video}").mkdir()
        for k in range(count):
            frame = np.full((16, 16, 3), 10 * k + video, np.uint8)
            Image.fromarray(frame).save(tmp_path / f"layer{video}" / f"{k}.png")
    found = find_sequences(tmp_path)
    assert [sequence.name for sequence in found] == ["layer2", "layer10"]
    frames = found[0].read(np.arange(count) / FPS, FPS, 16, 16)
    assert [int(frame[0, 0, 0]) for frame in frames] == [10 * k + 2 for k in range(count)]


def test_a_comparison_shows_its_progress(folder, outputs, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    compare(find_sequences(outputs), find_sequences(folder / "mixture_truth"))
    shown = capsys.readouterr().err
    assert "Comparing" in shown
    assert "SSIM" in shown


def test_folders_of_images_of_another_size_are_scored_the_same_way(folder, tmp_path):
    for index, number in enumerate((1, 2)):
        (tmp_path / f"layer{index}").mkdir()
        for k, frame in enumerate(frames_of(folder / f"mixture_truth/truth_{number}.mp4")):
            larger = Image.fromarray(frame).resize(
                (2 * WIDTH, 2 * HEIGHT), Image.Resampling.BICUBIC
            )
            larger.save(tmp_path / f"layer{index}" / f"{k:05}.png")
    found = compare(find_sequences(tmp_path), find_sequences(folder / "mixture_truth"))
    assert found.names == (("layer0", "truth_1.mp4"), ("layer1", "truth_2.mp4"))
    assert all(score.psnr > 35 for score in found.scores)


def test_the_best_two_of_three_outputs_count(folder, outputs):
    shutil.copy(folder / "mixture.mp4", outputs / "output_0.mp4")
    found = compare(find_sequences(outputs), find_sequences(folder / "mixture_truth"))
    assert found.names == (("output_2.mp4", "truth_1.mp4"), ("output_1.mp4", "truth_2.mp4"))


def test_what_cannot_be_compared_is_named(folder, outputs, tmp_path):
    truth = find_sequences(folder / "mixture_truth")
    with pytest.raises(UserError, match="at least as many as the 2 true ones, got 1"):
        compare(find_sequences(outputs)[:1], truth)
    write_video(tmp_path / "short.mp4", pattern(1)[:20], fps=FPS)
    with pytest.raises(UserError, match=r"short\.mp4: video ends at 2\.00 s"):
        compare([FrameSequence(tmp_path / "short.mp4")] * 2, truth)
    images = tmp_path / "images"
    images.mkdir()
    (images / "0.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"0\.png: must be an image"):
        compare([FrameSequence(images)] * 2, truth)
    Image.fromarray(pattern(1)[0]).save(images / "0.png")
    with pytest.raises(UserError, match="an image for each frame of the truth, got 1 images"):
        compare([FrameSequence(images)] * 2, truth)
    write_video(tmp_path / "tiny.mp4", pattern(1)[:, :10, :10], fps=FPS)
    with pytest.raises(UserError, match=r"tiny\.mp4: must be at least 11 pixels"):
        compare(truth, [FrameSequence(tmp_path / "tiny.mp4")])
