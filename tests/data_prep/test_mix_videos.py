import numpy as np
import pytest

from data_prep import storage
from data_prep.config import MAX_ROWS, MAX_SIDE, ClipConfig
from data_prep.errors import UserError
from data_prep.media.clip import read_audio, read_clip
from data_prep.media.probe import probe
from data_prep.mixing import mix_videos as module
from data_prep.mixing.mix_videos import mix_videos

SIZE = 48
SQUARE = ClipConfig(frames=8, fps=25, height=SIZE, width=SIZE, short_side=SIZE)


def frames(path):
    return read_clip(path, SQUARE, start=0.0).frames.astype(np.float32)


@pytest.fixture
def pair(video_folder):
    return [str(path) for path in sorted(video_folder.rglob("*.mp4"))[:2]]


def test_transparency_is_the_mean_of_both_with_the_audio_of_the_first(pair, tmp_path):
    output = str(tmp_path / "mixed.mp4")
    seconds = mix_videos(*pair, output, size=SIZE, seconds=1.0)
    assert seconds == pytest.approx(1.0)
    assert probe(output).duration == pytest.approx(1.0, abs=0.05)
    mean = (frames(pair[0]) + frames(pair[1])) / 2
    assert np.abs(frames(output) - mean).mean() < 6
    audio = [read_audio(path, start=0.2, samples=4_000, sample_rate=8_000) for path in pair]
    mixed = read_audio(output, start=0.2, samples=4_000, sample_rate=8_000)
    spectra = [np.abs(np.fft.rfft(signal.astype(float))) for signal in (*audio, mixed)]
    assert spectra[2].argmax() == pytest.approx(spectra[0].argmax(), abs=2)
    assert abs(int(spectra[2].argmax()) - int(spectra[1].argmax())) > 2


def test_occlusion_shows_one_or_the_other(pair, tmp_path):
    output = str(tmp_path / "mixed.mp4")
    mix_videos(*pair, output, size=SIZE, seconds=1.0, mixture_type="occlusion", seed=1)
    mixed = frames(output)
    nearer = [np.abs(mixed - frames(path)).mean(axis=-1) for path in pair]
    assert np.minimum(*nearer).mean() < 12
    share = (nearer[0] < nearer[1]).mean()
    assert 0.05 < share < 0.95


def test_a_file_that_is_not_a_video_leaves_nothing(pair, tmp_path):
    wrong = tmp_path / "text.mp4"
    wrong.write_text("not a video")
    with pytest.raises(UserError, match=r"text\.mp4"):
        mix_videos(pair[0], str(wrong), str(tmp_path / "mixed.mp4"))
    assert list(tmp_path.iterdir()) == [wrong]


def test_a_reflection_is_mostly_the_clip_in_front_which_the_seed_draws(pair, tmp_path):
    output = str(tmp_path / "mixed.mp4")
    in_front = set()
    for seed in range(6):
        mix_videos(*pair, output, size=SIZE, seconds=0.4, mixture_type="reflection", seed=seed)
        in_front.add(np.argmin([np.abs(frames(output) - frames(path)).mean() for path in pair]))
    assert in_front == {0, 1}


@pytest.mark.parametrize("mixture_type", ["transparency", "reflection"])
def test_pieces_of_any_length_give_the_same_video(pair, tmp_path, monkeypatch, mixture_type):
    written = []
    for most in (125, 7, 3):
        monkeypatch.setattr(module, "_PIECE_FRAMES", most)
        mix_videos(*pair, str(tmp_path / "mixed.mp4"), size=SIZE, mixture_type=mixture_type)
        written.append((tmp_path / "mixed.mp4").read_bytes())
    assert written[0] == written[1] == written[2]


def test_pieces_of_every_mixture_that_an_mp4_can_hold():
    rng = np.random.default_rng(0)
    for size in (8, 480, MAX_SIDE, *rng.integers(8, MAX_SIDE, 6).tolist()):
        for length in (2, 3, 4, 125, 126, *rng.integers(2, 1_000, 6).tolist()):
            pieces = module._pieces(length, size)
            assert sum(clip.frames for _, clip in pieces) == length
            firsts = np.cumsum([0] + [clip.frames for _, clip in pieces[:-1]])
            assert [first for first, _ in pieces] == firsts.tolist()
            assert all(2 <= clip.frames <= 125 for _, clip in pieces)
            assert all(clip.height == clip.width == size for _, clip in pieces)


@pytest.mark.slow
def test_a_mixture_may_have_more_rows_than_the_jpeg_of_a_record(pair, tmp_path):
    output = str(tmp_path / "mixed.mp4")
    assert mix_videos(*pair, output, size=1_320, seconds=2.0) == 2.0
    assert (probe(output).height, probe(output).duration) == (1_320, 2.0)
    assert MAX_ROWS < 50 * 1_320


@pytest.mark.parametrize("size", [0, 7, 16_385, 10**9])
def test_sizes_that_no_video_has_are_refused(pair, tmp_path, size):
    with pytest.raises(UserError, match=f"size: must be from 8 to 16384 pixels, got {size}"):
        mix_videos(*pair, str(tmp_path / "mixed.mp4"), size=size)
    assert not list(tmp_path.iterdir())


def test_videos_in_remote_stores_are_mixed(pair, tmp_path, memory):
    remote = [f"{memory}/{i}.mp4" for i in range(2)]
    for path, uri in zip(pair, remote, strict=True):
        storage.copy(path, uri)
    mix_videos(*remote, f"{memory}/mixed.mp4", size=SIZE, seconds=0.5)
    mix_videos(*pair, str(tmp_path / "mixed.mp4"), size=SIZE, seconds=0.5)
    mixed = (tmp_path / "mixed.mp4").read_bytes()
    assert storage.read_bytes(f"{memory}/mixed.mp4") == mixed
    with pytest.raises(UserError, match="no such file"):
        mix_videos(f"{memory}/none.mp4", remote[1], f"{memory}/other.mp4")


def test_unknown_mixture_types_are_refused(pair, tmp_path):
    with pytest.raises(UserError, match=r"must be one of transparency, .*, got 'mirror'"):
        mix_videos(*pair, str(tmp_path / "mixed.mp4"), mixture_type="mirror")
