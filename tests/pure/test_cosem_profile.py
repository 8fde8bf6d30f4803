"""Profiles: ranges by bisection, entries, columns, holes, blocks of 100 days, clocks left out."""

from check import raises
from cosem_world import (
    COLUMNS,
    IMPORT,
    MANAGEMENT,
    PERIOD_S,
    PROFILE,
    START_S,
    TEXT,
    Connection,
    World,
    member,
)  # fmt: skip
from keiki.wire.cosem import apdu, datetime12, results
from keiki.wire.cosem.axdr import ARRAY, FrameError, Reader, Writer
from keiki.wire.cosem.client import Client
from keiki.wire.cosem.objects_profile import CLOCK_COLUMN, first_from, nth
from keiki.wire.cosem.results import AccessError
from keiki.wire.cosem.selection import by_entry, by_range, with_clocks
from keiki.wire.cosem.server_blocks import PIECE_MAX

DAY = 48


def opened(pdu_max=0xFFFF, **world):
    world = World(guards={MANAGEMENT: None}, **world)
    connection = Connection(world, MANAGEMENT)
    client = Client(pdu_max=pdu_max)
    connection.do(client.open())
    return world, connection, client


def row(number, clock=True):
    """Return what a client is to read of a row."""
    when = datetime12.pack(START_S + PERIOD_S * number) if clock else None
    return (when, number & 0xFF, number * 10)


def slot_s(number):
    return START_S + PERIOD_S * number


def test_the_whole_buffer_is_read():
    for rows in (0, 1, 2, 33, 100):
        _, connection, client = opened(rows=rows)
        assert connection.do(client.get(PROFILE)) == [row(number) for number in range(rows)]


def test_a_range_includes_both_its_ends():
    _, connection, client = opened(rows=100)
    cases = [
        # from, to, numbers
        (slot_s(10), slot_s(12), range(10, 13)),
        (slot_s(10) + 1, slot_s(12) - 1, range(11, 12)),
        (slot_s(10) + 1, slot_s(11) - 1, range(0)),
        (slot_s(12), slot_s(10), range(0)),
        (slot_s(0) - 5000, slot_s(0), range(1)),
        (slot_s(0) - 5000, slot_s(0) - 1, range(0)),
        (slot_s(99), slot_s(5000), range(99, 100)),
        (slot_s(100), slot_s(5000), range(0)),
        (slot_s(0) - 5000, slot_s(5000), range(100)),
        (slot_s(DAY), slot_s(2 * DAY - 1), range(DAY, 2 * DAY)),
    ]
    for from_s, to_s, numbers in cases:
        found = connection.do(client.get(PROFILE, by_range(from_s, to_s)))
        assert found == [row(number) for number in numbers], (from_s, to_s)


def test_entries_count_from_one_and_zero_is_the_last():
    _, connection, client = opened(rows=100)
    for first, last, numbers in (
        (1, 1, range(1)), (1, 0, range(100)), (100, 0, range(99, 100)), (100, 100, range(99, 100)),
        (99, 500, range(98, 100)), (101, 0, range(0)), (101, 200, range(0)), (5, 4, range(0)),
        (0xFFFFFFFF, 0xFFFFFFFF, range(0)), (48, 95, range(47, 95)),
    ):  # fmt: skip
        found = connection.do(client.get(PROFILE, by_entry(first, last)))
        assert found == [row(number) for number in numbers], (first, last)


def test_holes_are_not_rows():
    holes = (0, 1, 20, 21, 22, 50, 98, 99)
    _, connection, client = opened(rows=100, holes=holes)
    real = [number for number in range(100) if number not in holes]
    assert connection.do(client.get(PROFILE)) == [row(number) for number in real]
    assert connection.do(client.get(member(PROFILE, 7))) == len(real)
    for first in (1, 2, 18, 19, 20, 45, 91, 92):
        assert connection.do(client.get(PROFILE, by_entry(first, first + 2))) == [
            row(number) for number in real[first - 1 : first + 2]
        ]
    for first in range(0, 100, 7):
        for last in range(first, 100, 9):
            assert connection.do(client.get(PROFILE, by_range(slot_s(first), slot_s(last)))) == [
                row(number) for number in real if first <= number <= last
            ]


