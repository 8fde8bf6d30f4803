"""The server without security: who associates, what is served, what is refused, how long answers come."""

from check import raises
from cosem_world import (
    ASSOCIATION,
    BROKEN,
    COUNTER,
    IMPORT,
    MANAGEMENT,
    PROFILE,
    PUBLIC,
    SAPS,
    SWITCH,
    TEXT,
    Connection,
    World,
    member,
)  # fmt: skip
from keiki.wire.cosem import acse, apdu, initiate, results
from keiki.wire.cosem.axdr import ENUM, I8, OCTETS, U32, Reader
from keiki.wire.cosem.client import Client, Refused
from keiki.wire.cosem.results import AccessError
from keiki.wire.cosem.selection import by_entry
from keiki.wire.cosem.server import IDLE, OPEN
from keiki.wire.cosem.server_blocks import PIECE_MAX
from keiki.wire.cosem.values import encode

AARQ = "601DA109060760857405080101BE10040E01000000065F1F0400401E9DFFFF"
EXCEPTION_NOT_ALLOWED = b"\xd8\x01\x01"
EXCEPTION_NOT_SUPPORTED = b"\xd8\x02\x02"
EXCEPTION_MALFORMED = b"\xd8\x02\x03"


def opened(sap=MANAGEMENT, pdu_max=0xFFFF, **world):
    """Return a world, a connection with an association open on it, and its client."""
    world = World(guards={MANAGEMENT: None}, **world)
    connection = Connection(world, sap)
    client = Client(pdu_max=pdu_max)
    connection.do(client.open())
    return world, connection, client


def code(connection, operation):
    """Return the result code that an operation is refused with."""
    return raises(AccessError, connection.do, operation).code


def test_the_public_client_associates_reads_a_counter_and_releases():
    connection = Connection(World())
    assert connection.ask(AARQ) == bytes.fromhex(
        "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F0400401E9D04000007"
    )
    assert connection.ask("C001C1 0001 00002B0100FF 02 00") == bytes.fromhex("C401C100060000004D")
    assert connection.ask("6203800100") == bytes.fromhex("6303800100")
    assert connection.association.state == IDLE


def test_without_association_nothing_is_served():
    connection = Connection(World())
    assert connection.ask("C001C1 0001 00002B0100FF 02 00") == EXCEPTION_NOT_ALLOWED
    connection.ask(AARQ)
    connection.ask("6200")
    assert connection.ask("C001C1 0001 00002B0100FF 02 00") == EXCEPTION_NOT_ALLOWED


def test_another_client_on_the_same_connection_is_served_nothing():
    connection = Connection(World())
    connection.ask(AARQ)
    connection.sap = MANAGEMENT
    assert connection.ask("C001C1 0001 00002B0100FF 02 00") == EXCEPTION_NOT_ALLOWED
    connection.sap = PUBLIC
    assert connection.ask("C001C1 0001 00002B0100FF 02 00") == bytes.fromhex("C401C100060000004D")


def test_a_client_that_is_not_known_is_refused():
    connection = Connection(World(), sap=33)
    refused = raises(Refused, connection.do, Client().open())
    assert refused.code == acse.NO_REASON
    assert connection.association.state == IDLE


def test_another_logical_device_is_not_there():
    world = World()
    association = Connection(world).association
    buffer = bytearray(bytes.fromhex(AARQ))
    assert association.receive(buffer, 0, len(buffer), PUBLIC, 2, 0) is None
    assert association.receive(buffer, 3, 3, PUBLIC, 1, 0) is None


def test_an_association_that_cannot_be_is_refused_with_its_diagnostic():
    cases = [
        # what is asked for, diagnostic, initiate error
        (acse.Associate(acse.LN_CIPHERED), acse.CONTEXT_NOT_SUPPORTED, b""),
        (acse.Associate(2), acse.CONTEXT_NOT_SUPPORTED, b""),
        (acse.Associate(acse.LN, mechanism=1, challenge=b"12345678"), acse.MECHANISM_NOT_RECOGNIZED, b""),
        (acse.Associate(acse.LN), acse.NO_REASON, b""),
    ]
    for request, diagnostic, info in cases:
        connection = Connection(World())
        answer = acse.decode_answer(Reader(connection.ask(acse.encode_request(request))))
        assert (answer.result, answer.diagnostic, answer.info) == (acse.REJECTED, diagnostic, info)
        assert connection.association.state == IDLE


