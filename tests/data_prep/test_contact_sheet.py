import av
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from data_prep import storage
from data_prep.errors import UserError
from data_prep.generate import generate
from data_prep.records import contact_sheet
from data_prep.records.contact_sheet import inspect
from data_prep.records.record import decode
from data_prep.sources import examination, kinetics


@pytest.fixture(scope="module")
def made(video_folder, tmp_path_factory, clip):
    """A data set of three mixtures to train with and two to evaluate with."""
    from data_prep.config import DataConfig

    config = DataConfig(clip=clip, train_mixtures=3, eval_mixtures=2, eval_fraction=0.3)
    folder = tmp_path_factory.mktemp("made") / "data"
    videos, _ = examination.examine_all(kinetics.find_videos(str(video_folder)))
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


def test_the_title_says_which_clip_is_in_front(made, clip):
    [(_, record), *_] = contact_sheet._read([str(made / "eval/mixtures-00000-of-00001.tfrecord")])
    values = decode(record, clip)
    for front, words in ((0, "neither"), (1, "target clip"), (2, "other clip")):
        [line, *_] = contact_sheet._title(values | {"front": front})
        assert f"  in front: {words}  " in line


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


@pytest.mark.parametrize(
    "name", ["a/b", "../../x", "/tmp/x", "..", "", ".hidden", "a\nb", "a\0", "a\\b", "ü" * 150]
)
def test_a_mixture_cannot_leave_the_folder(made, tmp_path, monkeypatch, name):
    decode = contact_sheet.decode
    monkeypatch.setattr(contact_sheet, "decode", lambda *a: decode(*a) | {"mixture_id": name})
    with pytest.raises(UserError, match="mixture_id: must be a file name of at most 200 bytes"):
        inspect(str(made), str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("label", ["two\nlines", "a\0b", "\u2028", "long " * 5_000])
def test_any_text_can_be_drawn(made, tmp_path, monkeypatch, label):
    decode = contact_sheet.decode
    monkeypatch.setattr(contact_sheet, "decode", lambda *a: decode(*a) | {"v1_label": label})
    assert len(inspect(str(made), str(tmp_path), count=1)) == 4


def test_records_of_another_shape(made, tmp_path, clip):
    other = clip.model_copy(update={"frames": 5})
    with pytest.raises(UserError, match=r"tfrecord: must hold records of this shape: a clip of 5"):
        inspect(str(made), str(tmp_path / "out"), clip=other)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        ("mixture_id", b"\xff"),
        ("v1_frames", b"no image"),
        ("alpha", b"no image"),
        ("v1_sound", b"odd"),
        ("seed", b"text"),
    ],
)
def test_a_bad_record_is_named_and_nothing_is_written(made, tmp_path, clip, feature, value):
    good = next(contact_sheet._read([str(made / "eval/mixtures-00000-of-00001.tfrecord")]))[1]
    example = tf.train.Example.FromString(good)
    example.features.feature[feature].Clear()
    example.features.feature[feature].bytes_list.value.append(value)
    file = tmp_path / "bad.tfrecord"
    with tf.io.TFRecordWriter(str(file)) as writer:
        writer.write(good)
        writer.write(example.SerializeToString())
    with pytest.raises(UserError, match=r"^.*bad\.tfrecord: must hold records of this shape: "):
        inspect(str(file), str(tmp_path / "out"), clip=clip)
    assert list(tmp_path.iterdir()) == [file]
