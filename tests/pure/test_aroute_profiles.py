"""The profiles of the meter: half-hours straight from their log, billing values, events."""

from aroute_world import NOW_S, SLOT_S, Meter
from check import raises
from keiki.meter import eventlog
from keiki.meter.cosem.objects import MANAGEMENT, READER, obis
from keiki.wire import record
from keiki.wire.cosem import datetime12, results
from keiki.wire.cosem.objects_profile import CLOCK_COLUMN
from keiki.wire.cosem.results import AccessError
from keiki.wire.cosem.selection import by_entry, by_range, with_clocks
from keiki.wire.slots import utc_from_jst

HALF_HOURS = (7, obis("1.0.99.1.0"), 2)
MINUTES = (7, obis("1.0.99.1.2"), 2)
DAYS = (7, obis("1.0.99.2.0"), 2)
MONTHS = (7, obis("0.0.98.1.0"), 2)
EVENTS = (7, obis("0.0.99.98.0"), 2)
SECURITY = (7, obis("0.0.99.98.1"), 2)


def slot_s(meter, place):
    return NOW_S - (meter.store.half_hours.end - 1 - place) * SLOT_S


def row(meter, place, status=0):
    """Return what a client is to read of a half-hour."""
    return datetime12.pack(slot_s(meter, place)), status, meter.import_wh(place) & 0xFFFFFFFF, place


def test_half_hours_are_those_of_the_log_but_for_the_missing():
    for missing in ((), (0,), (99,), (3, 4, 5, 50), tuple(range(20, 90))):
        meter = Meter(missing=missing)
        connection, client = meter.connect(READER)
        real = [row(meter, place) for place in range(100) if place not in missing]
        assert connection.do(client.get(HALF_HOURS)) == real
        assert connection.do(client.get((7, HALF_HOURS[1], 7))) == len(real)
        found = connection.do(client.get(HALF_HOURS, by_entry(2, 12)))
        assert found == real[1:12]


def test_a_range_has_what_lies_in_it():
    missing = (10, 11, 47)
    meter = Meter(missing=missing)
    connection, client = meter.connect(READER)
    for first, last in (
        (0, 99),
        (9, 12),
        (10, 11),
        (47, 47),
        (30, 77),
        (99, 99),
        (-5, 3),
        (90, 200),
        (60, 50),
    ):
        got = connection.do(client.get(HALF_HOURS, by_range(slot_s(meter, first), slot_s(meter, last))))
        places = [place for place in range(max(first, 0), min(last, 99) + 1) if place not in missing]
        assert got == [row(meter, place) for place in places], (first, last)


def test_a_registers_overflow_of_32_bits_is_modulo():
    meter = Meter()
    assert meter.import_wh(99) < 1 << 32 < 1000 * meter.import_wh(0)
    connection, client = meter.connect(READER)
    assert connection.do(client.get(HALF_HOURS, by_entry(1, 1)))[0][2] == 4_000_000_000


def test_an_unsure_or_estimated_row_says_so():
    meter = Meter(slots=8)
    raw = bytearray(record.SIZE)
    for status, bits in (
        (record.CLOCK_UNSURE, 2),
        (record.POWER_WAS_OFF, 128),
        (record.ESTIMATED, 4),
        (13, 4),
    ):
        record.pack_into(raw, NOW_S + SLOT_S, status, 0, 0)
        meter.store.half_hours.append(raw)
        connection, client = meter.connect(READER)
        clock, found, _, _ = connection.do(client.get(HALF_HOURS, by_entry(8, 0)))[-1]
        assert found == bits
        unsure = datetime12.STATUS_DOUBTFUL if status == record.CLOCK_UNSURE else 0
        assert clock == datetime12.pack(NOW_S + SLOT_S, unsure)


def test_columns_can_be_chosen():
    meter = Meter(slots=8)
    connection, client = meter.connect(READER)
    columns = connection.do(client.get((7, HALF_HOURS[1], 3)))
    assert columns[0] == CLOCK_COLUMN and len(columns) == 4
    wanted = by_range(slot_s(meter, 1), slot_s(meter, 2), [columns[3], columns[0]])
    found = connection.do(client.get(HALF_HOURS, wanted))
    assert found == [(place, row(meter, place)[0]) for place in (1, 2)]
    assert connection.do(client.get(HALF_HOURS, by_entry(2, 2, 2, 3))) == [row(meter, 1)[1:3]]


def test_short_clocks_and_the_zone_of_ranges_are_settings_that_hold_at_once():
    meter = Meter(missing=(40,))
    connection, client = meter.connect(READER)
    whole = connection.do(client.get(HALF_HOURS))
    long = len(connection.do(client.get_raw(HALF_HOURS)))
    utc = by_range(slot_s(meter, 50), slot_s(meter, 50)).replace(b"\xfd\xe4", b"\x00\x00")
    assert connection.do(client.get(HALF_HOURS, utc)) == [row(meter, 68)]
    meter.settings.change({"short_clocks": True, "range_zone": "japan"})
    short = connection.do(client.get(HALF_HOURS))
    assert with_clocks(short, SLOT_S) == whole
    assert [clock is None for clock, _, _, _ in short[38:42]] == [True, True, False, True]
    assert long - len(connection.do(client.get_raw(HALF_HOURS))) == 13 * 97
    assert connection.do(client.get(HALF_HOURS, utc)) == [row(meter, 50)]


