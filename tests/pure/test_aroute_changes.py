"""What the head-end may change: keys, clock, switch, limit. Each change is refused, or holds and is told."""

from aroute_world import AK, EK, KEK, NOW_S, READ_AK, READ_EK, Meter
from check import raises
from keiki.meter import eventlog
from keiki.meter.cosem.objects import MANAGEMENT, READER, obis
from keiki.wire.cosem import datetime12, results
from keiki.wire.cosem.axdr import ARRAY, ENUM, I8, I16, OCTETS, STRUCTURE, U16, U32
from keiki.wire.cosem.client import Refused
from keiki.wire.cosem.keywrap import wrap
from keiki.wire.cosem.results import AccessError
from keiki.wire.cosem.security import Cipher
from keiki.wire.cosem.values import encode

CLOCK = (8, obis("0.0.1.0.0"))
KEYS = (64, obis("0.0.43.0.0"))
READER_KEYS = (64, obis("0.0.43.0.2"))
LIMIT = (71, obis("0.0.17.0.0"))
SWITCH = (70, obis("0.0.96.3.10"))
SHAPE = (ARRAY, (STRUCTURE, ENUM, OCTETS))
NEW_EK, NEW_AK, NEW_KEK = bytes(range(16)), bytes(range(16, 32)), bytes(range(32, 48))


def wrapped(*keys, kek=KEK):
    """Return the parameter of key_transfer: pairs of key id and key."""
    return encode(SHAPE, [(number, wrap(bytes.fromhex(kek), key)) for number, key in keys])


def code(connection, operation):
    """Return the code that an operation is refused with, 0 if it is not."""
    try:
        connection.do(operation)
    except AccessError as error:
        return error.code
    return 0


def told(meter, kind):
    """Return the sources of the events of one kind."""
    found = [event for event in meter.events.newest(60) if event[1] == kind]
    return [event[2] for event in reversed(found)]


def test_new_keys_hold_from_the_next_request_on():
    meter = Meter(slots=3)
    connection, client = meter.connect(MANAGEMENT)
    assert connection.do(client.act((64, KEYS[1], 2), wrapped((0, NEW_EK), (2, NEW_AK)))) is None
    assert (meter.settings.dlms_ek, meter.settings.dlms_ak) == (NEW_EK.hex(), NEW_AK.hex())
    assert (meter.settings.dlms_kek, meter.settings.dlms_read_ek) == (KEK, READ_EK)
    raises(Refused, connection.do, client.get((8, CLOCK[1], 2)))
    client.guard.cipher = Cipher(NEW_EK, NEW_AK)
    assert len(connection.do(client.get((8, CLOCK[1], 2)))) == 12
    meter.connect(MANAGEMENT, ek=NEW_EK.hex(), ak=NEW_AK.hex())
    raises(Refused, meter.connect, MANAGEMENT)
    assert meter.events.counts[eventlog.KEY_CHANGED] == 2
    assert told(meter, eventlog.KEY_CHANGED) == [0]  # the second is held back as one of a storm


def test_the_reader_s_keys_are_an_object_of_their_own():
    meter = Meter(slots=3)
    connection, client = meter.connect(MANAGEMENT)
    connection.do(client.act((64, READER_KEYS[1], 2), wrapped((0, NEW_EK))))
    assert (meter.settings.dlms_ek, meter.settings.dlms_read_ek) == (EK, NEW_EK.hex())
    meter.connect(READER, ek=NEW_EK.hex(), ak=READ_AK)
    raises(Refused, meter.connect, READER)
    assert code(connection, client.get((64, READER_KEYS[1], 2))) == 0


def test_another_master_key_comes_under_the_one_before():
    meter = Meter(slots=3)
    connection, client = meter.connect(MANAGEMENT)
    connection.do(client.act((64, KEYS[1], 2), wrapped((3, NEW_KEK))))
    assert meter.settings.dlms_kek == NEW_KEK.hex()
    operation = client.act((64, KEYS[1], 2), wrapped((0, NEW_EK)))
    assert code(connection, operation) == results.OTHER
    connection.do(client.act((64, KEYS[1], 2), wrapped((0, NEW_EK), kek=NEW_KEK.hex())))
    assert meter.settings.dlms_ek == NEW_EK.hex()


def test_keys_that_will_not_do_change_none_of_them():
    short = encode(SHAPE, [(0, wrap(bytes.fromhex(KEK), NEW_EK)[:16])])
    long = encode(SHAPE, [(0, wrap(bytes.fromhex(KEK), bytes(range(24))))])
    broken = bytearray(wrapped((0, NEW_EK), (2, NEW_AK)))
    broken[-1] ^= 1
    for parameter in (
        wrapped((0, NEW_EK), (2, NEW_AK), kek=EK),
        wrapped((0, NEW_EK), (1, NEW_AK)),
        wrapped((0, NEW_EK), (0, NEW_AK)),
        wrapped((0, NEW_EK), (9, NEW_AK)),
        wrapped((0, NEW_EK), (2, bytes(16))),
        short,
        long,
        bytes(broken),
        encode(OCTETS, b""),
    ):
        meter = Meter(slots=3)
        connection, client = meter.connect(MANAGEMENT)
        assert code(connection, client.act((64, KEYS[1], 2), parameter)) in (
            results.OTHER, results.DENIED, results.TYPE_UNMATCHED,
        )  # fmt: skip
        assert (meter.settings.dlms_ek, meter.settings.dlms_ak) == (EK, AK)
        assert told(meter, eventlog.KEY_CHANGED) == []
        assert code(connection, client.get((64, KEYS[1], 2))) == 0


