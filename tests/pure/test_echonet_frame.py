"""The frame codec: every vector whole, with trailing data and at every truncation; malformed frames."""

from check import raises
from echonet_vectors import CTL, METER, VECTORS, fields
from keiki.wire.echonet import frame
from keiki.wire.echonet.frame import FrameError, ServiceError, decode, encode


def test_every_vector_encodes_and_decodes():
    for name, text, expected in VECTORS:
        raw = bytes.fromhex(text)
        assert encode(*expected) == raw, name
        assert fields(decode(raw)) == expected, name


def test_every_service_has_a_vector():
    seen = sorted({expected[3] for _, _, expected in VECTORS})
    assert seen == sorted(frame.ESVS)


def test_trailing_bytes_are_ignored():
    for name, text, expected in VECTORS:
        for tail in (b"\x00", b"\xff\xff", b"\x10\x81\x00\x01"):
            assert fields(decode(bytes.fromhex(text) + tail)) == expected, name


def test_every_truncation_is_rejected():
    for name, text, _ in VECTORS:
        raw = bytes.fromhex(text)
        for size in range(len(raw)):
            assert raises(FrameError, decode, raw[:size]), (name, size)


def test_bytearray_and_memoryview_decode_to_bytes():
    for _, text, expected in VECTORS:
        raw = bytearray(bytes.fromhex(text))
        for data in (raw, memoryview(raw)):
            got = decode(data)
            assert fields(got) == expected
            assert all(isinstance(edt, bytes) for _, edt in got.props)


def test_a_wrong_header_is_rejected():
    raw = bytearray(bytes.fromhex(VECTORS[0][1]))
    for at, value in ((0, 0x00), (0, 0x11), (0, 0x90), (1, 0x80), (1, 0x82), (1, 0x01)):
        bad = bytearray(raw)
        bad[at] = value
        raises(FrameError, decode, bad)


def test_an_undefined_service_is_rejected_as_such():
    raw = bytearray(bytes.fromhex(VECTORS[0][1]))
    for esv in range(256):
        if esv in frame.ESVS:
            continue
        raw[10] = esv
        raises(ServiceError, decode, raw)


def test_a_frame_without_properties_is_rejected():
    raises(FrameError, decode, bytes.fromhex("1081000105FF0102880162000000"))
    raises(FrameError, decode, bytes.fromhex("1081000605FF010288016E0001E200"))
    raises(FrameError, decode, bytes.fromhex("1081000605FF010288016E01E5010000"))


def test_a_count_that_is_too_high_is_rejected():
    raises(FrameError, decode, bytes.fromhex("1081000105FF010288016202E700"))
    raises(FrameError, decode, bytes.fromhex("1081000105FF01028801620" + "1E701"))


def test_what_has_no_form_is_not_encoded():
    good = [(0xE7, b"")]
    raises(ValueError, encode, 0x10000, CTL, METER, frame.GET, good)
    raises(ValueError, encode, -1, CTL, METER, frame.GET, good)
    raises(ValueError, encode, 1, 0x1000000, METER, frame.GET, good)
    raises(ValueError, encode, 1, CTL, METER, 0x64, good)
    raises(ValueError, encode, 1, CTL, METER, frame.GET, [])
    raises(ValueError, encode, 1, CTL, METER, frame.GET, good * 256)
    raises(ValueError, encode, 1, CTL, METER, frame.GET, [(256, b"")])
    raises(ValueError, encode, 1, CTL, METER, frame.SETC, [(0xE5, bytes(256))])
    raises(ValueError, encode, 1, CTL, METER, frame.SETGET, good)
    raises(ValueError, encode, 1, CTL, METER, frame.GET, good, good)


def test_255_properties_go_both_ways():
    props = [(epc, b"") for epc in range(255)]
    assert decode(encode(1, CTL, METER, frame.GET, props)).props == props
