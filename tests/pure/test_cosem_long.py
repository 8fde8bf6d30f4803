"""Values that come in blocks: put together, cut off, out of turn, too long, and taken apart by the client."""

from check import raises
from cosem_world import (
    ASSOCIATION,
    IMPORT,
    MANAGEMENT,
    PUBLIC,
    SAPS,
    SECURITY,
    TEXT,
    Connection,
    World,
    member,
)
from keiki.wire.cosem import initiate, results
from keiki.wire.cosem.axdr import OCTETS, U16
from keiki.wire.cosem.client import Client
from keiki.wire.cosem.objects import Objects
from keiki.wire.cosem.objects_basic import Data
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


TEXT_AND_IMPORT = "02 0001 0000600100FF 02 00 0003 0100010800FF 02 00"
TWO_VALUES = b"\x02" + encode(OCTETS, b"of a list, in blocks") + encode(OCTETS, b"no")


def test_a_list_of_values_in_blocks_of_any_size_is_set_once_when_it_is_whole():
    for size in (1, 2, 7, 24, 200):
        world, connection, _ = opened()
        parts = [TWO_VALUES[at : at + size] for at in range(0, len(TWO_VALUES), size)]
        for i, part in enumerate(parts):
            assert world.text == b"keiki"
            last = i == len(parts) - 1
            head = "C104C1" + TEXT_AND_IMPORT if i == 0 else "C103C1"
            answer = connection.ask(head + block(last, i + 1, part))
            if not last:
                assert answer == bytes.fromhex("C502C1") + (i + 1).to_bytes(4, "big")
        codes = bytes((2, results.SUCCESS, results.DENIED))
        assert answer == bytes.fromhex("C504C1") + codes + len(parts).to_bytes(4, "big")
        assert world.text == b"of a list, in blocks"


def test_a_list_that_does_not_match_its_values_sets_nothing():
    for values in (
        b"",
        b"\x01" + encode(OCTETS, b"one"),
        TWO_VALUES[:-1],
        TWO_VALUES + b"\x00",
        b"\x82\xff\xff",
    ):
        world, connection, _ = opened()
        answer = connection.ask("C104C1" + TEXT_AND_IMPORT + block(1, 1, values))
        assert answer == bytes.fromhex("C504C1") + bytes((2,) + (results.TYPE_UNMATCHED,) * 2 + (0, 0, 0, 1))
        answer = connection.ask("C305C1 02" + 2 * "0046 000060030AFF 01" + block(1, 1, values))
        assert answer == bytes((0xC7, 1, 0xC1, results.TYPE_UNMATCHED, 0))
        assert world.text == b"keiki" and not world.view.log
    world, connection, _ = opened()
    connection.ask("C104C1" + TEXT_AND_IMPORT + block(0, 1, TWO_VALUES[:9]))
    answer = connection.ask("C103C1" + block(1, 3, TWO_VALUES[9:]))
    assert answer == bytes.fromhex("C504C1") + bytes(
        (2,) + (results.BLOCK_NUMBER_INVALID,) * 2 + (0, 0, 0, 3)
    )
    assert connection.ask("C103C1" + block(1, 2, TWO_VALUES[9:]))[3] == results.NO_LONG_SET
    assert world.text == b"keiki"


def test_a_list_of_actions_in_blocks_is_carried_out_in_order():
    for size in (1, 3, 50):
        world, connection, _ = opened()
        values = b"\x02" + encode((1, (2, 22, 9)), [(0, bytes(24))]) + b"\x0f\x00"
        parts = [values[at : at + size] for at in range(0, len(values), size)]
        for i, part in enumerate(parts):
            assert not world.view.log
            head = "C305C1 02 0040 00002B0000FF 02 0046 000060030AFF 01" if i == 0 else "C306C1"
            answer = connection.ask(head + block(i == len(parts) - 1, i + 1, part))
            if i < len(parts) - 1:
                assert answer == bytes.fromhex("C704C1") + (i + 1).to_bytes(4, "big")
        assert answer == bytes.fromhex("C703C1 02 00 00 00 00")
        assert [entry[0] for entry in world.view.log] == ["keys", "disconnect"]


