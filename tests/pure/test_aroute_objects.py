"""The objects of the meter: every one that is listed is served as listed, and tells what the meter has."""

from aroute_world import CLIENTS, NOW_S, SERIAL, SLOT_S, Meter
from check import raises
from keiki.meter.cosem.objects import MANAGEMENT, PUBLIC, READER, obis
from keiki.wire.cosem import datetime12, results
from keiki.wire.cosem.axdr import Reader
from keiki.wire.cosem.results import AccessError
from keiki.wire.cosem.server import CURRENT

OBJECTS = (15, CURRENT, 2)
SECRET = (15, 7)


def listed(connection, client):
    """Return {name: (class, [mode of each attribute], [mode of each method])} of the object list."""
    found = {}
    for class_id, _, name, (attributes, methods) in connection.do(client.get(OBJECTS)):
        found[name] = class_id, [mode for _, mode, _ in attributes], [mode for _, mode in methods]
    return found


def code(connection, operation):
    """Return the code that an operation is refused with, 0 if it is not."""
    try:
        connection.do(operation)
    except AccessError as error:
        return error.code
    return 0


def attributes_of(objects):
    """Yield (class, name, attribute, mode) of everything that is listed."""
    for name, (class_id, modes, _) in objects.items():
        for attribute, mode in enumerate(modes, 1):
            yield class_id, name, attribute, mode


def test_every_client_reads_exactly_what_its_list_says():
    meter = Meter(slots=5)
    everything = listed(*meter.connect(MANAGEMENT))
    for sap in CLIENTS:
        connection, client = meter.connect(sap)
        own = listed(connection, client)
        for class_id, name, attribute, _ in attributes_of(everything):
            mode = own[name][1][attribute - 1] if name in own else 0
            got = code(connection, client.get((class_id, name, attribute)))
            if (class_id, attribute) == SECRET:
                assert got == results.DENIED
            elif mode & 1:
                assert got == 0, (sap, name, attribute)
            else:
                assert got in (results.DENIED, results.UNDEFINED), (sap, name, attribute)


def test_what_is_listed_as_writable_takes_its_own_value_and_the_rest_refuses_it():
    meter = Meter(slots=5)
    for sap in CLIENTS:
        connection, client = meter.connect(sap)
        writable = 0
        for class_id, name, attribute, mode in attributes_of(listed(connection, client)):
            if (class_id, attribute) == SECRET or (class_id == 7 and attribute == 2):
                continue
            value = connection.do(client.get_raw((class_id, name, attribute)))
            got = code(connection, client.set((class_id, name, attribute), value))
            assert got == (0 if mode & 2 else results.DENIED), (sap, name, attribute, got)
            writable += mode >> 1
        assert writable == (14 if sap == MANAGEMENT else 0), writable


def test_only_the_management_acts():
    meter = Meter(slots=5)
    acting = dict.fromkeys(CLIENTS, 0)
    for sap in CLIENTS:
        connection, client = meter.connect(sap)
        for name, (class_id, _, methods) in listed(connection, client).items():
            for method, mode in enumerate(methods, 1):
                if class_id == 15:
                    continue  # what opens the association
                got = code(connection, client.act((class_id, name, method), b"\x00"))
                # null-data is no parameter of any of them: what is allowed says so
                assert got == (results.TYPE_UNMATCHED if mode else results.DENIED), (sap, name, method)
                acting[sap] += mode
    assert acting == {MANAGEMENT: 10, READER: 0, PUBLIC: 0}
    assert meter.supply.contact.closed


def test_the_public_client_sees_who_it_is_when_it_is_and_which_counter_comes_next():
    meter = Meter(slots=5)
    names = sorted(listed(*meter.connect(PUBLIC)))
    assert names == sorted([obis(text) for text in (
        "0.0.1.0.0", "0.0.40.0.0", "0.0.41.0.0", "0.0.42.0.0", "0.0.43.1.0", "0.0.43.1.1", "0.0.43.1.2",
    )])  # fmt: skip


def test_a_meter_without_switch_or_second_phase_has_no_objects_for_them():
    full = listed(*Meter(slots=5).connect(MANAGEMENT))
    small = listed(*Meter(slots=5, supply=False, phases=1).connect(MANAGEMENT))
    gone = ["0.0.10.0.106", "0.0.17.0.0", "0.0.96.3.10", "1.0.51.7.0", "1.0.52.7.0"]
    assert sorted(set(full) - set(small)) == sorted([obis(text) for text in gone])
    assert not set(small) - set(full)


def test_a_name_that_is_not_listed_does_not_exist():
    meter = Meter(slots=5)
    connection, client = meter.connect(MANAGEMENT)
    for name in (b"\0\0\x01\0\0\0", b"\1\0\x01\x08\0\xfe", b"\1\0\x01\x08\1\xff", b"\xff" * 6, b"\0" * 6):
        assert code(connection, client.get((3, name, 2))) == results.UNDEFINED
    assert code(connection, client.get((1, obis("1.0.1.8.0"), 2))) == results.CLASS_INCONSISTENT


