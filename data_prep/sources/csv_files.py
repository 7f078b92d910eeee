"""CSVs in UTF-8 with a header: manifests, lists of rejected files, Kinetics' annotations."""

import codecs
import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data_prep import storage
from data_prep.errors import StorageError, UserError
from data_prep.storage.lasting import may_pass
from data_prep.storage.stores import storage_errors

Lines = Iterator[tuple[int, dict[str, str]]]
"""The number of each line, and its values by column; half a million lines are not held at once."""

_BLOCK = 1 << 20
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
    lines = _lines(uri, what, columns)
    next(lines)  # checks the header
    return lines


def _lines(uri: str, what: str, columns: Sequence[str]) -> Lines:
    """Yield something for the header, then the lines."""
    with _errors(uri, what):
        if problem := storage.why_not_a_file(uri):
            raise StorageError(uri, problem)
        with storage.local_copy(uri) as path, storage_errors(uri):
            _require_text(uri, path)
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file)
                try:
                    header = [name.strip() for name in next(reader, [])]
                    _check_header(f"{uri}: {what}", header, columns)
                    yield 0, {}
                    for row in reader:
                        if row:
                            yield reader.line_num, _values(uri, reader.line_num, row, header)
                except UnicodeDecodeError:
                    raise _wrong_byte(uri, path) from None
                except csv.Error as error:
                    raise StorageError(uri, str(error)) from None


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
    except StorageError as error:
        if may_pass(error):
            raise
        raise UserError(f"{uri}: {what} must be a readable CSV: {error.reason}") from error


def _require_text(uri: str, path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(4)
        if head.startswith(_UTF_16) or b"\0" in head:
            raise StorageError(uri, "must be UTF-8, got UTF-16")
        while block := file.read(_BLOCK):
            if b"\0" in block:
                raise StorageError(uri, "must be text, got a NUL byte")


def _wrong_byte(uri: str, path: Path) -> StorageError:
    """Return the error about the first byte that is not UTF-8."""
    data = path.read_bytes()
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