def test_a_context_that_cannot_be_is_refused_with_its_error():
    good = initiate.OURS
    cases = [
        (initiate.Proposal(good, 1024, version=5), initiate.VERSION_TOO_LOW),
        (initiate.Proposal(good & ~initiate.SERVICE_GET, 1024), initiate.CONFORMANCE_INCOMPATIBLE),
        (initiate.Proposal(good, 127), initiate.PDU_TOO_SHORT),
        (initiate.Proposal(good, 1024, dedicated_key=bytes(16)), initiate.REFUSED),
    ]
    for proposal, error in cases:
        connection = Connection(World())
        request = acse.encode_request(acse.Associate(acse.LN, info=initiate.encode_request(proposal)))
        answer = acse.decode_answer(Reader(connection.ask(request)))
        assert (answer.result, answer.info) == (acse.REJECTED, bytes((0x0E, 1, 6, error)))
        assert connection.association.state == IDLE


def test_what_is_agreed_is_what_both_can():
    world = World()
    connection = Connection(world)
    for asked in (0x60525F, 0x401E5D, 0xFFFFFF, 0x000010):
        info = initiate.encode_request(initiate.Proposal(asked, 0))
        answer = connection.ask(acse.encode_request(acse.Associate(acse.LN, info=info)))
        agreed, pdu_max = initiate.decode_answer(Reader(acse.decode_answer(Reader(answer)).info))
        assert agreed == asked & 0x401E9D
        assert pdu_max == world.server.pdu_max


def test_a_service_that_was_not_agreed_is_not_supported():
    connection = Connection(World(guards={MANAGEMENT: None}), MANAGEMENT)
    info = initiate.encode_request(initiate.Proposal(initiate.SERVICE_GET, 1024))
    connection.ask(acse.encode_request(acse.Associate(acse.LN, info=info)))
    name = "0001 0000600100FF 02"
    for request in (
        "C002C1 00000001", "C003C1 01" + name + "00", "C101C1" + name + "00 0900", "C301C1" + name + "00",
        "C102C1" + name + "00 01 00000001 00", "C103C1 01 00000001 00", "C105C1 01" + name + "00 01 0900",
        "C304C1" + name + "01 00000001 00", "C306C1 01 00000001 00", "C303C1 01" + name + "01 00",
    ):  # fmt: skip
        assert connection.ask(request) == EXCEPTION_NOT_SUPPORTED, request
    assert connection.ask("C001C1" + name + "00") == bytes.fromhex("C401C100") + b"\x09\x05keiki"


def test_selection_and_blocks_that_were_not_agreed_are_refused_with_a_code():
    connection = Connection(World(guards={MANAGEMENT: None}), MANAGEMENT)
    info = initiate.encode_request(initiate.Proposal(initiate.SERVICE_GET, 128))
    connection.ask(acse.encode_request(acse.Associate(acse.LN, info=info)))
    entries = by_entry(1, 2).hex()
    assert connection.ask("C001C1 0007 0100630100FF 02 01" + entries) == bytes.fromhex("C401C1010D")
    assert connection.ask("C001C1 0007 0100630100FF 02 00") == bytes.fromhex("C401C101FA")
    assert not connection.association.transfer.running


def test_what_a_client_may_not_see_or_do_is_refused():
    _, connection, client = opened()
    assert connection.do(client.get(IMPORT)) == 123456
    assert code(connection, client.get(COUNTER)) == results.UNDEFINED  # the public client's only
    assert code(connection, client.get((1, b"\0\0\1\2\3\4", 2))) == results.UNDEFINED
    assert code(connection, client.get((1, IMPORT[1], 2))) == results.CLASS_INCONSISTENT
    for number in (0, -1, 4, 127):
        assert code(connection, client.get(member(IMPORT, number))) == results.DENIED
    assert code(connection, client.set(IMPORT, encode(U32, 1))) == results.DENIED
    assert code(connection, client.act(member(IMPORT, 1), encode(I8, 0))) == results.DENIED
    assert code(connection, client.get(BROKEN)) == results.UNAVAILABLE
    assert code(connection, client.get(TEXT, by_entry(1, 1))) == results.SCOPE_VIOLATED


