"""The APDU codec: every vector whole, with trailing data and at every truncation; what has no layout."""

from check import raises
from cosem_vectors import VECTORS, fields_of
from keiki.wire.cosem import apdu
from keiki.wire.cosem.apdu import LAYOUTS, UnknownService
from keiki.wire.cosem.axdr import FrameError, Full, Reader, Writer

ROOM = 200


def raw(text):
    return bytes.fromhex(text.replace(" ", ""))


def valued(data, letters, value):
    """Return a decoded field with its ranges replaced by the bytes in them."""
    if letters[0] == "[":
        if len(letters) == 2:
            return [valued(data, letters[1], entry) for entry in value]
        return [
            tuple([valued(data, letters[1 + i], part) for i, part in enumerate(entry)]) for entry in value
        ]
    if letters in "svokghr" and isinstance(value, tuple):
        return data[value[0] : value[1]]
    return value


def decoded(data):
    """Return (key, fields) with bytes for ranges."""
    key, fields = apdu.decode(Reader(data))
    letters = fields_of(LAYOUTS[key])
    return key, tuple([valued(data, letters[i], field) for i, field in enumerate(fields)])


def test_every_vector_encodes_and_decodes():
    for name, text, key, fields in VECTORS:
        buffer = bytearray(ROOM)
        writer = Writer(buffer)
        apdu.encode(writer, key, *fields)
        assert buffer[: writer.at] == raw(text), name
        assert decoded(raw(text)) == (key, fields), name


def test_every_layout_has_a_vector():
    assert sorted({key for _, _, key, _ in VECTORS}) == sorted(LAYOUTS)


def test_a_vector_inside_a_longer_buffer_decodes():
    for name, text, key, _ in VECTORS:
        data = raw(text)
        assert apdu.decode(Reader(b"\xc0\x01" + data + b"\x00\x00", 2, 2 + len(data)))[0] == key, name


def test_every_truncation_is_rejected():
    for name, text, _, _ in VECTORS:
        data = raw(text)
        for size in range(len(data)):
            if text[:2] == "D8" and size == 3:
                continue  # a peer that does not tell its counter
            assert raises(FrameError, apdu.decode, Reader(data, 0, size)), (name, size)


def test_trailing_data_is_rejected():
    for name, text, _, _ in VECTORS:
        for tail in (b"\x00", b"\xff\xff", b"\xc0\x01\xc1"):
            if text == "D8 01 06" and len(tail) == 4:
                continue
            assert raises(FrameError, apdu.decode, Reader(raw(text) + tail)), name


def test_every_room_that_is_too_small_raises_full():
    for name, text, key, fields in VECTORS:
        for size in range(len(raw(text))):
            assert raises(Full, apdu.encode, Writer(bytearray(size)), key, *fields), name


def test_a_tag_or_choice_without_layout_is_an_unknown_service():
    for key in range(0x10000):
        if key not in LAYOUTS and key & 0xFF00 not in LAYOUTS:
            assert raises(UnknownService, apdu.decode, Reader(bytes((key >> 8, key & 0xFF))))


def test_a_list_longer_than_served_is_rejected():
    entry = raw("0003 0100010800FF 02 00")
    count = apdu.LIST_MAX
    good = b"\xc0\x03\xc1" + bytes((count,)) + entry * count
    assert len(apdu.decode(Reader(good))[1][1]) == count
    raises(FrameError, apdu.decode, Reader(b"\xc0\x03\xc1" + bytes((count + 1,)) + entry * (count + 1)))


def test_a_huge_count_costs_nothing():
    for length in (b"\x83\xff\xff\xff", b"\x84\xff\xff\xff\xff", b"\x80", b"\x85\x01\x01\x01\x01\x01"):
        raises(FrameError, apdu.decode, Reader(b"\xc0\x03\xc1" + length))
        raises(FrameError, apdu.decode, Reader(raw("C101C1 0007 0100630100FF 04 00 01") + length))


def test_a_flag_that_is_neither_yes_nor_no_is_rejected():
    raises(FrameError, apdu.decode, Reader(raw("C001C1 0003 0100010800FF 02 02")))
    raises(FrameError, apdu.decode, Reader(raw("C301C1 0046 000060030AFF 01 FF 0F00")))
    raises(FrameError, apdu.decode, Reader(raw("C401C1 02 0600000000")))


def test_a_member_is_signed():
    _, fields = apdu.decode(Reader(raw("C001C1 0003 0100010800FF FF 00")))
    assert fields[1][2] == -1
