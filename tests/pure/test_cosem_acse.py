"""ACSE and the xDLMS context: what clients send and servers answer, whole, cut off, and wrong."""

from check import raises
from keiki.wire.cosem import acse, apdu, initiate
from keiki.wire.cosem.acse import Associate
from keiki.wire.cosem.axdr import FrameError, Reader

TITLE = b"HES\0\0\0\0\x09"
METER = b"KEI\0\0\0\0\x01"
CHALLENGE = bytes(range(16))
INFO = bytes.fromhex("01000000065F1F0400401E9DFFFF")

REQUESTS = [
    # what it says, bytes
    (Associate(1, info=INFO), "601D A1090607 60857405080101 BE10 040E" + INFO.hex()),
    (
        Associate(1, TITLE, info=INFO),
        "6029 A1090607 60857405080101 A60A 0408 4845530000000009 BE10 040E" + INFO.hex(),
    ),
    (
        Associate(3, TITLE, 5, CHALLENGE, INFO),
        "604A A1090607 60857405080103 A60A 0408 4845530000000009 8A02 0780 8B07 60857405080205"
        "AC12 8010" + CHALLENGE.hex() + "BE10 040E" + INFO.hex(),
    ),
    (Associate(1), "600B A1090607 60857405080101"),
    (
        Associate(3, TITLE, 5, bytes(64), bytes(40)),
        "608194 A1090607 60857405080103 A60A 0408 4845530000000009 8A02 0780 8B07 60857405080205"
        "AC42 8040" + "00" * 64 + "BE2A 0428" + "00" * 40,
    ),
]
ANSWERS = [
    (
        Associate(1, info=INFO),
        "6129 A1090607 60857405080101 A203020100 A305A103020100 BE10 040E" + INFO.hex(),
    ),
    (
        Associate(3, METER, 5, CHALLENGE, INFO, 0, 14),
        "6156 A1090607 60857405080103 A203020100 A305A10302010E A40A 0408 4B45490000000001 8802 0780"
        "8907 60857405080205 AA12 8010" + CHALLENGE.hex() + "BE10 040E" + INFO.hex(),
    ),
    (Associate(1, result=1, diagnostic=13), "6117 A1090607 60857405080101 A203020101 A305A10302010D"),
    (
        Associate(3, result=1, diagnostic=1, info=b"\x0e\x01\x06\x03"),
        "611F A1090607 60857405080103 A203020101 A305A103020101 BE06 0404 0E010603",
    ),
]


def raw(text):
    return bytes.fromhex(text.replace(" ", ""))


def same(found, expected):
    return all(getattr(found, name) == getattr(expected, name) for name in Associate.__slots__)


BOTH = (
    (REQUESTS, acse.encode_request, acse.decode_request),
    (ANSWERS, acse.encode_answer, acse.decode_answer),
)


def test_every_case_encodes_and_decodes():
    for cases, encode, decode in BOTH:
        for expected, text in cases:
            assert encode(expected) == raw(text), text
            assert same(decode(Reader(raw(text))), expected), text


def test_every_truncation_and_trailing_data_are_rejected():
    for cases, _, decode in BOTH:
        for _, text in cases:
            data = raw(text)
            for size in range(len(data)):
                raises(FrameError, decode, Reader(data, 0, size))
            raises(FrameError, decode, Reader(data + b"\0"))


def test_an_answer_is_no_request():
    raises(FrameError, acse.decode_request, Reader(raw(ANSWERS[0][1])))
    raises(FrameError, acse.decode_answer, Reader(raw(REQUESTS[0][1])))


def test_what_a_client_may_add_is_passed_over():
    # gurux: called AP title; a protocol version; an AE qualifier
    data = raw("6018 80020780 A1090607 60857405080101 A203020101 A3020400")
    found = acse.decode_request(Reader(data))
    assert found.context == 1 and found.info == b""


def test_an_element_twice_is_rejected():
    data = raw("6016 A1090607 60857405080101 A1090607 60857405080103")
    raises(FrameError, acse.decode_request, Reader(data))


def test_a_context_or_mechanism_that_is_not_dlms_s_is_none():
    for text, context in (
        ("600B A1090607 60857405080201", 0),
        ("600A A1080606 608574050801", 0),
        ("600C A10A0608 6085740508010101", 0),
        ("6004 A102 0600", 0),
        ("600B A1090607 608574050801FF", 255),
    ):
        assert acse.decode_request(Reader(raw(text))).context == context
    assert acse.decode_request(Reader(raw("6009 8B07 60857405080105"))).mechanism == 0