def test_the_public_client_sees_its_own_objects_only():
    _, connection, client = opened(PUBLIC)
    names = [entry[2] for entry in connection.do(client.get(ASSOCIATION))]
    assert names == sorted([COUNTER[1], ASSOCIATION[1], SAPS[1]])
    for descriptor in (TEXT, IMPORT, PROFILE, SWITCH):
        assert code(connection, client.get(descriptor)) == results.UNDEFINED
        assert code(connection, client.set(descriptor, b"\0")) == results.UNDEFINED
        assert code(connection, client.act(descriptor, b"\0")) == results.UNDEFINED


def test_the_object_list_says_what_the_access_tables_say():
    world, connection, client = opened()
    listed = {entry[2]: entry for entry in connection.do(client.get(ASSOCIATION))}
    assert len(listed) == 9
    for found in world.objects:
        if MANAGEMENT not in found.access:
            assert found.name not in listed
            continue
        class_id, version, _, (attributes, methods) = listed[found.name]
        assert (class_id, version) == (found.class_id, found.version)
        read, write, act = found.access[MANAGEMENT]
        assert [mode for _, mode, _ in attributes] == [
            (read >> i & 1) + 2 * (write >> i & 1) for i in range(1, found.counts()[0] + 1)
        ]
        assert [mode for _, mode in methods] == [act >> i & 1 for i in range(1, found.counts()[1] + 1)]


def test_every_readable_attribute_of_every_object_is_one_value():
    world, connection, client = opened()
    count = 0
    for found in world.objects:
        for attribute in range(1, found.counts()[0] + 1):
            if found.access.get(MANAGEMENT, (0, 0, 0))[0] >> attribute & 1 and found.name != BROKEN[1]:
                if found.class_id == 15 and attribute == 7:
                    continue  # the secret
                value = connection.do(client.get((found.class_id, found.name, attribute)))
                assert attribute != 1 or value == found.name
                count += 1
    assert count > 40


def test_the_secret_of_an_association_is_never_read():
    _, connection, client = opened()
    assert code(connection, client.get(member(ASSOCIATION, 7))) == results.DENIED


def test_the_association_object_tells_what_was_agreed():
    _, connection, client = opened(pdu_max=500)
    context = connection.do(client.get(member(ASSOCIATION, 5)))
    assert context == ((0x401E9D, 24), 1024, 500, 6, 0, b"")
    assert connection.do(client.get(member(ASSOCIATION, 3))) == (MANAGEMENT, 1)
    assert connection.do(client.get(member(ASSOCIATION, 8))) == 2
    assert connection.do(client.get(SAPS)) == [(1, b"KEI0000000000001")]


def test_set_changes_a_value_and_a_wrong_type_changes_nothing():
    world, connection, client = opened()
    connection.do(client.set(TEXT, encode(OCTETS, b"new")))
    assert world.text == b"new"
    assert code(connection, client.set(TEXT, encode(U32, 1))) == results.TYPE_UNMATCHED
    assert world.text == b"new"
    assert code(connection, client.set(member(SWITCH, 4), encode(ENUM, 7))) == results.OTHER
    assert code(connection, client.set(member(SWITCH, 3), encode(ENUM, 1))) == results.DENIED
    connection.do(client.set(member(SWITCH, 4), encode(ENUM, 6)))
    assert world.view.log == [("mode", 6, "management")]


def test_set_of_period_or_columns_of_the_profile_is_refused():
    world, connection, client = opened()
    assert code(connection, client.set(member(PROFILE, 4), encode(U32, 900))) == results.DENIED
    assert code(connection, client.set(member(PROFILE, 3), bytes.fromhex("0100"))) == results.DENIED
    assert world.profile.period_s == 1800
    for method in (1, 2):
        assert code(connection, client.act(member(PROFILE, method), encode(I8, 0))) == results.DENIED


def test_a_profile_whose_period_may_change_takes_another_one():
    world, connection, client = opened()
    seen = []
    world.profile.set_period = seen.append
    connection.do(client.set(member(PROFILE, 4), encode(U32, 900)))
    assert seen == [900]
    assert connection.do(client.get(member(PROFILE, 4))) == 900


def test_action_is_carried_out_once_and_its_failure_is_told():
    world, connection, client = opened()
    assert connection.do(client.act(member(SWITCH, 1), encode(I8, 0))) is None
    assert world.view.log == [("disconnect", 0, "management")]
    assert code(connection, client.act(member(SWITCH, 2), encode(I8, 0))) == results.HARDWARE_FAULT
    assert code(connection, client.act(member(SWITCH, 1), encode(U32, 0))) == results.TYPE_UNMATCHED
    assert code(connection, client.act(member(SWITCH, 1))) == results.TYPE_UNMATCHED
    assert len(world.view.log) == 1


