import numpy as np
import pytest

from data_prep import storage
from data_prep.errors import StorageError
from data_prep.sources.videos import Video, Videos


@pytest.fixture
def rows(make_row):
    texts = ["a", 'b "quoted", with a\nline end', "ü [1]", ""]
    return [
        make_row(
            f"s{i % 9}",
            id=f"{texts[i % 4]} {i}",
            label=texts[(i * 7) % 4],
            split=("", "train", "eval")[i % 3],
            audio_stream=None if i % 5 == 0 else i % 3,
            loudness=None if i % 5 == 0 else -float(i),
            duration=i / 3,
        )
        for i in range(25)
    ]


def test_columns_are_a_sequence_of_the_same_videos(rows):
    videos = Videos.of(rows)
    assert videos == rows
    assert list(videos) == rows
    assert [videos[i] for i in range(len(videos))] == rows
    assert videos[-1] == rows[-1]
    assert videos[3:9:2] == rows[3:9:2]
    assert isinstance(videos[0], Video)
    assert type(videos[0].audio_stream) is type(rows[0].audio_stream)
    with pytest.raises(IndexError):
        videos[25]
    assert videos != rows[:-1]
    assert videos != rows[::-1]
    assert Videos.of(videos) is videos


def test_none_and_many(make_row):
    """More than one batch of columns, and none at all."""
    assert Videos.of([]) == []
    assert Videos.of([]).codes("source")[0].size == 0
    assert not Videos.of([]).in_split("eval").any()
    many = [make_row(f"s{i}", label=f"class {i % 3}") for i in range(20_001)]
    videos = Videos.of(many)
    assert len(videos) == 20_001
    assert videos[15_000] == many[15_000]
    codes, names = videos.codes("label")
    assert [names[code].as_py() for code in codes[[0, 10_001, 20_000]]] == [
        many[i].label for i in (0, 10_001, 20_000)
    ]
    assert len(names) == 3


@pytest.mark.parametrize("count", [0, 25])
@pytest.mark.parametrize("place", ["local", "memory"])
def test_a_file_holds_what_was_written(rows, tmp_path, memory, place, count):
    folder = str(tmp_path) if place == "local" else memory
    uri = storage.join(folder, "below", "videos.arrow")
    Videos.of(rows[:count]).write(uri)
    assert Videos.read(uri) == rows[:count]


@pytest.mark.parametrize("data", [None, b"", b"no columns"])
def test_a_file_that_is_missing_or_damaged_is_a_storage_error(tmp_path, data):
    if data is not None:
        (tmp_path / "a.arrow").write_bytes(data)
    with pytest.raises(StorageError, match=r"a\.arrow: "):
        Videos.read(str(tmp_path / "a.arrow"))


def test_columns(rows):
    videos = Videos.of(rows)
    np.testing.assert_array_equal(videos.numbers("duration"), [row.duration for row in rows])
    loudness = [np.nan if row.loudness is None else row.loudness for row in rows]
    np.testing.assert_array_equal(videos.numbers("loudness"), loudness)
    for name in ("source", "label", "split"):
        codes, values = videos.codes(name)
        assert [values[code].as_py() for code in codes] == [getattr(row, name) for row in rows]
    for split in ("train", "eval", "test"):
        assert videos.in_split(split).tolist() == [row.split == split for row in rows]


def test_order_and_choice(rows):
    videos = Videos.of(rows)
    order = videos.order("source", "id")
    assert [rows[place] for place in order] == sorted(rows, key=lambda row: (row.source, row.id))
    assert videos.take(np.array([4, 2, 2])) == [rows[4], rows[2], rows[2]]
    long = np.array([row.duration > 4 for row in rows])
    assert videos.take(long) == [row for row in rows if row.duration > 4]


def test_splits_are_replaced(rows):
    places = np.arange(len(rows)) % 2
    videos = Videos.of(rows).with_splits(places, ["eval", "train"])
    assert [video.split for video in videos] == [("eval", "train")[i % 2] for i in range(25)]
    assert [video.id for video in videos] == [row.id for row in rows]