def test_a_range_is_found_without_looking_at_every_row():
    world, connection, client = opened(rows=4800)
    connection.do(client.get(PROFILE, by_range(slot_s(2000), slot_s(2000))))
    assert world.slots.asked <= 2 * 13


def test_bisection_finds_the_same_as_looking_at_every_row():
    for holes in ((), (0,), (9,), (3, 4, 5), tuple(range(10)), (0, 2, 4, 6, 8)):
        slots = World(rows=10, holes=holes).slots
        for utc_s in range(slot_s(0) - 900, slot_s(10) + 900, 900):
            real = [number for number in range(10) if number not in holes and slot_s(number) >= utc_s]
            found = first_from(slots, 0, 10, utc_s)
            assert [number for number in range(found, 10) if number not in holes] == real
        real = [number for number in range(10) if number not in holes]
        for entry in range(12):
            expected = real[entry] if entry < len(real) else 10
            assert nth(slots, 0, 10, entry) == expected, (holes, entry)


def test_columns_are_chosen_by_name_and_by_number():
    _, connection, client = opened(rows=10)
    by_name = by_range(slot_s(1), slot_s(2), [COLUMNS[2], COLUMNS[0]])
    assert connection.do(client.get(PROFILE, by_name)) == [(10, row(1)[0]), (20, row(2)[0])]
    assert connection.do(client.get(PROFILE, by_entry(2, 3, 2, 3))) == [(1, 10), (2, 20)]
    assert connection.do(client.get(PROFILE, by_entry(2, 2, 3))) == [(10,)]
    assert connection.do(client.get(PROFILE, by_entry(2, 2, 1, 3))) == [row(1)]


def test_a_selection_that_makes_no_sense_is_refused():
    _, connection, client = opened(rows=10)
    good = bytearray(by_range(slot_s(1), slot_s(2)))
    register = bytearray(good)
    register[7] = 3  # not the clock
    cases = [
        (by_range(slot_s(1), slot_s(2), [(3, IMPORT[1], 2, 0), (3, b"\1\0\2\x08\0\xff", 2, 0)]), 13),
        (bytes(register), results.SCOPE_VIOLATED),
        (b"\x03" + good[1:], results.SCOPE_VIOLATED),
        (b"\x00" + good[1:], results.SCOPE_VIOLATED),
        (by_entry(0, 1), results.SCOPE_VIOLATED),
        (by_entry(1, 1, 0), results.SCOPE_VIOLATED),
        (by_entry(1, 1, 4), results.SCOPE_VIOLATED),
        (by_entry(1, 1, 1, 4), results.SCOPE_VIOLATED),
        (by_entry(1, 1, 3, 2), results.SCOPE_VIOLATED),
        (b"\x02" + good[1:], results.TYPE_UNMATCHED),
        (b"\x01\x00", results.TYPE_UNMATCHED),
        (bytes(good).replace(b"\x09\x0c\x07\xea", b"\x09\x0c\xff\xff"), results.TYPE_UNMATCHED),
        (bytes(good).replace(b"\x09\x0c\x07\xea\x01", b"\x09\x0c\x07\xea\x0d"), results.TYPE_UNMATCHED),
    ]
    for selection, code in cases:
        error = raises(AccessError, connection.do, client.get(PROFILE, selection))
        assert error.code == code, selection
    assert connection.do(client.get(IMPORT)) == 123456


