"""HDLC: frames whole and wrong, streams in pieces, a link that opens, carries, loses, repeats and closes."""

from check import raises
from cosem_line import Line
from cosem_world import IMPORT, PERIOD_S, PROFILE, START_S, TEXT
from keiki.wire.cosem import hdlc
from keiki.wire.cosem.axdr import OCTETS, FrameError
from keiki.wire.cosem.hdlc import Address, Scanner
from keiki.wire.cosem.hdlc_client import LinkError
from keiki.wire.cosem.hdlc_link import decode_sizes, encode_sizes
from keiki.wire.cosem.selection import by_range
from keiki.wire.cosem.values import encode

CASES = [
    # receiver, sender, control, segmented, information, bytes
    (Address(1), Address(16), 0x93, False, b"", "7EA007032193 0F01 7E"),
    (Address(1, 17), Address(1), 0x53, False, b"", "7EA0080223035332B27E"),
    (Address(1, 17, 4), Address(1), 0x53, False, b"", "7EA00A00020023035397A77E"),
    (Address(16), Address(1), 0x30, True, b"\xe6\xe7\x00\xc4", "7EA80D21033010B6E6E700C4130D7E"),
    (Address(0x3FFF, 0x3FFF), Address(1), 0x93, False, b"", "7EA00AFEFEFEFF0393C9837E"),
]


def raw(text):
    return bytes.fromhex(text.replace(" ", ""))


def fields(frame, buffer):
    return (
        frame.receiver.encode(), frame.sender.encode(), frame.control, frame.segmented,
        bytes(buffer[frame.start : frame.end]),
    )  # fmt: skip


def built(case):
    buffer = bytearray(200)
    size = hdlc.encode_into(buffer, *case[:5])
    return bytes(buffer[:size])


def fed(scanner, data, step):
    found = []
    for at in range(0, len(data), step):
        scanner.feed(data[at : at + step])
        while (frame := scanner.take()) is not None:
            found.append(fields(frame, scanner.buffer))
    return found


def expected(case):
    return (case[0].encode(), case[1].encode(), case[2], case[3], case[4])


def test_the_check_is_the_known_one():
    assert hdlc.check(b"123456789", 0, 9) ^ 0xFFFF == 0x906E


def test_every_case_encodes_and_decodes():
    for case in CASES:
        assert built(case) == raw(case[5]), built(case).hex()
        data = built(case)
        assert fields(hdlc.decode(data, 1, len(data) - 1), data) == expected(case)


def test_every_truncation_and_every_flipped_bit_is_rejected():
    for case in CASES:
        data = built(case)
        for size in range(len(data) - 2):
            raises(FrameError, hdlc.decode, data, 1, 1 + size)
        for at in range(1, len(data) - 1):
            for bit in range(8):
                wrong = bytearray(data)
                wrong[at] ^= 1 << bit
                raises(FrameError, hdlc.decode, wrong, 1, len(data) - 1)


def test_an_address_of_three_or_five_bytes_is_rejected():
    for address in (b"\x02\x02\x23", b"\x02\x02\x02\x02\x23", b"\x02\x02\x02\x02\x02\x02\x02"):
        buffer = bytearray(40)

        class Odd(Address):
            def encode(self, address=address):
                return address

        size = hdlc.encode_into(buffer, Odd(1), Address(1), 0x93)
        raises(FrameError, hdlc.decode, buffer, 1, size - 1)


def test_more_than_a_frame_can_hold_has_no_form():
    buffer = bytearray(3000)
    assert hdlc.encode_into(buffer, Address(1), Address(16), 0x10, False, bytes(2030)) == 2030 + 11
    raises(ValueError, hdlc.encode_into, buffer, Address(1), Address(16), 0x10, False, bytes(2040))


def test_a_stream_in_pieces_of_any_size_is_the_same_frames():
    stream = b"".join([built(case) for case in CASES])
    shared = b"\x7e" + b"".join([built(case)[1:] for case in CASES])  # one flag between two frames
    for data in (stream, shared, b"\x7e\x7e" + stream + b"\x7e\x7e"):
        for step in (1, 2, 3, 5, 8, 13, 1000):
            assert fed(Scanner(64), data, step) == [expected(case) for case in CASES]


def test_noise_between_frames_costs_no_frame():
    for noise in (
        b"\x00",
        b"\xff" * 100,
        b"\x7e\xa0",
        b"\x7e\xa0\x07\x03",
        b"\x7e\xa7\xff" + bytes(90),
        b"~A\r\n",
    ):
        scanner = Scanner(64)
        stream = b"".join([noise + built(case) for case in CASES])
        found = fed(scanner, stream + noise + built(CASES[0]) * 3, 7)
        for case in CASES:
            assert expected(case) in found, noise


def test_a_frame_longer_than_the_buffer_is_passed_over():
    scanner = Scanner(8)
    buffer = bytearray(200)
    size = hdlc.encode_into(buffer, Address(1), Address(16), 0x10, False, b"\x7e" * 60)
    assert fed(scanner, bytes(buffer[:size]) + built(CASES[0]), 9) == [expected(CASES[0])]
    assert scanner.lost


def test_a_line_that_was_quiet_begins_anew():
    scanner = Scanner(64)
    assert fed(scanner, built(CASES[3])[:12], 12) == []
    scanner.reset()
    assert fed(scanner, built(CASES[1]), 100) == [expected(CASES[1])]


