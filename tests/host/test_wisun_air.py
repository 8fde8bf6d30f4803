"""The air: who hears whom, losses that come from the seed, and two clocks (b-route.md E3.17, E4.13)."""

from dataclasses import replace

import pytest
from keiki_host.bench.clock import ManualScheduler
from keiki_host.bench.faults import Faults
from keiki_host.bench.wisun.air import Air, Datagram, Radio, Tx, link_local, lqi_from_rssi, mac_of
from keiki_host.bench.wisun.pana import Credentials, Paa, Pac, Pana

from tests.host.radio_world import RadioWorld


class Pair:
    """Two radios in one PAN, and what `b` received with the time of it."""

    def __init__(self, seed: int = 5, faults: Faults | None = None) -> None:
        self.clock_a = ManualScheduler()
        self.clock_b = ManualScheduler()
        self.air = Air(seed=seed, faults=faults or Faults())
        self.a = self.air.radio(self.clock_a)
        self.b = self.air.radio(self.clock_b)
        self.got: list[tuple[int, bytes]] = []
        self.b.on_datagram = lambda datagram: self.got.append((self.clock_b.now_ms, datagram.data))
        for radio in (self.a, self.b):
            radio.channel, radio.pan_id = 0x2F, 0x8888

    def send(self, data: bytes, dst: bytes | None = b"") -> Tx:
        return self.a.send(self.b.mac if dst == b"" else dst, 3610, 3610, data, secured=False)

    def flood(self, count: int = 200) -> list[bytes]:
        for i in range(count):
            self.send(b"%d" % i)
            self.clock_b.advance(10)
        self.clock_b.advance(5000)
        return [data for _, data in self.got]


def test_a_datagram_arrives_by_the_clock_of_its_receiver() -> None:
    pair = Pair()
    assert pair.send(b"x") is Tx.OK
    pair.clock_a.advance(1000)
    assert pair.got == []
    pair.clock_b.advance(1000)
    assert pair.got == [(20, b"x")]


@pytest.mark.parametrize("change", ["channel", "pan", "off", "no pan", "nobody", "gone"])
def test_who_does_not_hear_does_not_acknowledge(change: str) -> None:
    pair = Pair()
    dst = bytes(8) if change == "nobody" else pair.b.mac
    pair.b.channel += change == "channel"
    pair.b.pan_id += change == "pan"
    pair.b.on = change != "off"
    if change == "no pan":
        pair.a.pan_id = pair.b.pan_id = 0xFFFF
    if change == "gone":
        pair.air.detach(pair.b)
    assert pair.send(b"x", dst) is Tx.NO_ACK
    pair.clock_b.advance(100)
    assert pair.got == []


def test_multicast_reaches_everyone_in_the_pan_and_nobody_acknowledges_it() -> None:
    pair = Pair()
    third = pair.air.radio(pair.clock_b)
    third.channel, third.pan_id = 0x2F, 0x1111
    third.on_datagram = pytest.fail
    assert pair.send(b"all", None) is Tx.OK
    pair.clock_b.advance(100)
    assert pair.got == [(20, b"all")]


def test_power_lost_while_a_datagram_is_under_way_loses_it() -> None:
    pair = Pair()
    pair.send(b"x")
    pair.b.on = False
    pair.clock_b.advance(100)
    assert pair.got == [] and pair.air.stats["missed"] == 1


@pytest.mark.parametrize("what", ["loss", "duplicate", "reorder"])
def test_losses_repeats_and_overtaking_come_from_the_seed(what: str) -> None:
    runs = []
    for seed in (1, 1, 2):
        pair = Pair(seed)
        setattr(pair.air, what, 0.2)
        runs.append(pair.flood())
    sent = [b"%d" % i for i in range(200)]
    assert runs[0] == runs[1] != runs[2]
    assert runs[0] != sent
    if what == "loss":
        assert 130 < len(runs[0]) < 190 and runs[0] == sorted(runs[0], key=int)
    if what == "duplicate":
        assert set(runs[0]) == set(sent) and 210 < len(runs[0]) < 270
    if what == "reorder":
        assert sorted(runs[0], key=int) == sent


def test_faults_of_the_air() -> None:
    faults = Faults(1)
    pair = Pair(faults=faults)
    faults.enable("loss", count=1)
    pair.send(b"lost")
    faults.enable("duplicate", count=1)
    pair.send(b"twice")
    faults.enable("delay", count=1, ms=500)
    pair.send(b"late")
    faults.enable("reorder", count=1, ms=90)
    pair.send(b"held")
    pair.send(b"usual")
    pair.clock_b.advance(1000)
    assert pair.got == [(20, b"twice"), (20, b"usual"), (40, b"twice"), (110, b"held"), (520, b"late")]


def test_filters_see_datagrams_and_may_drop_change_add_and_delay() -> None:
    pair = Pair()
    pair.b.coordinator = True
    pair.a.coordinator = False
    seen: list[Datagram] = []

    def double(datagram: Datagram) -> list[Datagram]:
        seen.append(datagram)
        return [datagram, replace(datagram, data=b"more", delay_ms=datagram.delay_ms + 30)]

    def drop(datagram: Datagram) -> list[Datagram]:
        return [] if datagram.data == b"x" else [datagram]

    pair.air.filters += [double, drop]
    assert pair.send(b"x") is Tx.OK
    pair.clock_b.advance(100)
    assert pair.got == [(50, b"more")]
    assert seen[0] == Datagram(pair.a.mac, pair.b.mac, 3610, 3610, False, b"x", to_meter=True, delay_ms=20)


