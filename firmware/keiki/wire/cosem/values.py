"""Values of COSEM as values of Python, of a known shape and of any.

A shape is a tag of axdr.py; (STRUCTURE, shape, ...) with a value for each; or (ARRAY, shape) with any number
of values. Numbers are integers, floats and booleans as such, structures tuples, arrays lists, strings bytes,
null-data None. A column is the shape of a capture object.
"""

import struct

from keiki.wire.cosem.axdr import (
    ARRAY,
    BITS,
    BOOLEAN,
    DEPTH_MAX,
    ENUM,
    FIXED,
    FLOATS,
    I8,
    I16,
    I64,
    NULL,
    NUMBERS,
    OCTETS,
    STRINGS,
    STRUCTURE,
    U8,
    U16,
    U32,
    FrameError,
    Full,
    Reader,
    Writer,
)

COLUMN = (STRUCTURE, U16, OCTETS, I8, U16)
"""A capture object: class, name, attribute, data index."""

_TAGS = {
    "null": NULL,
    "boolean": BOOLEAN,
    "i8": I8,
    "i16": I16,
    "i64": I64,
    "u8": U8,
    "u16": U16,
    "u32": U32,
    "enum": ENUM,
    "octets": OCTETS,
}


def parse_shape(text: str):
    """Return the shape that a text says: a word of _TAGS, [shape] an array, (shape shape) a structure."""
    words = text.replace("(", " ( ").replace("[", " [ ").replace(")", " ) ").replace("]", " ] ").split()
    words.reverse()
    return _parse(words)


def _parse(words: "list[str]"):
    word = words.pop()
    if word in _TAGS:
        return _TAGS[word]
    shapes: list = [STRUCTURE if word == "(" else ARRAY]
    while words[-1] not in (")", "]"):
        shapes.append(_parse(words))
    words.pop()
    return tuple(shapes)


def write_shape(writer: Writer, shape, value) -> None:
    """Write a value that has this shape."""
    if not isinstance(shape, int):
        shapes = shape[1:] if shape[0] == STRUCTURE else shape[1:] * len(value)
        writer.begin(shape[0], len(shapes))
        for i, inner in enumerate(shapes):
            write_shape(writer, inner, value[i])
    elif shape == NULL:
        writer.null()
    elif shape in NUMBERS:
        writer.number(shape, value)
    else:
        writer.string(shape, value)


def read_shape(reader: Reader, shape):
    """Read a value that must have this shape: FrameError if it has another one. Lists come as lists."""
    if isinstance(shape, int):
        if shape == NULL:
            return reader.expect(NULL)
        return reader.number(shape) if shape in NUMBERS else reader.string(shape)
    if shape[0] == ARRAY:
        return [read_shape(reader, shape[1]) for _ in range(reader.begin(ARRAY))]
    reader.begin(STRUCTURE, len(shape) - 1)
    return tuple([read_shape(reader, inner) for inner in shape[1:]])


def read(reader: Reader, depth: int = DEPTH_MAX):
    """Read a value of any shape; a bit-string is (integer, number of bits). FrameError if there is none."""
    tag = reader.byte()
    if tag in NUMBERS:
        size, form, _, _ = NUMBERS[tag]
        value = struct.unpack_from(form, reader.buffer, reader.take(size))[0]
        return bool(value) if tag == BOOLEAN else value
    if tag in STRINGS:
        return reader.octets(reader.length())
    if tag == NULL:
        return None
    if tag in (ARRAY, STRUCTURE):
        if not depth:
            raise FrameError("depth")
        found = [read(reader, depth - 1) for _ in range(reader.length())]
        return found if tag == ARRAY else tuple(found)
    if tag == BITS:
        return reader.bare_bits()
    if tag in FIXED:
        return reader.octets(FIXED[tag])
    if tag in FLOATS:
        size, form = FLOATS[tag]
        return struct.unpack_from(form, reader.buffer, reader.take(size))[0]
    raise FrameError("type")


def encode(shape, value) -> bytes:
    """Return a value of this shape as A-XDR."""
    size = 64
    while True:
        try:
            writer = Writer(bytearray(size))
            write_shape(writer, shape, value)
            return bytes(writer.buffer[: writer.at])
        except Full:
            size *= 4
