"""CSVs in UTF-8 with a header: manifests, lists of rejected files, Kinetics' annotations."""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from data_prep import storage
from data_prep.errors import StorageError, UserError

Lines = Iterator[tuple[int, dict[str, str]]]
"""The number of each line, and its values by column; half a million lines are not held at once."""

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class MissingColumnsError(UserError):
    """A CSV that lacks columns."""


def read_csv(uri: str, what: str, columns: Sequence[str]) -> Lines:
    """Read a CSV that must have some columns.

    Args:
        uri: the file.
        what: what the file is, for error messages, such as "a manifest".
        columns: columns that the header must have, in any order and among others.

    Raises:
        MissingColumnsError: it lacks a column.
        UserError: the file is missing, is no regular file, or no CSV in UTF-8. Some of that shows
            only at the line concerned.
    """
    with _errors(uri, what):
        data = _read(uri)
        reader = csv.reader(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline=""))
        try:
            header = [name.strip() for name in next(reader, [])]
        except UnicodeDecodeError:
            raise _wrong_byte(uri, data) from None
        _check_header(f"{uri}: {what}", header, columns)
    return _lines(uri, what, data, reader, header)


def _lines(uri: str, what: str, data: bytes, reader: Any, header: Sequence[str]) -> Lines:
    with _errors(uri, what):
        try:
            for row in reader:
                if row:
                    yield reader.line_num, _values(uri, reader.line_num, row, header)
        except UnicodeDecodeError:
            raise _wrong_byte(uri, data) from None


def write_csv(uri: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV, atomically."""
    with storage.replacing(uri) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        plain = csv.writer(file, lineterminator="\n")
        quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        plain.writerow(header)
        for row in rows:
            # Python's writer quotes a line feed, but not the carriage return, which ends a line.
            (quoted if any("\r" in str(value) for value in row) else plain).writerow(row)


@contextmanager
def _errors(uri: str, what: str) -> Iterator[None]:
    try:
        yield
    except (StorageError, csv.Error) as error:
        reason = error.reason if isinstance(error, StorageError) else error
        raise UserError(f"{uri}: {what} must be a readable CSV: {reason}") from error


def _read(uri: str) -> bytes:
    if problem := storage.why_not_a_file(uri):
        raise StorageError(uri, problem)
    data = storage.read_bytes(uri)
    if data.startswith(_UTF_16) or b"\0" in data[:4]:
        raise StorageError(uri, "must be UTF-8, got UTF-16")
    if b"\0" in data:
        raise StorageError(uri, "must be text, got a NUL byte")
    return data


def _wrong_byte(uri: str, data: bytes) -> StorageError:
    """Return the error about the first byte that is not UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        return StorageError(uri, f"must be UTF-8, got the byte {byte:#x} on line {line}")
    raise AssertionError("every byte is UTF-8")


def _check_header(where: str, header: Sequence[str], columns: Sequence[str]) -> None:
    if missing := [column for column in columns if column not in header]:
        got = "" if header else ", got an empty file"
        raise MissingColumnsError(
            f"{where} must have the columns {', '.join(columns)}; "
            f"missing: {', '.join(missing)}{got}"
        )
    [(name, count)] = Counter(header).most_common(1)
    if count > 1:
        raise UserError(f"{where} must have each column once, got {name} {count} times")


def _values(uri: str, line: int, row: list[str], header: Sequence[str]) -> dict[str, str]:
    if len(row) != len(header):
        raise UserError(
            f"{uri}: line {line}: must have {len(header)} values, as its header, got {len(row)}"
        )
    return dict(zip(header, row, strict=True))