def test_an_element_with_something_else_inside_is_rejected():
    for text in (
        "6004 A102 0400",
        "6004 A602 0200",
        "6006 BE04 0401 AABB",
        "6004 BE02 3000",
        "6004 AC02 8101",
    ):
        raises(FrameError, acse.decode_request, Reader(raw(text)))
    for text in ("6107 A305 A203 040100", "6107 A305 A303 020100", "6105 A203 0A0100"):
        raises(FrameError, acse.decode_answer, Reader(raw(text)))


def test_a_challenge_longer_than_64_bytes_is_rejected():
    data = Associate(3, TITLE, 5, bytes(65))
    raises(FrameError, acse.decode_request, Reader(acse.encode_request(data)))


def test_the_diagnostic_of_the_provider_is_one_too():
    assert acse.decode_answer(Reader(raw("6107 A305 A203 020102"))).diagnostic == 2


RELEASES = [
    # tag, reason, information, bytes that are sent, bytes that mean the same
    (apdu.RLRQ, 0, b"", "6203 800100", "6200"),
    (apdu.RLRE, 0, b"", "6303 800100", "6300"),
    (apdu.RLRE, 0, b"\x28\x00", "6309 800100 BE04 0402 2800", "6306 BE04 0402 2800"),
    (apdu.RLRQ, 0, b"\x21\x00", "6209 800100 BE04 0402 2100", "6206 BE04 0402 2100"),
]


def test_every_release_encodes_and_decodes_in_both_forms():
    for tag, reason, info, text, other in RELEASES:
        assert acse.encode_release(tag, reason, info) == raw(text)
        for form in (text, other):
            assert acse.decode_release(Reader(raw(form)), tag) == (reason, info)
            for size in range(len(raw(form))):
                raises(FrameError, acse.decode_release, Reader(raw(form), 0, size), tag)
            raises(FrameError, acse.decode_release, Reader(raw(form) + b"\0"), tag)
        raises(FrameError, acse.decode_release, Reader(raw(text)), tag ^ 1)


PROPOSALS = [
    # conformance, PDU, dedicated key, bytes
    (0x401E9D, 0xFFFF, b"", "01000000 06 5F1F0400 401E9D FFFF"),
    (0x60525F, 1024, b"", "01000000 06 5F1F0400 60525F 0400"),
    (0x401E5D, 0, bytes(16), "010110" + "00" * 16 + "0000 06 5F1F0400 401E5D 0000"),
]


def test_every_proposal_encodes_and_decodes():
    for conformance, pdu_max, key, text in PROPOSALS:
        assert initiate.encode_request(initiate.Proposal(conformance, pdu_max, key)) == raw(text)
        found = initiate.decode_request(Reader(raw(text)))
        assert (found.conformance, found.pdu_max, found.dedicated_key, found.version) == (
            conformance, pdu_max, key, 6,
        )  # fmt: skip
        for size in range(len(raw(text))):
            raises(FrameError, initiate.decode_request, Reader(raw(text), 0, size))
        raises(FrameError, initiate.decode_request, Reader(raw(text) + b"\0"))


def test_a_proposal_with_every_option_decodes():
    found = initiate.decode_request(Reader(raw("0100 0101 0105 06 5F1F0400 401E9D FFFF")))
    assert found.conformance == 0x401E9D
    raises(FrameError, initiate.decode_request, Reader(raw("0102 0000 06 5F1F0400 401E9D FFFF")))
    raises(FrameError, initiate.decode_request, Reader(raw("01000000 06 5F1F0401 401E9D FFFF")))


def test_the_answer_to_a_proposal_encodes_and_decodes():
    text = "0800 06 5F1F0400 401E9D 0400 0007"
    assert initiate.encode_answer(0x401E9D, 1024) == raw(text)
    assert initiate.decode_answer(Reader(raw(text))) == (0x401E9D, 1024)
    for size in range(len(raw(text))):
        raises(FrameError, initiate.decode_answer, Reader(raw(text), 0, size))
    for wrong in (text + "00", "0800 05 5F1F0400 401E9D 0400 0007", "0800 06 5F1F0400 401E9D 0400 0008"):
        raises(FrameError, initiate.decode_answer, Reader(raw(wrong)))
    assert initiate.decode_answer(Reader(raw("080101 06 5F1F0400 000010 0080 0007"))) == (0x10, 128)


def test_the_bits_of_the_conformance_are_those_of_the_table():
    bits = {
        "GENERAL_PROTECTION": 1, "BLOCK_GET": 11, "BLOCK_SET": 12, "BLOCK_ACTION": 13,
        "MULTIPLE_REFERENCES": 14, "DATA_NOTIFICATION": 16, "SERVICE_GET": 19, "SERVICE_SET": 20,
        "SELECTIVE_ACCESS": 21, "SERVICE_ACTION": 23,
    }  # fmt: skip
    for name, bit in bits.items():
        assert getattr(initiate, name) == 1 << (23 - bit), name
    assert sum([1 << (23 - bit) for bit in bits.values()]) == initiate.OURS