def test_bounds_may_be_left_open():
    _, connection, client = opened(rows=10)
    good = by_range(slot_s(3), slot_s(5))
    at = good.index(b"\x09\x0c")
    first, last = good[at : at + 14], good[at + 14 : at + 28]
    for bound in (b"\x00", b"\x09\x0c" + datetime12.UNSPECIFIED, b"\x19" + datetime12.UNSPECIFIED):
        found = connection.do(client.get(PROFILE, good[:at] + bound + last + b"\x01\x00"))
        assert found == [row(number) for number in range(6)]
        found = connection.do(client.get(PROFILE, good[:at] + first + bound + b"\x01\x00"))
        assert found == [row(number) for number in range(3, 10)]
    found = connection.do(
        client.get(PROFILE, good[:at] + b"\x19" + first[2:] + b"\x19" + last[2:] + b"\x01\x00")
    )
    assert found == [row(number) for number in range(3, 6)]


def test_a_range_in_another_zone_is_compared_as_instants_or_as_local_time():
    world, connection, client = opened(rows=100)
    good = by_range(slot_s(20), slot_s(22))
    utc = good.replace(b"\xfd\xe4", b"\x00\x00")
    unspecified = good.replace(b"\xfd\xe4", b"\x80\x00")
    assert connection.do(client.get(PROFILE, unspecified)) == [row(number) for number in range(20, 23)]
    assert connection.do(client.get(PROFILE, utc)) == [row(number) for number in range(38, 41)]
    world.choices.range_zone = "japan"
    for selection in (good, utc, unspecified):
        assert connection.do(client.get(PROFILE, selection)) == [row(number) for number in range(20, 23)]


def blocks(connection, request):
    """Yield what is in each block of an answer; nothing is put together."""
    answer = connection.ask(request)
    while True:
        _, (_, last, number, found) = apdu.decode(Reader(answer))
        yield memoryview(answer)[found[0] : found[1]]
        if last:
            return
        answer = connection.ask(b"\xc0\x02\xc1" + number.to_bytes(4, "big"))


