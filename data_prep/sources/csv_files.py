"""CSVs in UTF-8 with a header: manifests, lists of rejected files, Kinetics' annotations."""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from data_prep import storage
from data_prep.errors import StorageError, UserError

Lines = list[tuple[int, dict[str, str]]]
"""The number of each line, and its values by column."""

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
        UserError: the file is missing, is no regular file, or no CSV in UTF-8.
    """
    try:
        reader = csv.reader(io.StringIO(_text(uri), newline=""))
        header = [name.strip() for name in next(reader, [])]
        _check_header(f"{uri}: {what}", header, columns)
        return [
            (reader.line_num, _values(uri, reader.line_num, row, header)) for row in reader if row
        ]
    except (StorageError, csv.Error) as error:
        reason = error.reason if isinstance(error, StorageError) else error
        raise UserError(f"{uri}: {what} must be a readable CSV: {reason}") from error


def write_csv(uri: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV, atomically."""
    text = io.StringIO()
    plain = csv.writer(text, lineterminator="\n")
    quoted = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    plain.writerow(header)
    for row in rows:
        # Python's writer quotes a line feed, but not the carriage return, which ends a line too.
        (quoted if any("\r" in str(value) for value in row) else plain).writerow(row)
    storage.write_text(uri, text.getvalue())


def _text(uri: str) -> str:
    if problem := storage.why_not_a_file(uri):
        raise StorageError(uri, problem)
    data = storage.read_bytes(uri)
    if data.startswith(_UTF_16) or b"\0" in data[:4]:
        raise StorageError(uri, "must be UTF-8, got UTF-16")
    if b"\0" in data:
        raise StorageError(uri, "must be text, got a NUL byte")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise StorageError(uri, f"must be UTF-8, got the byte {byte:#x} on line {line}") from error


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