def test_half_hours_that_come_while_they_are_read_do_not_change_the_answer():
    meter = Meter(slots=200)
    connection, client = meter.connect(READER)
    operation = client.get(HALF_HOURS)
    expected = [row(meter, place) for place in range(200)]
    raw = bytearray(record.SIZE)
    request = operation.send(None)
    count = 0
    while True:
        answer = connection.ask(request)
        count += 1
        if count == 5:  # near the end: the oldest rows have been sent
            record.pack_into(raw, NOW_S + SLOT_S, 0, 0, 0)
            meter.store.half_hours.append(raw)
        try:
            request = operation.send(answer)
        except StopIteration as done:
            assert done.value == expected
            return


def test_half_hours_that_go_before_they_are_read_end_the_answer():
    meter = Meter(slots=200)
    connection, client = meter.connect(READER)
    operation = client.get(HALF_HOURS)
    request = operation.send(connection.ask(operation.send(None)))
    meter.store.half_hours.lose(100)
    error = None
    while error is None:
        try:
            request = operation.send(connection.ask(request))
        except AccessError as caught:
            error = caught
    assert error.code == results.LONG_ABORTED
    assert connection.do(client.get((3, obis("1.0.2.8.0"), 2))) == 5000


def test_minutes_are_another_profile():
    meter = Meter(slots=3)
    raw = bytearray(record.SIZE)
    for place in range(5):
        record.pack_into(raw, NOW_S + 60 * place, 0, 1000 * place, 2000 * place)
        meter.store.minutes.append(raw)
    connection, client = meter.connect(READER)
    assert connection.do(client.get(MINUTES, by_range(NOW_S + 60, NOW_S + 120))) == [
        (datetime12.pack(NOW_S + 60 * place), 0, place, 2 * place) for place in (1, 2)
    ]
    assert connection.do(client.get((7, MINUTES[1], 4))) == 60


def test_days_and_months_begin_at_midnight_in_japan():
    meter = Meter(slots=3 * 48, missing=(71,))
    first = NOW_S - (3 * 48 - 1) * SLOT_S
    midnights = [utc_from_jst(2025, 12, day) for day in (30, 31)] + [utc_from_jst(2026, 1, 1)]
    assert (midnights[1] - first) // SLOT_S == 71  # its half-hour was never recorded
    rows = []
    for utc_s in (midnights[0], midnights[2]):
        place = (utc_s - first) // SLOT_S
        rows.append((datetime12.pack(utc_s), meter.import_wh(place) & 0xFFFFFFFF, place))
    connection, client = meter.connect(READER)
    assert connection.do(client.get(DAYS)) == rows
    assert connection.do(client.get(DAYS, by_range(midnights[1], midnights[2]))) == rows[1:]
    assert connection.do(client.get(DAYS, by_entry(2, 2))) == rows[1:]
    assert connection.do(client.get(MONTHS)) == rows[1:]


def test_events_are_rows_and_the_security_log_has_its_kinds_only():
    meter = Meter(slots=3)
    for kind, source in ((eventlog.POWER_UP, 1), (eventlog.TAMPER, 0), (eventlog.CLOCK_SET, 3)):
        meter.events.add(kind, source, -5, 1 << 40)
    connection, client = meter.connect(READER)
    now = datetime12.pack(NOW_S + 60)
    found = connection.do(client.get(EVENTS))
    assert found[:3] == [
        (now, eventlog.POWER_UP, 1, 1, -5, 1 << 40),
        (now, eventlog.TAMPER, 0, 1, -5, 1 << 40),
        (now, eventlog.CLOCK_SET, 3, 1, -5, 1 << 40),
    ]
    assert [event[1] for event in connection.do(client.get(SECURITY))] == [eventlog.TAMPER]
    assert connection.do(client.get((1, obis("0.0.96.11.0"), 2))) == eventlog.CLOCK_SET
    assert connection.do(client.get((1, obis("0.0.128.11.2"), 2))) == 3


def test_no_profile_can_be_reset_or_given_another_period_or_columns():
    meter = Meter(slots=3)
    connection, client = meter.connect(MANAGEMENT)
    for profile in (HALF_HOURS, MINUTES, DAYS, MONTHS, EVENTS, SECURITY):
        for attribute, value in (
            (3, b"\x01\x00"),
            (4, b"\x06\x00\x00\x03\x84"),
            (8, b"\x06\x00\x00\x00\x01"),
        ):
            operation = client.set((7, profile[1], attribute), value)
            assert raises(AccessError, connection.do, operation).code == results.DENIED
        for method in (1, 2):
            operation = client.act((7, profile[1], method), b"\x0f\x00")
            assert raises(AccessError, connection.do, operation).code == results.DENIED
