"""The videos of a manifest, one or half a million of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import islice
from typing import Any, Self, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute

from data_prep import storage
from data_prep.storage.stores import storage_errors

_BATCH = 10_000  # rows that are Python objects at a time


@dataclass(frozen=True)
class Video:
    """A video that can be decoded; one line of the manifest.

    Attributes:
        path: its URI.
        id: its name.
        source: what it was cut from; splits and pairs are by source.
        label: its class, or "".
        split: "train" or "eval"; "" if annotations do not say.
        bytes: size of the file.
        sha256: digest of the file, hexadecimal.
        duration: seconds of video.
        width: pixels as shown.
        height: pixels as shown.
        fps: frames per second.
        video_stream: index of the video stream that is decoded.
        audio_stream: index of the audio stream that is decoded; None if there is none, or if
            annotations say that it is dubbed.
        loudness: RMS of the whole audio in dBFS; None without an audio stream.
    """

    path: str
    id: str
    source: str
    label: str
    split: str
    bytes: int
    sha256: str
    duration: float
    width: int
    height: int
    fps: float
    video_stream: int
    audio_stream: int | None
    loudness: float | None

    def is_audible(self, min_loudness: float) -> bool:
        """Say whether the video counts as having audio, given the least loudness in dBFS."""
        return self.loudness is not None and self.loudness >= min_loudness


COLUMNS = tuple(field.name for field in fields(Video))
_REPEATED = ("label", "split")  # few different values
_TYPES = {
    "bytes": pa.int64(),
    "duration": pa.float64(),
    "width": pa.int64(),
    "height": pa.int64(),
    "fps": pa.float64(),
    "video_stream": pa.int64(),
    "audio_stream": pa.int64(),
    "loudness": pa.float64(),
}
_SCHEMA = pa.schema([(name, _TYPES.get(name, pa.string())) for name in COLUMNS])


class Videos(Sequence[Video]):
    """Videos in columns, which take a quarter of the memory of as many objects.

    An item is made when it is asked for.
    """

    def __init__(self, table: pa.Table):
        self._table = table

    @classmethod
    def of(cls, videos: Iterable[Video]) -> Self:
        """Return videos in columns; those that are already are returned as they are."""
        if isinstance(videos, cls):
            return videos
        return cls.of_values(map(astuple, videos))

    @classmethod
    def of_values(cls, rows: Iterable[Sequence[Any]]) -> Self:
        """Return videos of their values, in the order of `COLUMNS`."""
        iterator = iter(rows)
        tables = [_compact(_SCHEMA.empty_table())]
        while batch := list(islice(iterator, _BATCH)):
            columns = zip(*batch, strict=True)
            tables.append(_compact(pa.table(list(map(_array, _SCHEMA, columns)), _SCHEMA)))
        return cls(pa.concat_tables(tables).unify_dictionaries())

    @classmethod
    def read(cls, uri: str) -> Self:
        """Read what `write` wrote; of a large file, only what is asked for is held in memory.

        Raises:
            StorageError: it cannot be read.
        """
        with (
            storage.local_copy(uri) as path,
            storage_errors(uri),
            pa.memory_map(str(path)) as file,
        ):
            return cls(pa.ipc.open_file(file).read_all())

    def write(self, uri: str) -> None:
        """Write an Arrow file, atomically, which workers read much faster than a CSV."""
        with (
            storage.replacing(uri) as draft,
            pa.ipc.new_file(str(draft), self._table.schema) as file,
        ):
            file.write_table(self._table)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __iter__(self) -> Iterator[Video]:
        for values in self.rows():
            yield Video(*values)

    @overload
    def __getitem__(self, index: int) -> Video: ...
    @overload
    def __getitem__(self, index: slice) -> "Videos": ...
    def __getitem__(self, index: int | slice) -> "Video | Videos":
        if isinstance(index, slice):
            return self.take(np.arange(len(self))[index])
        place = range(len(self))[index]  # raises the IndexError of a list
        return Video(*(column[place].as_py() for column in self._table.itercolumns()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(Video.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the values of each video, in the order of `COLUMNS`."""
        for start in range(0, len(self), _BATCH):
            part = self._table.slice(start, _BATCH)
            yield from zip(*(column.to_pylist() for column in part.columns), strict=True)

    def numbers(self, name: str) -> np.ndarray:
        """Return a column of numbers, float64 `[N]`; NaN where there is none."""
        return self._table[name].cast(pa.float64()).to_numpy()

    def codes(self, name: str) -> tuple[np.ndarray, pa.Array]:
        """Return a column of texts as int32 `[N]` places among its different values."""
        column = self._table[name]
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        encoded = column.combine_chunks()
        if isinstance(encoded, pa.ChunkedArray):  # of one chunk, or none
            encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], column.type)
        return encoded.indices.to_numpy(), encoded.dictionary

    def in_split(self, split: str) -> np.ndarray:
        """Say which videos are in a split, bool `[N]`."""
        codes, splits = self.codes("split")
        return codes == splits.index(split).as_py()  # -1, which no code is, if it is not there

    def order(self, *names: str) -> np.ndarray:
        """Return the places of the videos sorted by columns, int64 `[N]`."""
        # Arrow sorts no dictionaries.
        keys = pa.table({name: self._table[name].cast(_SCHEMA.field(name).type) for name in names})
        return pa.compute.sort_indices(keys, [(name, "ascending") for name in names]).to_numpy()

    def take(self, places: np.ndarray) -> "Videos":
        """Return some of the videos, by their places or by bool `[N]`."""
        if places.dtype == bool:
            return Videos(self._table.filter(pa.array(places)))
        return Videos(self._table.take(pa.array(places, pa.int64())))

    def with_splits(self, codes: np.ndarray, splits: Sequence[str]) -> "Videos":
        """Replace the split of each video, given as int `[N]` places in a list of splits."""
        column = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(splits))
        place = COLUMNS.index("split")
        return Videos(self._table.set_column(place, "split", column))


def _array(field: pa.Field, values: Sequence[Any]) -> pa.Array:
    return pa.array(values, field.type)


def _compact(table: pa.Table) -> pa.Table:
    """Store each of few different values once."""
    for name in _REPEATED:
        place = COLUMNS.index(name)
        table = table.set_column(place, name, table[name].dictionary_encode())
    return table
