"""A-XDR: every value whole, at every truncation, with trailing data, in every room that is too small."""

from check import raises
from keiki.wire.cosem import axdr, values
from keiki.wire.cosem.axdr import ARRAY, OCTETS, STRUCTURE, U8, FrameError, Full, Reader, Writer

CASES = [
    # shape, value, bytes
    (axdr.NULL, None, "00"),
    (axdr.BOOLEAN, 1, "0301"),
    (axdr.BOOLEAN, 0, "0300"),
    (axdr.I32, -2, "05FFFFFFFE"),
    (axdr.U32, 0xFFFFFFFF, "06FFFFFFFF"),
    (axdr.OCTETS, b"", "0900"),
    (axdr.OCTETS, b"\x01\x02", "09020102"),
    (axdr.OCTETS, bytes(127), "097F" + "00" * 127),
    (axdr.OCTETS, bytes(128), "098180" + "00" * 128),
    (axdr.OCTETS, bytes(256), "09820100" + "00" * 256),
    (axdr.TEXT, b"KEI", "0A034B4549"),
    (axdr.UTF8, b"\xe8\xa8\x88", "0C03E8A888"),
    (axdr.BCD, -1, "0DFF"),
    (axdr.I8, -128, "0F80"),
    (axdr.I16, -540, "10FDE4"),
    (axdr.U8, 255, "11FF"),
    (axdr.U16, 1800, "120708"),
    (axdr.I64, -(1 << 63), "148000000000000000"),
    (axdr.U64, (1 << 64) - 1, "15FFFFFFFFFFFFFFFF"),
    (axdr.ENUM, 30, "161E"),
    ((ARRAY, U8), [], "0100"),
    ((ARRAY, U8), [1, 2], "010211011102"),
    ((STRUCTURE, U8, OCTETS), (7, b"\xaa"), "0202110709 01AA"),
    ((STRUCTURE,), (), "0200"),
    ((ARRAY, (STRUCTURE, U8, (ARRAY, OCTETS))), [(1, [b"", b"x"])], "0101 0202 1101 0102 0900 090178"),
]
ANY = [
    # bytes, value
    ("0300", False),
    ("03FF", True),
    ("04080F", (0x0F, 8)),
    ("0409FF80", (0x1FF, 9)),
    ("0400", (0, 0)),
    ("041840 1E9D", (0x401E9D, 24)),
    ("04811840 1E9D", (0x401E9D, 24)),
    ("1707EA0000", 3.52e-34),
    ("173F800000", 1.0),
    ("183FF0000000000000", 1.0),
    ("1907EA0301FF000000FFFDE400", bytes.fromhex("07EA0301FF000000FFFDE400")),
    ("1A07EA0301FF", bytes.fromhex("07EA0301FF")),
    ("1B00000000", bytes(4)),
    ("09830000 01AA", b"\xaa"),
    ("0984000000 01AA", b"\xaa"),
    ("0203 00 0101 1107 0A0141", (None, [7], b"A")),
]


def raw(text):
    return bytes.fromhex(text.replace(" ", ""))


def near(value, expected):
    if isinstance(expected, float):
        return abs(value - expected) <= abs(expected) / 100
    return value == expected and type(value) is type(expected)


def test_every_case_encodes_and_decodes():
    for shape, value, text in CASES:
        assert values.encode(shape, value) == raw(text), text
        reader = Reader(raw(text))
        assert values.read_shape(reader, shape) == value, text
        reader.finish()
        assert values.read(Reader(raw(text))) == value, text


def test_every_value_of_any_shape_decodes():
    for text, expected in ANY:
        reader = Reader(raw(text))
        assert near(values.read(reader), expected), text
        reader.finish()


def test_what_is_read_is_what_is_passed_over():
    for text in [case[2] for case in CASES] + [case[0] for case in ANY]:
        reader = Reader(b"\xff" + raw(text) + b"\xff", 1)
        reader.skip()
        assert reader.at == 1 + len(raw(text)), text


