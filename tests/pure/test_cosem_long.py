"""Values that come in blocks: put together, cut off, out of turn, too long, and taken apart by the client."""

from check import raises
from cosem_world import IMPORT, MANAGEMENT, SECURITY, TEXT, Connection, World, member
from keiki.wire.cosem import results
from keiki.wire.cosem.axdr import OCTETS
from keiki.wire.cosem.client import Client
from keiki.wire.cosem.results import AccessError
from keiki.wire.cosem.server_blocks import PIECE_MAX
from keiki.wire.cosem.values import encode

SET_FIRST = "C102C1 0001 0000600100FF 02 00"
LONG = encode(OCTETS, bytes(200))
KEYS = member(SECURITY, 2)
ACT_FIRST = "C304C1 0040 00002B0000FF 02"


def opened():
    world = World(guards={MANAGEMENT: None})
    connection = Connection(world, MANAGEMENT)
    client = Client()
    connection.do(client.open())
    return world, connection, client


def block(last, number, data):
    return "%02X %08X %02X" % (last, number, len(data)) + data.hex()


def test_a_value_in_blocks_of_any_size_is_set_once_when_it_is_whole():
    value = encode(OCTETS, b"a value of thirty-two bytes, set")
    for size in (1, 2, 5, 17, 33, 34, 200):
        world, connection, _ = opened()
        stored = []
        world.objects[1]._store = lambda reader, stored=stored: stored.append(reader.string())
        parts = [value[at : at + size] for at in range(0, len(value), size)]
        for i, part in enumerate(parts):
            last = i == len(parts) - 1
            request = (SET_FIRST if i == 0 else "C103C1") + block(last, i + 1, part)
            answer = connection.ask(request)
            if not last:
                assert answer == bytes.fromhex("C502C1") + (i + 1).to_bytes(4, "big")
                assert not stored
        assert answer == bytes.fromhex("C503C100") + len(parts).to_bytes(4, "big")
        assert stored == [value[2:]]


def test_the_client_sends_a_long_value_in_blocks_and_reads_it_back():
    world, connection, client = opened()
    client.server_pdu_max = 128
    for size in (60, 61, 62, 63, 64, 65, 126, 127, 128, 129, 130, 300, PIECE_MAX - 4):
        value = bytes([i & 0xFF for i in range(size)])
        connection.do(client.set(TEXT, encode(OCTETS, value)))
        assert world.text == value
        assert connection.do(client.get(TEXT)) == value


def test_the_client_sends_a_long_parameter_in_blocks():
    world, connection, client = opened()
    client.server_pdu_max = 100
    keys = [(i, bytes([i] * 24)) for i in range(3)]
    value = encode((1, (2, 22, 9)), keys)
    assert len(value) > 2 * (100 - 64)
    connection.do(client.act(KEYS, value))
    assert world.view.log == [("keys", keys, "management")]


def test_a_value_longer_than_the_buffer_is_refused_and_forgotten():
    world, connection, client = opened()
    client.server_pdu_max = 128
    for size, code in ((PIECE_MAX - 3, results.LONG_SET_ABORTED), (2000, results.LONG_SET_ABORTED)):
        error = raises(AccessError, connection.do, client.set(TEXT, encode(OCTETS, bytes(size))))
        assert error.code == code
        assert connection.association.intake.service == 0
    error = raises(AccessError, connection.do, client.act(KEYS, encode(OCTETS, bytes(2000))))
    assert error.code == results.LONG_SET_ABORTED
    assert world.text == b"keiki"


def test_a_block_out_of_turn_ends_the_value():
    refused = bytes((results.BLOCK_NUMBER_INVALID,))
    for number in (0, 1, 3, 0xFFFFFFFF):
        world, connection, _ = opened()
        assert connection.ask(SET_FIRST + block(0, 1, b"\x09")) == bytes.fromhex("C502C1 00000001")
        answer = connection.ask("C103C1" + block(1, number, b"\x00"))
        assert answer == bytes.fromhex("C503C1") + refused + number.to_bytes(4, "big")
        answer = connection.ask("C103C1" + block(1, 2, b"\x00"))
        assert answer[3] == results.NO_LONG_SET
        assert world.text == b"keiki"
    for number in (0, 2):
        world, connection, _ = opened()
        assert connection.ask(SET_FIRST + block(1, number, b"\x09\x00"))[3:4] == refused


def test_a_block_without_a_first_one_is_refused():
    world, connection, _ = opened()
    assert connection.ask("C103C1" + block(1, 2, b"\x00"))[3] == results.NO_LONG_SET
    assert connection.ask("C306C1" + block(1, 2, b"\x00"))[3] == results.LONG_ABORTED
    # nor does one service go on with what another one began
    connection.ask(SET_FIRST + block(0, 1, b"\x09"))
    assert connection.ask("C306C1" + block(1, 2, b"\x00"))[3] == results.LONG_ABORTED
    connection.ask(ACT_FIRST + block(0, 1, b"\x01"))
    assert connection.ask("C103C1" + block(1, 2, b"\x00"))[3] == results.NO_LONG_SET
    assert world.text == b"keiki" and not world.view.log


def test_what_is_not_one_value_when_it_is_whole_is_not_set():
    for data in (b"", b"\x09", b"\x09\x05new", b"\x09\x00\x00", b"\xff", b"\x01\x81"):
        world, connection, _ = opened()
        assert connection.ask(SET_FIRST + block(1, 1, data))[3] == results.TYPE_UNMATCHED
        assert connection.ask(ACT_FIRST + block(1, 1, data))[3] == results.TYPE_UNMATCHED
        assert world.text == b"keiki" and not world.view.log


def test_who_may_not_is_told_at_the_first_block():
    _, connection, client = opened()
    client.server_pdu_max = 128
    for operation in (client.set(IMPORT, LONG), client.act(member(IMPORT, 1), LONG)):
        connection.sent = 0
        assert raises(AccessError, connection.do, operation).code == results.DENIED
        assert connection.sent == 1
        assert connection.association.intake.service == 0


def test_a_selective_set_is_refused():
    _, connection, _ = opened()
    request = "C102C1 0001 0000600100FF 02 01 01 00" + block(1, 1, b"\x09\x00")
    assert connection.ask(request)[3] == results.SCOPE_VIOLATED
    assert connection.ask("C101C1 0001 0000600100FF 02 01 01 00 0900")[3] == results.SCOPE_VIOLATED


def test_a_get_in_between_ends_the_value():
    world, connection, _ = opened()
    connection.ask(SET_FIRST + block(0, 1, b"\x09"))
    connection.ask("C001C1 0001 0000600100FF 02 00")
    assert connection.ask("C103C1" + block(1, 2, b"\x00"))[3] == results.NO_LONG_SET
    assert world.text == b"keiki"


def test_a_release_forgets_half_a_value():
    _, connection, client = opened()
    connection.ask(SET_FIRST + block(0, 1, b"\x09"))
    connection.do(client.release())
    connection.do(client.open())
    assert connection.ask("C103C1" + block(1, 2, b"\x00"))[3] == results.NO_LONG_SET


def test_lists_in_blocks_are_not_supported():
    _, connection, _ = opened()
    for request in ("C104C100 01 00000001 00", "C305C1 00 01 00000001 00", "C302C1 00000001"):
        assert connection.ask(request) == b"\xd8\x02\x02"
