"""The partition table of an ESP32: 3 KiB at 0x8000 that say what lies where in its flash.

Document: ESP-IDF Programming Guide, Partition Tables. A row is AA 50, type, subtype, offset, size (u32,
little-endian), a label of 16 bytes, flags; after the rows EB EB, 14 bytes FF and the MD5 of all rows.
"""

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass

OFFSET = 0x8000
SIZE = 0xC00
ROW_SIZE = 32
_ROW = struct.Struct("<2sBBII16sI")
_MAGIC = b"\xaaP"
_SUM = b"\xeb\xeb" + b"\xff" * 14
_END = b"\xff" * ROW_SIZE
_TYPES = {"app": 0, "data": 1}
_SUBTYPES = {
    ("app", "factory"): 0x00,
    ("data", "ota"): 0x00,
    ("data", "phy"): 0x01,
    ("data", "nvs"): 0x02,
    ("data", "fat"): 0x81,
    ("data", "spiffs"): 0x82,
    ("data", "littlefs"): 0x83,
}


@dataclass(frozen=True)
class Row:
    """A partition: numbers as the table has them; offset and size in bytes."""

    name: str
    type: int
    subtype: int
    offset: int
    size: int


def row(name: str, kind: str, subtype: str | int, offset: int, size: int) -> Row:
    """Return a row from a board's words. ValueError: the table has no such word."""
    number = subtype if isinstance(subtype, int) else _SUBTYPES.get((kind, subtype))
    if kind not in _TYPES or number is None:
        raise ValueError(f"partitions: {name}: there is no {kind} {subtype}")
    return Row(name, _TYPES[kind], number, offset, size)


def encode(rows: Iterable[Row]) -> bytes:
    """Return the table, SIZE bytes. ValueError: more rows than it has room for."""
    body = b"".join(
        _ROW.pack(_MAGIC, of.type, of.subtype, of.offset, of.size, of.name.encode(), 0) for of in rows
    )
    whole = body + _SUM + hashlib.md5(body).digest()
    if len(whole) + ROW_SIZE > SIZE:
        raise ValueError("partitions: more than a table has room for")
    return whole.ljust(SIZE, b"\xff")


def decode(data: bytes) -> list[Row] | None:
    """Return the rows of a table, None if there is none (nothing, rubbish, or a sum that is wrong)."""
    rows: list[Row] = []
    for at in range(0, len(data) - ROW_SIZE + 1, ROW_SIZE):
        record = data[at : at + ROW_SIZE]
        if record[:2] == _MAGIC:
            _, kind, subtype, offset, size, label, _ = _ROW.unpack(record)
            name = label.rstrip(b"\0").decode(errors="replace")
            rows.append(Row(name, kind, subtype, offset, size))
        elif record[:16] == _SUM:
            return rows if record[16:] == hashlib.md5(data[:at]).digest() and rows else None
        else:
            return rows if record == _END and rows else None
    return None
