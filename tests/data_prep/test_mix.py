import numpy as np
import pytest

from data_prep.config import ClipConfig
from data_prep.errors import UserError
from data_prep.media.reading import probe, read_clip, read_sound
from data_prep.mixing.mix_videos import mix_videos

SIZE = 48
SQUARE = ClipConfig(frames=8, fps=25, height=SIZE, width=SIZE, short_side=SIZE)


def frames(path):
    return read_clip(path, SQUARE, start=0.0).frames.astype(np.float32)


@pytest.fixture
def pair(video_folder):
    return sorted(video_folder.rglob("*.mp4"))[:2]


def test_transparency_is_the_mean_of_both_with_the_firsts_sound(pair, tmp_path):
    output = tmp_path / "mixed.mp4"
    seconds = mix_videos(*pair, output, size=SIZE, seconds=1.0)
    assert seconds == pytest.approx(1.0)
    assert probe(output).duration == pytest.approx(1.0, abs=0.05)
    mean = (frames(pair[0]) + frames(pair[1])) / 2
    assert np.abs(frames(output) - mean).mean() < 6
    sounds = [read_sound(path, start=0.2, samples=4_000, sample_rate=8_000) for path in pair]
    mixed = read_sound(output, start=0.2, samples=4_000, sample_rate=8_000)
    spectra = [np.abs(np.fft.rfft(sound.astype(float))) for sound in (*sounds, mixed)]
    assert spectra[2].argmax() == pytest.approx(spectra[0].argmax(), abs=2)
    assert abs(int(spectra[2].argmax()) - int(spectra[1].argmax())) > 2


def test_occlusion_shows_either_of_both(pair, tmp_path):
    output = tmp_path / "mixed.mp4"
    mix_videos(*pair, output, size=SIZE, seconds=1.0, occlusion=True, seed=1)
    mixed = frames(output)
    nearer = [np.abs(mixed - frames(path)).mean(axis=-1) for path in pair]
    assert np.minimum(*nearer).mean() < 12
    share = (nearer[0] < nearer[1]).mean()
    assert 0.05 < share < 0.95


def test_what_is_no_video_leaves_nothing(pair, tmp_path):
    wrong = tmp_path / "text.mp4"
    wrong.write_text("no video")
    with pytest.raises(UserError, match=r"text\.mp4"):
        mix_videos(pair[0], wrong, tmp_path / "mixed.mp4")
    assert list(tmp_path.iterdir()) == [wrong]