def test_registers_tell_what_is_measured_with_its_unit():
    meter = Meter(slots=5)
    connection, client = meter.connect(READER)
    for text, value, scaler, unit in (
        ("1.0.1.8.0", 123_456_789, 0, 30),
        ("1.0.2.8.0", 5000, 0, 30),
        ("1.0.1.7.0", 1001, 0, 27),
        ("1.0.2.7.0", 0, 0, 27),
        ("1.0.14.7.0", 5003, -2, 44),
        ("1.0.31.7.0", 12001, -3, 33),
        ("1.0.51.7.0", 3002, -3, 33),
        ("1.0.32.7.0", 1005, -1, 35),
        ("1.0.52.7.0", 1015, -1, 35),
        ("1.0.90.7.0", 15003, -3, 33),
    ):
        assert connection.do(client.get((3, obis(text), 2))) == value, text
        assert connection.do(client.get((3, obis(text), 3))) == (scaler, unit), text


def test_a_metering_ic_that_is_silent_makes_live_values_fail_and_registers_stay():
    meter = Meter(slots=5)
    meter.metering.stale = True
    connection, client = meter.connect(READER)
    for text in ("1.0.1.7.0", "1.0.14.7.0", "1.0.31.7.0", "1.0.32.7.0", "1.0.90.7.0"):
        assert code(connection, client.get((3, obis(text), 2))) == results.TEMPORARY_FAILURE
    assert connection.do(client.get((3, obis("1.0.1.8.0"), 2))) == 123_456_789
    assert connection.do(client.get((1, obis("0.0.97.97.0"), 2))) & 2


def test_names_and_counters_are_those_of_the_meter():
    meter = Meter(slots=5)
    connection, client = meter.connect(PUBLIC)
    assert connection.do(client.get((1, obis("0.0.42.0.0"), 2))) == b"KEI" + SERIAL.encode()
    assert connection.do(client.get((17, obis("0.0.41.0.0"), 2))) == [(1, b"KEI" + SERIAL.encode())]
    before = connection.do(client.get((1, obis("0.0.43.1.0"), 2)))
    other, management = meter.connect(MANAGEMENT)
    other.do(management.get(OBJECTS))
    assert connection.do(client.get((1, obis("0.0.43.1.0"), 2))) == management.guard.counter > before


def test_the_clock_is_japan_s():
    meter = Meter(slots=5)
    connection, client = meter.connect(PUBLIC)
    now = connection.do(client.get((8, obis("0.0.1.0.0"), 2)))
    assert now == datetime12.pack(NOW_S + 60)
    assert connection.do(client.get((8, obis("0.0.1.0.0"), 3))) == -540
    meter.clock.unsure = True
    assert connection.do(client.get((8, obis("0.0.1.0.0"), 2)))[11] == datetime12.STATUS_DOUBTFUL


def test_a_list_of_objects_longer_than_one_apdu_comes_in_blocks():
    meter = Meter(slots=5)
    connection, client = meter.connect(MANAGEMENT)
    connection.sent = 0
    assert len(listed(connection, client)) > 40
    assert connection.sent >= 3 and connection.longest <= 1024


def test_every_listed_value_is_one_value():
    meter = Meter(slots=5)
    connection, client = meter.connect(MANAGEMENT)
    for class_id, name, attribute, mode in attributes_of(listed(connection, client)):
        if mode & 1 and (class_id, attribute) != SECRET:
            reader = Reader(connection.do(client.get_raw((class_id, name, attribute))))
            reader.skip()
            reader.finish()
            if attribute == 1:
                assert connection.do(client.get((class_id, name, 1))) == (CURRENT if class_id == 15 else name)


def test_a_setting_that_cannot_be_is_refused():
    meter = Meter(slots=5)
    connection, client = meter.connect(MANAGEMENT)
    for class_id, text, attribute, value in (
        (41, "0.0.25.0.0", 6, b"\x12\x00\x05"),  # idle for five seconds
        (70, "0.0.96.3.10", 4, b"\x16\x07"),  # no such mode
        (71, "0.0.17.0.0", 4, b"\x06\x00\x00\x75\x31"),  # 30.001 A
        (71, "0.0.17.0.0", 4, b"\x06\x00\x0f\x42\x40"),  # 1000 A
        (71, "0.0.17.0.0", 6, b"\x06\x00\x00\x00\x00"),
    ):
        got = code(connection, client.set((class_id, obis(text), attribute), value))
        assert got == results.SCOPE_VIOLATED, (text, attribute)
    assert meter.settings.contract_a == 30
    raises(AccessError, connection.do, client.set((7, obis("1.0.99.1.0"), 4), b"\x06\x00\x00\x03\x84"))


def test_slots_are_half_hours():
    assert SLOT_S == 1800 and NOW_S % SLOT_S == 0