class Talkative(Data):
    """Its method returns a value as long as it is asked for; it waits with one that is `waits_at` long."""

    METHODS = 1
    waits_at = -1

    def act(self, method, reader, writer, association):
        size = reader.number(U16)
        writer.string(OCTETS, bytes([i & 0xFF for i in range(size)]))
        if size == self.waits_at:
            association.wait_for(self.counts)
        return True


def talking(pdu_max, **server):
    world = World(guards={MANAGEMENT: None}, **server)
    found = Talkative(TEXT[1], {MANAGEMENT: (0, 0, 2)}, None)
    world.server.objects = Objects([found])
    connection = Connection(world, MANAGEMENT)
    client = Client(pdu_max=pdu_max)
    connection.do(client.open())
    return found, connection, client


def test_what_an_action_returns_comes_in_blocks_where_it_is_long():
    for pdu_max in (128, 200, 1024):
        _, connection, client = talking(pdu_max)
        for more in range(42):
            size = pdu_max + (more - 30 if more < 40 else 100 * more - 3900)
            connection.longest = 0
            found = connection.do(client.act(member(TEXT, 1), encode(U16, size)))
            assert found == bytes([i & 0xFF for i in range(size)])
            assert connection.longest <= pdu_max
        error = raises(AccessError, connection.do, client.act(member(TEXT, 1), encode(U16, pdu_max + 400)))
        assert error.code == results.OTHER


def test_a_block_of_an_action_out_of_turn_ends_it():
    _, connection, _ = talking(128)
    ask = "C301C1 0001 0000600100FF 01 01 12 00C8"
    for number in (0, 2, 0xFFFFFFFF):
        assert connection.ask(ask)[:4] == bytes.fromhex("C702C100")
        aborted = bytes.fromhex("C701C1") + bytes((results.LONG_ABORTED, 0))
        assert connection.ask("C302C1 %08X" % number) == aborted
        assert connection.ask("C302C1 00000001") == aborted
    # nor is it a GET that goes on
    connection.ask(ask)
    assert connection.ask("C002C1 00000001")[-1] == results.NO_LONG_GET
    assert connection.ask("C302C1 00000001")[:2] == b"\xc7\x01"


def test_an_action_that_fails_late_says_so_in_whatever_block_its_code_is():
    for first in range(70, 125):  # from the first block into the second
        found, connection, _ = talking(128)
        found.waits_at = 60
        entry = "0001 0000600100FF 01"
        request = bytes.fromhex(("C303C1 02" + entry + entry + "02 12 %04X 12 003C" % first).replace(" ", ""))
        association = connection.association
        association.receive(bytearray(request), 0, len(request), MANAGEMENT, 1, 0)
        assert association.waits_for is not None
        start, end = association.conclude(False)
        whole, number = b"", 1
        block = bytes(association.answer[start:end])
        while True:
            assert block[:3] == b"\xc7\x02\xc1" and int.from_bytes(block[4:8], "big") == number
            whole += block[9 if block[8] < 0x80 else 10 :]
            if block[3]:
                break
            block = connection.ask("C302C1 %08X" % number)
            number += 1
        codes = (whole[1], whole[1 + 5 + first])
        assert codes == (0, 1)


def test_without_blocks_agreed_a_long_answer_of_an_action_is_left_out():
    _, connection, client = talking(128)
    connection.association.conformance &= ~initiate.BLOCK_ACTION
    error = raises(AccessError, connection.do, client.act(member(TEXT, 1), encode(U16, 200)))
    assert error.code == results.OTHER
    assert connection.ask("C302C1 00000001") == b"\xd8\x02\x02"


def test_an_answer_to_who_has_no_keys_is_as_long_as_its_transport_allows():
    connection = Connection(World(), PUBLIC)
    connection.association.plain_max = 128
    client = Client()
    connection.do(client.open())
    opened = connection.longest
    assert len(connection.do(client.get_list([(ASSOCIATION, None), (SAPS, None)] * 20))) == 40
    assert opened < connection.longest <= 128