def test_sizes_are_agreed_and_default_to_128():
    assert encode_sizes(128, 128) == raw("818014 05020080 06020080 070400000001 080400000001")
    assert decode_sizes(encode_sizes(300, 512), 0, 23) == (300, 512)
    for text, sizes in (
        ("", (128, 128)),
        ("818000", (128, 128)),
        ("81800C 050180 060140 070101 080101", (128, 64)),
        ("818006 05020400 0900", (1024, 128)),
    ):
        assert decode_sizes(raw(text), 0, len(raw(text))) == sizes
    good = raw("818014 05020080 06020080 070400000001 080400000001")
    for size in range(1, len(good)):
        raises(FrameError, decode_sizes, good, 0, size)
    for text in ("818003 050100", "818003 060100", "828000", "818002 0505", "818007 05050000000080"):
        raises(FrameError, decode_sizes, raw(text), 0, len(raw(text)))


def test_a_client_connects_reads_and_disconnects_at_every_address_form():
    for address in (Address(1), Address(1, 17), Address(1, 17, 4)):
        line = Line(address=address).opened()
        assert line.do(line.client.get(IMPORT)) == 123456
        line.do(line.client.release())
        line.carry(line.link.disconnect())
        assert not line.server.connected
        for direction, frame in line.sent:
            at = 3 if direction == "up" else 4
            assert frame[at : at + address.size] == address.encode()


def test_long_answers_go_in_segments_of_the_agreed_size():
    for info_max, server_info_max in ((128, 128), (64, 128), (128, 40), (500, 1024)):
        line = Line(info_max, server_info_max, rows=48).opened()
        rows = line.do(line.client.get(PROFILE, by_range(START_S, START_S + 47 * PERIOD_S)))
        assert len(rows) == 48
        longest = max([len(frame) for direction, frame in line.sent if direction == "down"])
        assert longest == min(info_max, server_info_max) + 12


def test_long_requests_go_in_segments():
    line = Line(64, 64).opened()
    value = bytes(range(250))
    line.do(line.client.set(TEXT, encode(OCTETS, value)))
    assert line.world.text == value
    assert line.do(line.client.get(TEXT)) == value


def test_before_the_link_is_open_nothing_is_served():
    line = Line()
    raises(LinkError, line.ask, b"\xc0")
    assert line.sent[-1][1][5 + 1] == hdlc.DM
    line.carry(line.link.disconnect())


def test_another_meter_or_another_client_is_not_answered():
    line = Line(address=Address(1, 18))
    raises(LinkError, line.carry, line.link.connect())
    line = Line(address=Address(2, 17))
    raises(LinkError, line.carry, line.link.connect())
    assert not line.server.connected
    line = Line().opened()
    line.link._sap = Address(33)
    raises(LinkError, line.ask, b"\xc0")
    assert line.server.connected


def test_connecting_or_disconnecting_ends_the_association():
    line = Line().opened()
    assert line.association.client is not None
    line.carry(line.link.connect())
    assert line.association.client is None
    line.do(line.client.open())
    line.carry(line.link.disconnect())
    assert line.association.client is None


def test_a_quiet_link_is_closed():
    line = Line().opened()
    line.server.tick(119999)
    assert line.server.connected
    line.server.tick(120000)
    assert not line.server.connected and line.association.client is None


def test_a_lost_frame_in_either_direction_is_repeated_and_served_once():
    for direction in ("up", "down"):
        for lost in range(12):
            line = Line(64, 64).opened()
            count = [0]

            def lossy(data, count=count, lost=lost):
                count[0] += 1
                return b"" if count[0] == lost + 1 else data

            setattr(line, direction, lossy)
            line.do(line.client.act((70, b"\0\0\x60\x03\x0a\xff", 1), b"\x0f\x00"))
            assert line.world.view.log == [("disconnect", 0, "management")], (direction, lost)
            assert line.do(line.client.get(TEXT)) == b"keiki"
            value = bytes(range(200))
            line.do(line.client.set(TEXT, encode(OCTETS, value)))
            assert line.world.text == value
            assert line.do(line.client.get(TEXT)) == value


def test_a_damaged_frame_is_a_lost_one():
    line = Line().opened()
    count = [0]

    def damage(data):
        count[0] += 1
        return bytes(data[:5]) + b"\x55" + bytes(data[6:]) if count[0] % 3 == 1 else data

    line.up = damage
    for _ in range(10):
        assert line.do(line.client.get(IMPORT)) == 123456
    line.up, line.down = line.down, damage
    for _ in range(10):
        assert line.do(line.client.get(IMPORT)) == 123456


def test_a_dead_line_is_given_up():
    line = Line().opened()
    line.down = lambda data: b""
    before = len(line.sent)
    error = raises(LinkError, line.do, line.client.get(IMPORT))
    assert str(error) == "no answer"
    assert len([1 for direction, _ in line.sent[before:] if direction == "up"]) == 3


def test_an_apdu_longer_than_served_is_refused_when_it_ends():
    line = Line().opened()
    assert bytes(line.ask(b"\xc0" * 3000)) == b"\xd8\x01\x04"
    assert line.do(line.client.get(IMPORT)) == 123456


def test_an_apdu_without_its_llc_head_is_not_served():
    line = Line().opened()
    request = hdlc.encode_into
    buffer = bytearray(100)
    size = request(buffer, Address(1, 17), Address(1), 0x10 | 1 << 5 | 1 << 1, False, b"\xe6\xe7\x00\xc0")
    line.server.feed(bytes(buffer[:size]))
    answer = bytes(line.server.answer(0))
    assert hdlc.kind(answer[6]) == hdlc.RR


def test_an_unknown_kind_of_frame_is_not_answered():
    line = Line().opened()
    buffer = bytearray(100)
    for control in (0x13, 0x97, 0x1F, 0x73, 0x15, 0x87, 0xFF):
        size = hdlc.encode_into(buffer, Address(1, 17), Address(1), control)
        line.server.feed(bytes(buffer[:size]))
        assert line.server.answer(0) is None
    assert line.do(line.client.get(IMPORT)) == 123456