def test_one_hundred_days_come_in_blocks_that_fill_the_agreed_size_from_one_buffer():
    world, connection, _ = opened(rows=4800, pdu_max=1024)
    buffer = connection.association.answer
    writer = Writer(bytearray(64))
    writer.begin(ARRAY, 4800)
    expected = bytes(writer.buffer[: writer.at])
    number = count = 0
    for part in blocks(connection, "C001C1 0007 0100630100FF 02 00"):
        count += 1
        while len(expected) < len(part):
            writer.at = 0
            world.slots.write(number, writer, None, -1)
            expected += writer.buffer[: writer.at]
            number += 1
        assert expected[: len(part)] == part
        expected = expected[len(part) :]
    assert (number, expected) == (4800, b"")
    assert count == -(-(4 + 4800 * 23) // (1024 - 12))
    assert connection.longest == 1024
    assert not connection.association.transfer.running
    assert connection.association.answer is buffer and len(buffer) == 44 + 1024 + PIECE_MAX


def test_every_agreed_size_gives_the_same_rows():
    expected = [row(number) for number in range(40)]
    for pdu_max in list(range(128, 160)) + [200, 255, 256, 257, 400, 917, 918, 935, 936, 937, 1023, 1024]:  # noqa: RUF005
        _, connection, client = opened(rows=40, pdu_max=pdu_max)
        assert connection.do(client.get(PROFILE)) == expected, pdu_max
        assert connection.longest <= pdu_max
        wanted = [
            (IMPORT, None),
            (PROFILE, by_entry(1, 9)),
            (TEXT, None),
            (PROFILE, by_range(slot_s(9), slot_s(9))),
        ]
        assert connection.do(client.get_list(wanted)) == [123456, expected[:9], b"keiki", expected[9:10]]
        assert connection.longest <= pdu_max


def test_no_block_is_empty():
    for rows in range(1, 45):
        _, connection, client = opened(rows=rows, pdu_max=128 + rows)
        operation = client.get_raw(PROFILE)
        answer = connection.ask(next(operation))
        while True:
            key, fields = apdu.decode(Reader(answer))
            if key == apdu.GET_ANSWER << 8 | apdu.NORMAL:
                break
            start, end = fields[3]
            assert end > start
            if fields[1]:
                break
            answer = connection.ask(operation.send(answer))


def test_a_block_out_of_turn_ends_the_transfer():
    _, connection, _ = opened(rows=500)
    read = "C001C1 0007 0100630100FF 02 00"
    no_long_get, wrong_number = results.NO_LONG_GET, results.BLOCK_NUMBER_INVALID
    assert connection.ask("C002C1 00000001") == bytes.fromhex("C402C1 01 00000001 01") + bytes((no_long_get,))
    for number in (0, 2, 0xFFFFFFFF):
        assert connection.ask(read)[:8] == bytes.fromhex("C402C1 00 00000001")
        asked = bytes.fromhex("C002C1") + number.to_bytes(4, "big")
        answer = bytes.fromhex("C402C1 01") + number.to_bytes(4, "big") + bytes((1, wrong_number))
        assert connection.ask(asked) == answer
        assert not connection.association.transfer.running
    assert connection.ask(read)[:8] == bytes.fromhex("C402C1 00 00000001")
    assert connection.ask("C002C1 00000001")[:8] == bytes.fromhex("C402C1 00 00000002")
    # the same block again is out of turn, too
    assert connection.ask("C002C1 00000001")[8:] == bytes((1, wrong_number))


def test_another_get_or_a_long_set_ends_the_transfer():
    for request in ("C001C1 0003 0100010800FF 02 00", "C102C1 0001 0000600100FF 02 00 00 00000001 01 09"):
        _, connection, _ = opened(rows=500)
        connection.ask("C001C1 0007 0100630100FF 02 00")
        assert connection.association.transfer.running
        connection.ask(request)
        assert connection.ask("C002C1 00000001")[8:] == bytes((1, results.NO_LONG_GET))


def test_rows_that_come_in_meanwhile_do_not_change_an_answer():
    world, connection, client = opened(rows=200)
    operation = client.get(PROFILE)
    request = next(operation)
    while True:
        answer = connection.ask(request)
        world.slots.end += 7
        try:
            request = operation.send(answer)
        except StopIteration as done:
            assert done.value == [row(number) for number in range(200)]
            return


def test_rows_that_are_lost_meanwhile_end_the_answer_with_a_code():
    world, connection, client = opened(rows=500)
    operation = client.get(PROFILE)
    request = operation.send(connection.ask(next(operation)))
    world.slots.first = 480
    answer = connection.ask(request)
    while answer[3] == 0:
        answer = connection.ask(operation.send(answer))
    assert answer[8:] == bytes((1, results.LONG_ABORTED))
    assert raises(AccessError, operation.send, answer).code == results.LONG_ABORTED
    assert not connection.association.transfer.running


def test_clocks_are_left_out_where_rows_follow_at_the_period():
    world, connection, client = opened(rows=100, holes=(3, 7, 8))
    world.choices.short_clocks = True
    found = connection.do(client.get(PROFILE, by_entry(1, 9)))
    numbers = [0, 1, 2, 4, 5, 6, 9, 10, 11]
    with_clock = (0, 4, 9)
    assert found == [row(number, number in with_clock) for number in numbers]
    assert with_clocks(found, PERIOD_S) == [row(number) for number in numbers]
    raises(FrameError, with_clocks, found[1:], PERIOD_S)
    # in every answer the first row has one
    assert connection.do(client.get(PROFILE, by_entry(5, 6))) == [row(5), row(6, False)]


def test_a_day_with_clocks_left_out_is_as_short_as_measured_elsewhere():
    world, connection, client = opened(rows=DAY)
    whole = len(connection.do(client.get_raw(PROFILE)))
    world.choices.short_clocks = True
    assert whole - len(connection.do(client.get_raw(PROFILE))) == 47 * 13


def test_the_other_attributes_tell_what_the_profile_is():
    _, connection, client = opened(rows=10)
    found = [connection.do(client.get(member(PROFILE, attribute))) for attribute in (3, 4, 5, 6, 7, 8)]
    assert found == [COLUMNS, 1800, 1, CLOCK_COLUMN, 10, 4800]
