"""The wrapper: datagrams whole and wrong, streams in pieces of any size."""

from check import raises
from keiki.wire.cosem import wrapper
from keiki.wire.cosem.axdr import FrameError
from keiki.wire.cosem.wrapper import Inbox

CASES = [
    # source, destination, APDU, bytes
    (16, 1, b"\xc0\x01", "0001 0010 0001 0002 C001"),
    (1, 102, b"", "0001 0001 0066 0000"),
    (0xFFFF, 0, bytes(300), "0001 FFFF 0000 012C" + "00" * 300),
]


def raw(text):
    return bytes.fromhex(text.replace(" ", ""))


def test_every_case_encodes_and_decodes():
    for source, destination, data, text in CASES:
        assert wrapper.encode(source, destination, data) == raw(text)
        found = wrapper.decode(raw(text), len(raw(text)))
        assert found == (source, destination, 8, 8 + len(data))
        buffer = bytearray(len(raw(text)) + 3)
        wrapper.pack_into(buffer, 3, source, destination, len(data))
        assert buffer[3:11] == raw(text)[:8]


def test_a_datagram_that_is_cut_off_or_longer_or_of_another_version_is_rejected():
    for _, _, _, text in CASES:
        data = raw(text)
        for size in range(len(data)):
            raises(FrameError, wrapper.decode, data, size)
        raises(FrameError, wrapper.decode, data + b"\0", len(data) + 1)
        for version in (b"\0\0", b"\0\2", b"\1\1"):
            raises(FrameError, wrapper.decode, version + data[2:], len(data))


def fed(inbox, data, step):
    """Feed a stream in pieces of `step` bytes; return the APDUs that come."""
    found = []
    at = 0
    while True:
        while (taken := inbox.take()) is not None:
            source, destination, start, end = taken
            found.append((source, destination, bytes(inbox.buffer[start:end])))
        if at == len(data):
            return found
        space = inbox.space()
        assert len(space)
        part = data[at : at + min(step, len(space))]
        space[: len(part)] = part
        inbox.filled(len(part))
        at += len(part)


def test_a_stream_in_pieces_of_any_size_is_the_same_apdus():
    stream = b"".join([raw(text) for _, _, _, text in CASES * 3])
    expected = [(source, destination, data) for source, destination, data, _ in CASES] * 3
    for step in (1, 2, 3, 5, 7, 8, 9, 10, 11, 17, 100, 307, 308, 309, 5000):
        assert fed(Inbox(300), stream, step) == expected, step


def test_a_stream_of_another_version_or_with_too_long_an_apdu_is_given_up():
    for head in ("0002 0010 0001 0000", "0001 0010 0001 012D", "4745 5420 2F20 4854"):
        inbox = Inbox(300)
        raises(FrameError, fed, inbox, raw(head), 3)
        raises(FrameError, inbox.take)
        inbox.reset()
        assert fed(inbox, raw(CASES[0][3]), 1) == [CASES[0][:3]]
