"""The fields that xDLMS APDUs are made of: one row for each kind, with what reads it and what writes it.

Data stays where it is: a field that holds data is read as a range (start, end) of the buffer and written from
bytes.
"""

from keiki.wire.cosem.axdr import FrameError, Reader, Writer


def _read_byte(reader: Reader) -> int:
    return reader.byte()


def _write_byte(writer: Writer, value: int) -> None:
    writer.byte(value)


def _read_flag(reader: Reader) -> bool:
    return reader.byte() != 0


def _read_u32(reader: Reader) -> int:
    return reader.bare(4)


def _write_u32(writer: Writer, value: int) -> None:
    at = writer.room(4)
    for i in (3, 2, 1, 0):
        writer.buffer[at + i] = value & 0xFF
        value >>= 8


def read_descriptor(reader: Reader) -> "tuple[int, bytes, int]":
    """Read a class (u16), logical name (6 bytes) and attribute or method (i8)."""
    class_id = reader.bare(2)
    name = reader.octets(6)
    member = reader.byte()
    return class_id, name, member - 256 if member & 0x80 else member


def write_descriptor(writer: Writer, descriptor: "tuple[int, bytes, int]") -> None:
    """Write what `read_descriptor` reads."""
    class_id, name, member = descriptor
    writer.byte(class_id >> 8)
    writer.byte(class_id & 0xFF)
    writer.raw(name)
    writer.byte(member & 0xFF)


def _read_data(reader: Reader) -> "tuple[int, int]":
    start = reader.at
    reader.skip()
    return start, reader.at


def _write_data(writer: Writer, data: bytes) -> None:
    writer.raw(data)


def _read_optional(reader: Reader) -> "tuple[int, int] | None":
    return _read_data(reader) if _read_choice(reader) else None


def _read_choice(reader: Reader) -> int:
    value = reader.byte()
    if value > 1:
        raise FrameError("choice")
    return value


def _write_optional(writer: Writer, data: "bytes | None") -> None:
    writer.byte(0 if data is None else 1)
    if data is not None:
        writer.raw(data)


def _read_selection(reader: Reader) -> "tuple[int, int] | None":
    """Read a selective access: the range is its selector (u8) and its parameters."""
    if not _read_choice(reader):
        return None
    start = reader.take(1)
    reader.skip()
    return start, reader.at


def _read_octets(reader: Reader) -> "tuple[int, int]":
    size = reader.length()
    start = reader.take(size)
    return start, reader.at


def _write_octets(writer: Writer, data: bytes) -> None:
    writer.length(len(data))
    writer.raw(data)


def _read_result(reader: Reader) -> "tuple[int, int] | int":
    """Read a Get-Data-Result: a range, or the code of what went wrong."""
    return reader.byte() if _read_choice(reader) else _read_data(reader)


def _write_result(writer: Writer, value: "bytes | int") -> None:
    if isinstance(value, int):
        writer.byte(1)
        writer.byte(value)
    else:
        writer.byte(0)
        writer.raw(value)


def _read_block_result(reader: Reader) -> "tuple[int, int] | int":
    return reader.byte() if _read_choice(reader) else _read_octets(reader)


def _write_block_result(writer: Writer, value: "bytes | int") -> None:
    if isinstance(value, int):
        _write_result(writer, value)
    else:
        writer.byte(0)
        _write_octets(writer, value)


def _read_returned(reader: Reader) -> "tuple[int, int] | int | None":
    return _read_result(reader) if _read_choice(reader) else None


def _write_returned(writer: Writer, value: "bytes | int | None") -> None:
    writer.byte(0 if value is None else 1)
    if value is not None:
        _write_result(writer, value)


def _read_exception(reader: Reader) -> "tuple[int, int | None]":
    """Read a service error, and the expected invocation counter if that is what was wrong."""
    error = reader.byte()
    return error, reader.bare(4) if error == 6 and reader.at < reader.end else None


def _write_exception(writer: Writer, value: "tuple[int, int | None]") -> None:
    error, counter = value
    writer.byte(error)
    if counter is not None:
        _write_u32(writer, counter)


FIELDS = {
    "i": (_read_byte, _write_byte),  # invoke-id-and-priority, or a result code
    "f": (_read_flag, _write_byte),  # is it the last block?
    "b": (_read_u32, _write_u32),  # number of a block, or long-invoke-id-and-priority
    "d": (read_descriptor, write_descriptor),
    "s": (_read_selection, _write_optional),
    "v": (_read_data, _write_data),  # one value
    "o": (_read_optional, _write_optional),  # a value or none
    "k": (_read_octets, _write_octets),  # what a block holds, or a date-time
    "g": (_read_result, _write_result),
    "h": (_read_block_result, _write_block_result),
    "r": (_read_returned, _write_returned),  # what an action returns, or nothing
    "e": (_read_exception, _write_exception),
}
"""Letter: read(reader) -> value, write(writer, value)."""