def test_what_the_coordinator_sends_is_not_towards_the_meter() -> None:
    pair = Pair()
    pair.a.coordinator = True
    seen: list[bool] = []
    pair.air.filters.append(lambda datagram: seen.append(datagram.to_meter) or [datagram])  # type: ignore[func-returns-value]
    pair.send(b"x")
    assert seen == [False]


def test_only_the_two_ends_of_a_session_read_what_is_secured() -> None:
    pair = Pair()
    with pytest.raises(ValueError, match="no session key"):
        pair.a.send(pair.b.mac, 1, 1, b"x", secured=True)
    pair.a.link = object()
    pair.a.send(pair.b.mac, 1, 1, b"x", secured=True)
    pair.clock_b.advance(100)
    assert pair.got == [] and pair.air.stats["unreadable"] == 1


def test_beacons_answer_the_pairing_id_or_everyone() -> None:
    pair = Pair()
    assert pair.a.beacons(0x2F, None) == []
    pair.b.beaconing = True
    pair.b.pairing_id = b"89ABCDEF"
    (beacon,) = pair.a.beacons(0x2F, b"89ABCDEF")
    assert (beacon.channel, beacon.pan_id, beacon.mac) == (0x2F, 0x8888, pair.b.mac)
    assert pair.a.beacons(0x2F, None) == [beacon]
    assert pair.a.beacons(0x2F, b"00000000") == []
    assert pair.a.beacons(0x30, None) == []
    assert pair.a.energy_dbm(0x2F) == beacon.rssi_dbm > pair.a.energy_dbm(0x30)


def test_macs_and_signals_come_from_the_seed() -> None:
    first, same, other = (Pair(seed) for seed in (1, 1, 2))
    assert first.a.mac == same.a.mac != other.a.mac
    assert first.a.mac != first.b.mac and len(first.a.mac) == 8
    assert first.a.rssi_dbm(first.b.mac) == first.b.rssi_dbm(first.a.mac) == same.a.rssi_dbm(same.b.mac)
    assert all(-75 <= Pair(seed).air.rssi_dbm(first.a.mac, first.b.mac) <= -45 for seed in range(50))


def test_link_quality_is_that_of_the_fact_sheet() -> None:
    assert [lqi_from_rssi(dbm) for dbm in (-104, -42, -75, 0)] == [1, 226, 106, 255]
    assert all(abs(0.275 * lqi_from_rssi(dbm) - 104.27 - dbm) < 0.2 for dbm in range(-104, -34))


def test_addresses_are_made_of_the_mac_and_back() -> None:
    mac = bytes.fromhex("001D12900003C890")
    assert link_local(mac) == bytes.fromhex("FE80000000000000021D12900003C890")
    assert mac_of(link_local(mac)) == mac
    assert mac_of(bytes(16)) is None and mac_of(b"") is None


def test_the_lifetime_runs_on_the_meters_clock() -> None:
    pair = Pair()
    told: list[tuple[str, Pana]] = []
    paa = Paa(pair.b, lambda event, mac: told.append(("paa", event)))
    pac = Pac(pair.a, lambda event, mac: told.append(("pac", event)))
    pac.auto_reauth = False
    credentials = Credentials.from_password(b"0" * 32, b"P" * 12)
    paa.credentials, paa.lifetime_s = credentials, 60
    paa.start()
    pac.join(pair.b.mac, credentials)
    pair.clock_a.advance(500_000)
    pair.clock_b.advance(59_000)
    assert told == [("pac", Pana.JOINED), ("paa", Pana.JOINED)]
    pair.clock_b.advance(1_000)
    pair.clock_a.advance(20)
    assert told[2:] == [("paa", Pana.EXPIRED), ("pac", Pana.EXPIRED)]


def test_a_refusal_and_an_empty_air_are_told_apart() -> None:
    pair = Pair()
    told: list[Pana] = []
    pac = Pac(pair.a, lambda event, mac: told.append(event))
    right, wrong = (Credentials.from_password(b"0" * 32, word) for word in (b"right", b"wrong"))
    pac.join(pair.b.mac, right)
    pair.clock_a.advance(1000)
    paa = Paa(pair.b, lambda event, mac: None)
    paa.credentials = right
    paa.start()
    pac.join(pair.b.mac, wrong)
    pair.clock_a.advance(1000)
    assert told == [Pana.NO_ANSWER, Pana.REFUSED]


def test_the_same_seed_gives_the_same_conversation() -> None:
    def conversation() -> list[bytes]:
        world = RadioWorld()
        stick = world.stick(noisy=True)
        stick.join()
        world.air.loss = world.air.duplicate = world.air.reorder = 0.2
        for i in range(50):
            stick.sendto(world.meter.ip, b"%d" % i, ms=7)
        world.run(1000)
        return world.meter.writes

    assert conversation() == conversation()


def test_radios_are_found_by_mac() -> None:
    pair = Pair()
    assert isinstance(pair.air.find(pair.a.mac), Radio)
    assert pair.air.find(bytes(8)) is None