def test_without_a_master_key_no_key_is_changed():
    meter = Meter(slots=3, dlms_kek="00" * 16)
    connection, client = meter.connect(MANAGEMENT)
    operation = client.act((64, KEYS[1], 2), wrapped((0, NEW_EK), kek="00" * 16))
    assert code(connection, operation) == results.DENIED
    assert meter.settings.dlms_ek == EK


def test_keys_that_the_flash_refuses_change_nothing():
    meter = Meter(slots=3)
    connection, client = meter.connect(MANAGEMENT)

    def refuse(_values):
        raise OSError(28)

    meter.settings._store.save = refuse
    operation = client.act((64, KEYS[1], 2), wrapped((0, NEW_EK)))
    assert code(connection, operation) == results.HARDWARE_FAULT
    assert meter.settings.dlms_ek == EK
    assert len(connection.do(client.get((8, CLOCK[1], 2)))) == 12


def test_a_client_without_keys_is_refused():
    meter = Meter(slots=3, dlms_read_ek="00" * 16)
    raises(Refused, meter.connect, READER)
    meter.connect(MANAGEMENT)
    meter.settings.change({"dlms_ak": "00" * 16})
    raises(Refused, meter.connect, MANAGEMENT)


def test_a_policy_never_becomes_weaker():
    meter = Meter(slots=3)
    connection, client = meter.connect(MANAGEMENT)
    for policy in range(5):
        expected = 0 if policy == 3 else results.DENIED
        assert code(connection, client.act((64, KEYS[1], 1), encode(ENUM, policy))) == expected


def test_a_time_near_the_clock_s_own_is_taken_and_one_that_makes_no_sense_is_not():
    meter = Meter(slots=3)
    connection, client = meter.connect(MANAGEMENT)
    setting = encode(OCTETS, datetime12.pack(NOW_S + 60 + 20))
    assert code(connection, client.set((8, CLOCK[1], 2), setting)) == 0
    for value in (datetime12.UNSPECIFIED, datetime12.pack(0), b"", bytes(12)):
        got = code(connection, client.set((8, CLOCK[1], 2), encode(OCTETS, value)))
        assert got in (results.OTHER, results.SCOPE_VIOLATED, results.TYPE_UNMATCHED), value
    assert abs(meter.clock.utc_s() - NOW_S - 60) <= 20
    assert code(connection, client.act((8, CLOCK[1], 6), encode(I16, 1))) == 0
    assert code(connection, client.act((8, CLOCK[1], 6), encode(U16, 1))) == results.TYPE_UNMATCHED


def test_the_answer_to_a_switching_waits_until_the_contact_has_moved():
    meter = Meter(slots=3)
    connection, client = meter.connect(MANAGEMENT)
    association = connection.association
    opened = []

    def ask(request):
        buffer = bytearray(request)
        answer = association.receive(buffer, 0, len(buffer), MANAGEMENT, 1, 0)
        if association.waits_for is not None:
            opened.append(meter.supply.contact.closed)
            answer = association.conclude(meter.supply.settle())
            opened.append(meter.supply.contact.closed)
        start, end = answer
        return bytes(association.answer[start:end])

    connection.ask = ask
    connection.do(client.act((70, SWITCH[1], 1), encode(I8, 0)))
    assert opened == [True, False]
    assert connection.do(client.get((70, SWITCH[1], 2))) is False
    meter.supply.contact.stuck = True
    error = raises(AccessError, connection.do, client.act((70, SWITCH[1], 2), encode(I8, 0)))
    assert error.code == results.HARDWARE_FAULT
    assert connection.do(client.get((70, SWITCH[1], 2))) is False


def test_a_limit_in_whole_amperes_is_taken_and_another_profile_kept():
    meter = Meter(slots=3)
    connection, client = meter.connect(MANAGEMENT)
    connection.do(client.set((71, LIMIT[1], 4), encode(U32, 60_000)))
    assert meter.settings.contract_a == 60
    connection.do(client.set((71, LIMIT[1], 4), encode(U32, 0xFFFFFFFF)))
    assert meter.settings.contract_a is None
    assert connection.do(client.get((71, LIMIT[1], 3))) == 0xFFFFFFFF
    connection.do(client.set((71, LIMIT[1], 9), encode((ARRAY, U16), [7, 8])))
    assert connection.do(client.get((71, LIMIT[1], 9))) == [7, 8]
    operation = client.set((71, LIMIT[1], 9), encode((ARRAY, U16), [1, 2, 3, 4, 5]))
    assert code(connection, operation) == results.SCOPE_VIOLATED
    profile = (7, datetime12.pack(NOW_S + 600), 300)
    connection.do(client.set((71, LIMIT[1], 8), encode((STRUCTURE, U16, OCTETS, U32), profile)))
    assert connection.do(client.get((71, LIMIT[1], 8))) == profile


def test_wrong_keys_are_told_in_the_event_log_and_nothing_secret_is():
    meter = Meter(slots=3)
    raises(Refused, meter.connect, MANAGEMENT, ek=AK, ak=EK)
    assert told(meter, eventlog.ROUTE_A_REFUSED) == [MANAGEMENT]
    text = repr(meter.cosem.guards[MANAGEMENT].cipher) + str(meter.settings.shown())
    for key in (KEK, EK, AK, READ_EK, READ_AK):
        assert key not in text and key.upper() not in text
