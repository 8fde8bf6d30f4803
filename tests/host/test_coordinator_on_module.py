"""The firmware's coordinator on the emulated module of the bench, with a dongle that joins it."""

from keiki.wire.sk.coordinator import Coordinator
from keiki.wire.sk.dialect import BP35C2
from keiki_host.bench.wisun.core import TextOptions
from keiki_host.bench.wisun.text import TextModule

from tests.host.radio_world import PASSWORD, ROUTE_B_ID, RadioWorld, Stick

ANSWER = b"\x10\x81 answer"


class Meter:
    """A coordinator behind a module of its own, on the time of a radio world; it answers every datagram."""

    def __init__(self, **options: object) -> None:
        self.world = RadioWorld(lifetime_s=None)
        self.radio = self.world.air.radio(self.world.time, None)
        self.inbox: list[bytes] = []
        chosen = TextOptions(meter=True, **options)  # type: ignore[arg-type]
        self.module = TextModule("bp35c2", self.radio, self.world.time, self.inbox.append, options=chosen)
        self.events: list[tuple] = []
        self.coordinator = Coordinator(ROUTE_B_ID, PASSWORD, dialect=BP35C2, rand=lambda n: n // 3)

    def run(self, ms: int) -> list[tuple]:
        """Let time pass in steps of 10 ms; return what happened."""
        self.events = []
        for _ in range(ms // 10):
            now_ms = self.world.time.now_ms
            while self.inbox:
                self.coordinator.receive(self.inbox.pop(0), now_ms)
            self.coordinator.tick(now_ms)
            for event in self.coordinator.events():
                self.events.append(event)
                if event[0] == "datagram":
                    assert self.coordinator.send(event[1], ANSWER)
            while (data := self.coordinator.to_send()) is not None:
                self.module.receive(data)
            self.world.run(10)
        return self.events

    def stick(self) -> Stick:
        """A dongle that knows the network."""
        dongle = self.world.stick()
        dongle.credentials()
        dongle.ask(f"SKSREG S2 {self.radio.channel:02X}")
        dongle.ask(f"SKSREG S3 {self.radio.pan_id:04X}")
        return dongle

    def join(self, dongle: Stick) -> list[tuple]:
        """SKJOIN to this meter."""
        dongle.module.receive(b"SKJOIN " + self.module.core.ip.encode() + b"\r\n")
        return self.run(5000)


def test_a_factory_fresh_echoing_module_serves_at_either_dwell() -> None:
    for dwell, limit_ms in (("fast", 6000), ("real", 40000)):
        meter = Meter(dwell=dwell, echo=True, hex_mode=False)
        (up,) = meter.run(limit_ms)
        assert up == ("up", meter.radio.channel, meter.radio.pan_id) and up[1] & 1
        assert meter.module.output_mode == 1
        assert meter.run(70000) == [] and meter.coordinator.stats["junk"] == 0


def test_a_dongle_joins_asks_is_answered_and_leaves() -> None:
    meter = Meter(noisy=True)
    meter.run(6000)
    dongle = meter.stick()
    assert meter.join(dongle) == [("join", dongle.ip)]
    dongle.take()
    head = f"SKSENDTO 1 {meter.module.core.ip} 0E1A 2 0 0004 ".encode()
    dongle.module.receive(head + b"\x10\x81\x0d\x0a")
    assert meter.run(3000) == [("datagram", dongle.ip, b"\x10\x81\x0d\x0a")]
    assert ANSWER.hex().upper().encode() in dongle.take()
    dongle.module.receive(b"SKTERM\r\n")
    assert [event[:2] for event in meter.run(3000)] == [("leave", dongle.ip)]


def test_a_power_cut_of_the_module_is_repaired_and_the_dongle_can_join_again() -> None:
    meter = Meter()
    meter.run(6000)
    dongle = meter.stick()
    meter.join(dongle)
    meter.module.power_cycle()
    events = meter.run(90000)
    assert [event[0] for event in events] == ["leave", "fault", "up"]
    dongle.module.receive(b"SKTERM\r\n")
    meter.run(20000)
    assert ("join", dongle.ip) in meter.join(dongle)


def test_a_meter_that_starts_again_ends_the_session_that_its_module_still_holds() -> None:
    meter = Meter()
    meter.run(6000)
    dongle = meter.stick()
    meter.join(dongle)
    dongle.take()
    settings = {"channel": meter.radio.channel, "pan_id": meter.radio.pan_id}
    meter.coordinator = Coordinator(ROUTE_B_ID, PASSWORD, dialect=BP35C2, rand=lambda n: 0, **settings)
    assert [event[0] for event in meter.run(20000)] == ["up"]
    assert b"EVENT 26" in dongle.take()
    assert meter.join(dongle) == [("join", dongle.ip)]
