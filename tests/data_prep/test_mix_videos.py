import numpy as np
import pytest

from data_prep import storage
from data_prep.config import ClipConfig
from data_prep.errors import UserError
from data_prep.media.clip import read_audio, read_clip
from data_prep.media.probe import probe
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


def test_reflection_is_mostly_the_first(pair, tmp_path):
    output = str(tmp_path / "mixed.mp4")
    mix_videos(*pair, output, size=SIZE, seconds=1.0, mixture_type="reflection")
    distance = [np.abs(frames(output) - frames(path)).mean() for path in pair]
    assert distance[0] < distance[1]


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