def test_a_list_answers_each_by_itself():
    _, connection, client = opened()
    found = connection.do(
        client.get_list([(IMPORT, None), (BROKEN, None), (TEXT, None), (PROFILE, by_entry(2, 2))])
    )
    assert found[0] == 123456
    assert found[1].code == results.UNAVAILABLE
    assert found[2] == b"keiki"
    assert [row[1:] for row in found[3]] == [(1, 10)]


def test_set_and_action_with_list_answer_each_by_itself():
    world, connection, _ = opened()
    name, switch = "0001 0000600100FF 02", "0046 000060030AFF"
    answer = connection.ask("C105C1 02" + name + "00" + "0003 0100010800FF 02 00" + "02 0901AA 0600000000")
    assert answer == bytes.fromhex("C505C1020003")
    assert world.text == b"\xaa"
    answer = connection.ask("C303C1 02" + switch + "01" + switch + "02 02 0F00 0F00")
    assert answer == bytes.fromhex("C703C1 02 0000 0100".replace(" ", ""))
    assert world.view.log == [("disconnect", 0, "management")]
    # nothing at all if the lists do not match
    assert connection.ask("C105C1 01" + name + "00 02 0901BB 0901CC") == EXCEPTION_MALFORMED
    assert connection.ask("C303C1 02" + switch + "01" + switch + "01 01 0F00") == EXCEPTION_MALFORMED
    assert world.text == b"\xaa" and len(world.view.log) == 1


def test_an_unexpected_tag_is_not_supported():
    _, connection, _ = opened()
    served = (0x60, 0x62)
    for tag in range(256):
        if tag not in served:
            answer = connection.ask(bytes((tag, 0xF0, 0, 0)))
            assert answer in (EXCEPTION_NOT_SUPPORTED, EXCEPTION_MALFORMED), tag
    assert connection.association.state == OPEN


def test_an_apdu_longer_than_agreed_is_refused():
    _, connection, _ = opened()
    assert connection.ask(b"\xc0" * 1055) == b"\xd8\x01\x04"
    assert connection.ask(b"\xc0" * 1054) == EXCEPTION_NOT_SUPPORTED  # protection is not counted
    assert connection.ask("C001C1 0001 0000600100FF 02 00")[:4] == b"\xc4\x01\xc1\x00"


def test_every_truncation_and_every_trailing_byte_of_a_service_is_refused_and_does_nothing():
    world, connection, _ = opened()
    for request in (
        "C001C1 0001 0000600100FF 02 00",
        "C101C1 0001 0000600100FF 02 00 0901BB",
        "C301C1 0046 000060030AFF 01 01 0F00",
        "C105C1 01 0001 0000600100FF 02 00 01 0901BB",
        "C303C1 01 0046 000060030AFF 01 01 0F00",
        "C102C1 0001 0000600100FF 02 00 01 00000001 03 0901BB",
        "C304C1 0046 000060030AFF 01 01 00000001 02 0F00",
    ):
        raw = bytes.fromhex(request.replace(" ", ""))
        for size in range(1, len(raw)):
            assert connection.ask(raw[:size]) in (EXCEPTION_MALFORMED, EXCEPTION_NOT_SUPPORTED), (
                request,
                size,
            )
        assert connection.ask(raw + b"\0") == EXCEPTION_MALFORMED, request
    assert world.text == b"keiki" and world.view.log == []


def test_a_malformed_association_request_ends_the_association_before():
    _, connection, _ = opened()
    assert connection.association.state == OPEN
    answer = acse.decode_answer(Reader(connection.ask("60038100FF")))
    assert answer.result == acse.REJECTED
    assert connection.association.state == IDLE


def test_a_value_longer_than_a_piece_is_refused_by_itself():
    world, connection, client = opened()
    world.text = bytes(PIECE_MAX + 1024)
    assert code(connection, client.get(TEXT)) == results.OTHER
    found = connection.do(client.get_list([(TEXT, None), (IMPORT, None)]))
    assert found[0].code == results.OTHER and found[1] == 123456


def test_the_layout_of_the_exceptions_is_that_of_the_table():
    for error, raw in ((apdu.NOT_ALLOWED, EXCEPTION_NOT_ALLOWED), (apdu.MALFORMED, EXCEPTION_MALFORMED)):
        assert bytes((apdu.EXCEPTION,) + error) == raw  # noqa: RUF005
