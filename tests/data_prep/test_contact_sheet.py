import av
import numpy as np
import pytest
from PIL import Image

from data_prep import storage
from data_prep.errors import UserError
from data_prep.generate import generate
from data_prep.records import contact_sheet
from data_prep.records.contact_sheet import inspect
from data_prep.sources import kinetics, manifest


@pytest.fixture(scope="module")
def made(video_folder, tmp_path_factory, clip):
    """A data set of three mixtures to train with and two to evaluate with."""
    from data_prep.config import DataConfig

    config = DataConfig(clip=clip, train_mixtures=3, eval_mixtures=2, eval_fraction=0.3)
    folder = tmp_path_factory.mktemp("made") / "data"
    videos, _ = manifest.build(kinetics.find_videos(str(video_folder)))
    generate(videos, str(folder), config)
    return folder


def test_every_split_gets_sheets_and_videos(made, tmp_path):
    written = inspect(str(made), str(tmp_path), count=2)
    names = {f"{split}-{i:08d}" for split in ("train", "eval") for i in range(2)}
    assert {path.stem for path in tmp_path.iterdir()} == names
    assert set(written) == {str(path) for path in tmp_path.iterdir()}
    sheet = np.asarray(Image.open(tmp_path / "train-00000001.png"))
    assert sheet.shape[0] > 4 * 16
    assert sheet.std() > 10
    with av.open(str(tmp_path / "train-00000001.mp4")) as video:
        assert len(list(video.decode(video=0))) == 4
        assert len(video.streams.audio) == 1


def test_records_in_a_remote_store(made, memory):
    storage.copy_tree(str(made), f"{memory}/data")
    written = inspect(f"{memory}/data", f"{memory}/sheets", count=1)
    assert len(written) == 4
    assert all(storage.is_file(uri) for uri in written)


def test_one_file_without_its_settings(made, tmp_path, clip):
    lone = tmp_path / "lone" / "deep" / "records.tfrecord"
    lone.parent.mkdir(parents=True)
    lone.write_bytes((made / "eval/mixtures-00000-of-00001.tfrecord").read_bytes())
    with pytest.raises(UserError, match=r"records\.tfrecord: must have settings\.json or info"):
        inspect(str(lone), str(tmp_path / "out"))
    assert len(inspect(str(lone), str(tmp_path / "out"), clip=clip)) == 4
    lone.write_bytes(lone.read_bytes()[:-100])
    with pytest.raises(UserError) as caught:
        inspect(str(lone), str(tmp_path / "out"), clip=clip)
    assert str(caught.value) == f"{lone}: must be a complete file of TFRecords"


def test_settings_are_found_beside_records_of_the_pipeline(made, tmp_path):
    storage.copy_tree(str(made / "eval"), str(tmp_path / "examples/Split-eval"))
    storage.copy(str(made / "info.json"), str(tmp_path / "examples/info.json"))
    assert len(inspect(str(tmp_path / "examples/Split-eval"), str(tmp_path / "out"))) == 4


def test_no_records(tmp_path):
    for path in ("none", ""):
        with pytest.raises(UserError, match=r"must have settings|must be a TFRecord file"):
            inspect(str(tmp_path / path), str(tmp_path / "out"))


@pytest.mark.parametrize("name", ["a/b", "../x", "..", ""])
def test_a_mixture_cannot_leave_the_folder(made, tmp_path, monkeypatch, name):
    decode = contact_sheet.decode
    monkeypatch.setattr(contact_sheet, "decode", lambda *a: decode(*a) | {"mixture_id": name})
    with pytest.raises(UserError, match="mixture_id: must be a file name without / and"):
        inspect(str(made), str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []
