import pytest
import tensorflow as tf

from data_prep.records.example import Example
from data_prep.records.features import RecordError
from data_prep.records.tfrecord import read_records, write_record

RECORDS = [b"", b"a", bytes(range(256)) * 41]


def written(path, records):
    with path.open("wb") as file:
        for record in records:
            write_record(file, record)
    return path


def test_tensorflow_reads_what_is_written(tmp_path):
    path = written(tmp_path / "ours", RECORDS)
    assert list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator()) == RECORDS


def test_bytes_equal_those_of_tensorflow(tmp_path):
    path = written(tmp_path / "ours", RECORDS)
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for record in RECORDS:
            writer.write(record)
    assert path.read_bytes() == (tmp_path / "theirs").read_bytes()
    assert list(read_records(tmp_path / "theirs")) == RECORDS


def test_every_flipped_byte_is_noticed(tmp_path):
    path = written(tmp_path / "file", [b"one", b"other"])
    whole = path.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(RecordError, match=r"record [01]: "):
            list(read_records(path))


def test_a_cut_is_noticed_unless_it_is_between_records(tmp_path):
    path = written(tmp_path / "file", [b"one", b"other"])
    whole = path.read_bytes()
    between = {0, 8 + 4 + 3 + 4}
    for size in set(range(len(whole))) - between:
        path.write_bytes(whole[:size])
        with pytest.raises(RecordError, match=r"record [01]: "):
            list(read_records(path))
    for size in between:
        path.write_bytes(whole[:size])
        assert list(read_records(path)) == [b"one"][: size and 1]


def test_example_has_the_bytes_of_tensorflows():
    ours, theirs = Example(), tf.train.Example()
    for example in (ours, theirs):
        features = example.features.feature
        features["texts"].bytes_list.value.extend([b"a", "ü".encode(), b""])
        features["floats"].float_list.value.extend([0.1, -2.5e30])
        features["counts"].int64_list.value.extend([0, -1, 2**62])
        features["empty"].int64_list.SetInParent()
    serialized = ours.SerializeToString(deterministic=True)
    assert serialized == theirs.SerializeToString(deterministic=True)
    assert tf.train.Example.FromString(serialized) == theirs
    assert Example.FromString(serialized) == ours