def test_every_truncation_is_rejected():
    for text in [case[2] for case in CASES] + [case[0] for case in ANY]:
        data = raw(text)
        for size in range(len(data)):
            assert raises(FrameError, values.read, Reader(data, 0, size)), (text, size)
            assert raises(FrameError, Reader(data, 0, size).skip), (text, size)
    for shape, _, text in CASES:
        for size in range(len(raw(text))):
            assert raises(FrameError, values.read_shape, Reader(raw(text), 0, size), shape), (text, size)


def test_trailing_data_is_found():
    for shape, _, text in CASES:
        reader = Reader(raw(text) + b"\0")
        values.read_shape(reader, shape)
        raises(FrameError, reader.finish)


def test_another_type_is_rejected():
    for shape, _, text in CASES:
        data = bytearray(raw(text))
        for tag in range(256):
            if tag != data[0]:
                data[0] = tag
                assert raises(FrameError, values.read_shape, Reader(data), shape), (text, tag)
                data[0] = raw(text)[0]


def test_a_tag_that_is_not_defined_is_rejected():
    known = [0, 1, 2, 3, 4, 5, 6, 9, 10, 12, 13, 15, 16, 17, 18, 20, 21, 22, 23, 24, 25, 26, 27]
    for tag in range(256):
        if tag not in known:
            data = bytes((tag,)) + bytes(20)
            raises(FrameError, values.read, Reader(data))
            raises(FrameError, Reader(data).skip)


def test_a_room_that_is_too_small_keeps_nothing_of_a_value():
    for shape, value, text in CASES:
        if not isinstance(shape, int):
            continue
        for size in range(len(raw(text))):
            writer = Writer(bytearray(size + 2), 2)
            raises(Full, values.write_shape, writer, shape, value)
            assert writer.at == 2, (text, size)
    for size in range(5):
        writer = Writer(bytearray(size))
        raises(Full, writer.bits, 0x401E9D, 24)
        assert writer.at == 0


def test_a_number_out_of_range_has_no_form():
    for tag, (_, _, low, high) in axdr.NUMBERS.items():
        for value in (low - 1, high + 1):
            writer = Writer(bytearray(16))
            raises(ValueError, writer.number, tag, value)
            assert writer.at == 0
        for value in (low, high):
            assert values.read_shape(Reader(values.encode(tag, value)), tag) == value


def test_bits_are_the_first_one_first():
    for value, size, text in (
        (0x401E9D, 24, "0418401E9D"),
        (1, 1, "040180"),
        (5, 10, "040A0140"),
        (0, 0, "0400"),
    ):
        writer = Writer(bytearray(8))
        writer.bits(value, size)
        assert writer.buffer[: writer.at] == raw(text)
        reader = Reader(raw(text))
        assert reader.bits(size) == value
        raises(FrameError, Reader(raw(text)).bits, size + 1)


def test_values_too_deep_are_rejected_and_need_no_stack():
    for tag in (b"\x01\x01", b"\x02\x01"):
        good = tag * axdr.DEPTH_MAX + b"\x00"
        Reader(good).skip()
        values.read(Reader(good))
        for depth in (axdr.DEPTH_MAX + 1, 5000):
            deep = tag * depth + b"\x00"
            raises(FrameError, Reader(deep).skip)
            raises(FrameError, values.read, Reader(deep))


def test_a_count_beyond_what_is_there_is_rejected_at_once():
    for length in ("7F", "81FF", "82FFFF", "83FFFFFF", "84FFFFFFFF"):
        for tag in ("01", "02", "04", "09", "0A", "0C"):
            data = raw(tag + length) + bytes(10)
            raises(FrameError, values.read, Reader(data))
            raises(FrameError, Reader(data).skip)
    for length in ("80", "85", "FF"):
        raises(FrameError, Reader(raw("09" + length) + bytes(300)).skip)
        raises(FrameError, Reader(raw("04" + length) + bytes(300)).skip)


def test_bytearray_and_memoryview_read_to_bytes():
    data = bytearray(raw("0202 0902AABB 110A"))
    for buffer in (data, memoryview(data)):
        first, second = values.read(Reader(buffer))
        assert first == b"\xaa\xbb" and isinstance(first, bytes) and second == 10
