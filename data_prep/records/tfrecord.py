"""Files of TFRecords without TensorFlow: each record has its length and two checksums.

https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from data_prep.records.features import RecordError

_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_MASK = 0xA282EAD8


def write_record(file: BinaryIO, record: bytes) -> None:
    """Append a record to a file."""
    length = _LENGTH.pack(len(record))
    file.write(length + _checksum(length) + record + _checksum(record))


def read_records(path: str | Path) -> Iterator[bytes]:
    """Yield the records of a local, uncompressed file, in its order.

    Raises:
        RecordError: the file ends within a record, or a checksum is wrong.
    """
    with Path(path).open("rb") as file:
        number = 0
        while head := file.read(_LENGTH.size + _CHECKSUM.size):
            where = f"record {number}"
            length = head[: _LENGTH.size]
            _require_checksum(length, head[_LENGTH.size :], f"{where}: its length")
            size = _LENGTH.unpack(length)[0]
            record = file.read(size)
            if len(record) < size:
                raise RecordError(f"{where}: must have {size} bytes, got {len(record)}")
            _require_checksum(record, file.read(_CHECKSUM.size), where)
            yield record
            number += 1


def _checksum(data: bytes) -> bytes:
    """Return the masked CRC32C."""
    value = google_crc32c.value(data)
    return _CHECKSUM.pack(((value >> 15 | value << 17) + _MASK) & 0xFFFFFFFF)


def _require_checksum(data: bytes, checksum: bytes, where: str) -> None:
    if _checksum(data) != checksum:
        raise RecordError(
            f"{where}: must have the checksum of its data, got {checksum.hex() or 'none'}"
        )
