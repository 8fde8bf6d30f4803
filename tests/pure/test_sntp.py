"""SNTP on the wire, and the client over an exchange that is played."""

import asyncio
import struct

from check import raises
from keiki.meter.clock import REFUSED, SET, Clock
from keiki.meter.sntp import RETRY_S, SntpClient
from keiki.wire.slots import utc_from_jst
from keiki.wire.sntp import FrameError, KissError, decode_answer, encode_request, utc_at_arrival

T0 = utc_from_jst(2026, 7, 1, 12) * 1000
NONCE = b"\x80\x01keikiA"
ERA_MS = (1 << 32) * 1000
_NTP_MS = 2208988800000


def stamp(utc_ms):
    ntp_ms = utc_ms + _NTP_MS
    seconds, ms = divmod(ntp_ms, 1000)
    return struct.pack(">II", seconds & 0xFFFFFFFF, ((ms << 32) + 999) // 1000)


def answer(
    nonce=NONCE,
    utc_ms=T0,
    held_ms=0,
    *,
    leap=0,
    version=4,
    mode=4,
    stratum=2,
    delay=0x400,
    dispersion=0x200,
    ident=b"GPS\0",
):
    head = struct.pack(">BBbbII", leap << 6 | version << 3 | mode, stratum, 6, -20, delay, dispersion)
    return head + ident + stamp(utc_ms - 60_000) + nonce + stamp(utc_ms) + stamp(utc_ms + held_ms)


def test_a_request_is_48_bytes_version_4_mode_3_and_tells_only_the_nonce():
    assert encode_request(NONCE) == b"\x23" + bytes(39) + NONCE


def test_an_answer_given_in_hex_is_read_to_the_millisecond():
    data = bytes.fromhex(
        "24 01 06 e9 00000000 00000012 47505300"
        "edf0d5c0 00000000 8001 6b65696b6941 edf0d5cb 80000000 edf0d5cb 80418938".replace(" ", "")
    )
    utc_ms = (0xEDF0D5CB - 2208988800) * 1000 + 500
    assert decode_answer(data, NONCE) == (utc_ms, utc_ms + 1)


def test_every_good_answer_is_good():
    assert decode_answer(answer(), NONCE) == (T0, T0)
    assert decode_answer(answer(held_ms=12), NONCE) == (T0, T0 + 12)
    assert decode_answer(answer() + bytes(20), NONCE) == (T0, T0), "with a signature behind it"
    for leap in (0, 1, 2):
        for stratum in (1, 2, 15):
            for version in (1, 2, 3, 4):
                assert decode_answer(answer(leap=leap, stratum=stratum, version=version), NONCE)


def test_every_fault_has_its_word():
    rows = (
        ("mode", {"mode": 3}),
        ("mode", {"mode": 5}),
        ("mode", {"mode": 6}),
        ("version", {"version": 0}),
        ("version", {"version": 5}),
        ("stratum", {"stratum": 16}),
        ("stratum", {"stratum": 255}),
        ("leap", {"leap": 3}),
        ("root", {"delay": 0x10000}),
        ("root", {"delay": 0x80000001}),
        ("root", {"dispersion": 0x10000}),
        ("order", {"held_ms": -1}),
        ("originate", {"nonce": bytes(8)}),
        ("originate", {"nonce": b"\x80\x01keikiB"}),
        ("kiss", {"stratum": 0}),
    )
    for word, change in rows:
        assert str(raises(FrameError, decode_answer, answer(**change), NONCE)) == word, change


def test_every_truncation_is_rejected():
    for length in range(48):
        assert str(raises(FrameError, decode_answer, answer()[:length], NONCE)) == "length"


def test_a_server_that_asks_to_be_left_alone_says_how():
    for code in (b"RATE", b"DENY", b"RSTR"):
        assert raises(KissError, decode_answer, answer(stratum=0, ident=code), NONCE).code == code.decode()
    assert raises(KissError, decode_answer, answer(stratum=0, ident=b"\x00\x01A\xff"), NONCE).code == "A"
    # but nobody can silence a server without knowing the nonce
    error = raises(FrameError, decode_answer, answer(bytes(8), stratum=0, ident=b"DENY"), NONCE)
    assert str(error) == "originate"


def test_a_timestamp_that_was_not_filled_in_is_no_7_february_2036():
    data = answer()
    assert str(raises(FrameError, decode_answer, data[:40] + bytes(8), NONCE)) == "zero"
    assert str(raises(FrameError, decode_answer, data[:32] + bytes(8) + data[40:], NONCE)) == "zero"
    # one second later it is a time, and the clock's rule of jumps has to stand against it
    assert decode_answer(answer(utc_ms=ERA_MS - _NTP_MS + 1000), NONCE)[1] == 2085978497000


def test_the_era_is_the_one_from_2025_on():
    for utc_ms in (1735689600000, T0, 2085978495999, 2085978497000, utc_from_jst(2099, 12, 31) * 1000 + 7):
        assert decode_answer(answer(utc_ms=utc_ms), NONCE) == (utc_ms, utc_ms)


def test_times_outside_2025_to_2099_never_happened():
    for utc_ms in (0, 1735689599999, 946684800000, 4102444800000, ERA_MS):
        assert str(raises(FrameError, decode_answer, answer(utc_ms=utc_ms), NONCE)) == "year"


def test_both_ways_are_taken_to_be_equally_long():
    assert utc_at_arrival(T0, T0 + 10, 50) == T0 + 10 + 20
    assert utc_at_arrival(T0, T0, 0) == T0
    assert utc_at_arrival(T0, T0 + 12, 10) == T0 + 12
    assert utc_at_arrival(T0, T0 + 13, 10) is None


# -- the client ------------------------------------------------------------------------------------------


class Net:
    """Servers by name: a function (nonce) -> datagram or None; every exchange takes 40 ms of ticks."""

    def __init__(self, servers, sure=True):
        self.ticks = 1000
        self.servers = servers
        self.asked = []
        self.events = []
        self.clock = Clock(lambda: self.ticks, T0, sure)
        self.clock.on_event = lambda *event: self.events.append(event)
        self.random = 0
        self.client = SntpClient(
            self.clock, self.exchange, sorted(servers), lambda: self.ticks, self.random_below
        )

    def random_below(self, n):
        self.random = (self.random * 1103515245 + 12345) & 0x7FFFFFFF
        return (self.random >> 8) % n

    def true_ms(self):
        return T0 + self.ticks - 1000

    async def exchange(self, server, request, timeout_ms):
        assert len(request) == 48 and timeout_ms == 2000
        self.asked.append((server, request[40:]))
        self.ticks += 20
        data = self.servers[server](request[40:])
        self.ticks += 20
        return data

    def round(self):
        return asyncio.run(self.client.round())

    def right(self, off_ms=0):
        return lambda nonce: answer(nonce, self.true_ms() + off_ms)


def net(sure=True, **off_ms):
    made = Net(dict.fromkeys(off_ms), sure)
    for name, off in off_ms.items():
        made.servers[name] = made.right(off) if off is not None else lambda nonce: None
    return made


def test_two_servers_set_an_unsure_clock():
    world = net(False, a=90_000, b=90_100)
    assert world.round()
    assert [event[0] for event in world.events] == [SET]
    assert world.clock.utc_ms() == world.true_ms() + 90_000, "of two as quick the first in order leads"
    assert world.client.stats["waiting"] == 1 and world.client.stats["accepted"] == 1


def test_every_request_has_a_nonce_of_its_own():
    world = net(a=0, b=0)
    world.round()
    world.round()
    assert len({nonce for _, nonce in world.asked}) == 4


def test_one_server_does_not_set_an_unsure_clock():
    world = net(False, a=90_000, b=None)
    assert not world.round()
    assert world.clock.unsure and world.client.stats["waiting"] == 1 and world.client.stats["silent"] == 1


def test_the_minority_is_not_followed():
    world = net(a=200, b=30_000, c=220)
    assert world.round()
    assert world.clock.slew_ms in (200, 220)
    assert world.client.stats["outvoted"] == 1 and world.events == []


def test_a_minority_in_2036_is_refused_and_logged():
    world = net(a=0, b=2085978497000 - T0, c=10)
    assert world.round() and world.round()
    assert [event[0] for event in world.events] == [REFUSED]
    assert world.clock.slew_ms in (0, 10)
    assert world.client.stats["refused"] == 2


def test_a_majority_in_2036_is_refused_and_the_others_are_followed():
    world = net(a=2085978497000 - T0, b=30, c=2085978497000 - T0, d=2085978497000 - T0)
    assert world.round() and world.round()
    assert world.clock.slew_ms == 30 and not world.clock.unsure
    assert [event[0] for event in world.events] == [REFUSED] * 3
    unsure = net(False, a=2085978497000 - T0, b=90_000, c=2085978497000 - T0, d=90_000)
    assert unsure.round() and unsure.clock.utc_ms() == unsure.true_ms() + 90_000


def test_of_two_that_disagree_the_one_nearer_to_the_clock_is_followed():
    world = net(a=50_000, b=300)
    assert world.round()
    assert world.clock.slew_ms == 300


def test_the_quickest_answer_has_the_last_word():
    world = net(a=0, b=800)
    slow = world.servers["b"]

    def late(nonce):
        world.ticks += 1500
        return slow(nonce)

    world.servers["b"] = late
    world.round()
    assert world.clock.slew_ms == 0


def test_bad_answers_count_and_change_nothing():
    for word, bad in (
        ("originate", lambda nonce: answer(bytes(8))),
        ("stratum", lambda nonce: answer(nonce, stratum=16)),
        ("leap", lambda nonce: answer(nonce, leap=3)),
        ("length", lambda nonce: answer(nonce)[:47]),
        ("length", lambda nonce: b""),
        ("year", lambda nonce: answer(nonce, 0)),
        ("zero", lambda nonce: answer(nonce)[:40] + bytes(8)),
        ("held too long", lambda nonce: answer(nonce, held_ms=60_000)),
    ):
        world = Net({"a": bad, "b": bad}, sure=False)
        assert not world.round()
        assert world.client.stats["bad"] == 2 and world.client.last_fault == "b: " + word
        assert world.clock.unsure and world.events == []
        assert world.clock.utc_ms() == world.true_ms()


def test_a_server_that_said_rate_is_left_alone_for_a_day():
    world = Net({"a": lambda nonce: answer(nonce, stratum=0, ident=b"RATE")})
    assert not world.round()
    assert world.client.stats["kiss"] == 1 and world.client.last_fault == "a: RATE"
    for _ in range(23):
        world.ticks += 3_600_000
        world.round()
    assert len(world.asked) == 1
    world.ticks += 3_600_000
    world.servers["a"] = world.right()
    assert world.round()


def test_a_server_named_twice_is_one_witness_and_four_are_enough():
    world = net(False, a=0)
    client = SntpClient(world.clock, world.exchange, ["a", "a", "a"], lambda: world.ticks, world.random_below)
    assert not asyncio.run(client.round())
    assert len(world.asked) == 1
    many = SntpClient(world.clock, world.exchange, list("abcdefg"), lambda: world.ticks, world.random_below)
    assert len(many._servers) == 4


class _Enough(Exception):
    pass


def waits(world, count):
    """What the client sleeps between `count` rounds, in s; `asyncio.sleep_ms` is MicroPython's only."""
    slept = []

    async def sleep_ms(ms):
        slept.append(ms)
        world.ticks += ms
        if len(slept) == count:
            raise _Enough

    before = getattr(asyncio, "sleep_ms", None)
    asyncio.sleep_ms = sleep_ms
    try:
        raises(_Enough, asyncio.run, world.client.run(lambda: None))
    finally:
        if before is None:
            del asyncio.sleep_ms
        else:
            asyncio.sleep_ms = before
    return slept


def test_silence_backs_off_from_16_s_to_an_hour_and_an_answer_ends_it():
    world = net(a=None)
    slept = waits(world, 10)
    for index in range(10):
        least = min(RETRY_S << index, 3600) * 1000
        assert least <= slept[index] <= least * 9 // 8
    world.servers["a"] = world.right()
    assert 3600_000 <= waits(world, 1)[0] <= 4050_000


def test_without_servers_there_is_nothing_to_do():
    assert asyncio.run(net().client.run(lambda: None)) is None
