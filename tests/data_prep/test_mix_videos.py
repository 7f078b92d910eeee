import numpy as np
import pytest

from data_prep import storage
from data_prep.config import MAX_ROWS, ClipConfig
from data_prep.errors import UserError
from data_prep.media.clip import read_audio, read_clip, read_forward
from data_prep.media.encoding import write_video
from data_prep.media.probe import probe
from data_prep.mixing import mix_videos as module
from data_prep.mixing.mix_videos import mix_videos
from data_prep.mixing.mixture_types import MIXTURE_TYPES

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


@pytest.mark.parametrize("mixture_type", MIXTURE_TYPES)
def test_pieces_of_any_length_give_the_same_video(pair, tmp_path, monkeypatch, mixture_type):
    written = []
    for most in (125, 7, 3):
        monkeypatch.setattr(module, "_PIECE_BYTES", most * 3 * SIZE**2)
        mix_videos(*pair, str(tmp_path / "mixed.mp4"), size=SIZE, mixture_type=mixture_type)
        written.append((tmp_path / "mixed.mp4").read_bytes())
    assert written[0] == written[1] == written[2]


def test_parts_differ_by_one_frame_at_most():
    rng = np.random.default_rng(0)
    for most in (1, 2, 17, 125):
        for frames in (1, 2, 3, 125, 126, *rng.integers(1, 1_000, 6).tolist()):
            lengths = module._lengths(frames, most)
            assert sum(lengths) == frames
            assert 1 <= min(lengths) <= max(lengths) <= min(most, min(lengths) + 1)


def test_a_large_occlusion_has_the_mask_of_a_small_one(pair, tmp_path, monkeypatch):
    masks = []
    share = module.as_share
    monkeypatch.setattr(module, "as_share", lambda alpha: masks.append(alpha) or share(alpha))
    for side in (SIZE, 4 * SIZE):
        monkeypatch.setattr(module, "_MASK_SIDE", SIZE)
        output = str(tmp_path / f"{side}.mp4")
        mix_videos(*pair, output, size=side, seconds=0.4, mixture_type="occlusion")
    small, large = masks
    assert 0 < small.mean() < 1
    np.testing.assert_array_equal(large, small.repeat(4, axis=1).repeat(4, axis=2))


def test_reading_forward_gives_the_frames_of_a_clip(pair):
    frames = list(read_forward(pair[0], SQUARE))
    np.testing.assert_array_equal(frames, read_clip(pair[0], SQUARE, start=0.0).frames)


@pytest.mark.parametrize("count", [28, 29, 30])
def test_no_frame_is_lost_to_rounding(tmp_path, count):
    video, output = (str(tmp_path / f"{name}.mp4") for name in ("video", "mixed"))
    write_video(video, np.zeros((count, 16, 16, 3), np.uint8), fps=25)  # 1.16 * 25 is below 29
    assert mix_videos(video, video, output, size=16) == count / 25


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
