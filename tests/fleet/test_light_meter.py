"""A light meter is read like any other, and its log says what was the truth."""

import asyncio
import csv
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from keiki.wire.cosem import datetime12
from keiki_host.cosem.keys import MANAGEMENT, Keys
from keiki_host.cosem.link import LinkError, MeterLink
from keiki_host.fleet import identity, memory_log
from keiki_host.fleet.errors import FleetInputError
from keiki_host.fleet.fleet import Options, plans
from keiki_host.fleet.identity import identity as identified
from keiki_host.fleet.load import House
from keiki_host.fleet.log import FleetLog
from keiki_host.fleet.meter import LightMeter
from keiki_host.fleet.outages import cuts, load_outages
from keiki_host.fleet.push import Push
from keiki_host.fleet.serving import Port
from keiki_host.headend.collect.clock import Clock

DAY = 1_780_239_600  # 00:00 JST of 2026-06-01
SLOT = 1800
PROFILE = (7, b"\x01\x00\x63\x01\x00\xff", 2)
IMPORT = (3, b"\x01\x00\x01\x08\x00\xff", 2)
SWITCH = (70, b"\x00\x00\x60\x03\x0a\xff", 1)
SWITCH_STATE = (70, b"\x00\x00\x60\x03\x0a\xff", 2)


class Desk:
    """One light meter on a port of its own, at a time that is set by hand."""

    def __init__(self, folder: Path) -> None:
        self.now_s = float(DAY)
        self.who = identified(7, 3)
        self.log = FleetLog(folder / "log.csv")
        settings = {"push_to": "127.0.0.1:1", "push_window_s": 0}
        self.meter = LightMeter(
            self.who,
            House(7, 3),
            self.log,
            lambda: self.now_s,
            DAY,
            counter=1000,
            port=0,
            settings=settings,
        )
        self.port = Port(self.meter)
        self.keys = Keys(self.who.keys["ek"], self.who.keys["ak"], MANAGEMENT)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """The port, open; and the switch moves."""
        number = await self.port.open("127.0.0.1", 0)
        supply = asyncio.create_task(self.meter.supply.run())
        try:
            yield number
        finally:
            supply.cancel()
            self.port.close()
            self.log.close()


def facts(path: Path, kind: str) -> list[list[str]]:
    """Lines of a kind of a log, without the kind."""
    with path.open() as file:
        return [row[1:] for row in csv.reader(file) if row[0] == kind]


def test_a_light_meter_gives_the_rows_that_its_log_calls_the_truth(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    def read(number: int) -> list[Any]:
        with MeterLink("127.0.0.1", number, desk.keys) as link:
            rows: list[Any] = link.get(PROFILE)
            assert link.get(IMPORT) == desk.meter.consumption.import_wh
            link.act(SWITCH, b"\x0f\x00")
            assert link.get(SWITCH_STATE) is False
            return rows

    async def scenario() -> list[Any]:
        desk.now_s = DAY + 20 * SLOT  # nobody told it that time has passed: it closes them when it is asked
        async with desk.serving() as number:
            return await asyncio.to_thread(read, number)

    rows = asyncio.run(scenario())
    told = [(datetime12.instant(row[0]), *row[1:]) for row in rows]
    truth = [
        (int(slot), int(status), int(imported), int(exported))
        for _, slot, imported, exported, status in facts(tmp_path / "log.csv", "slot")
    ]
    assert told == truth and [row[0] for row in told] == [DAY + n * SLOT for n in range(21)]
    assert told[0][2] == desk.who.start_wh and told[-1][2] > told[0][2]
    assert [row[1:3] for row in facts(tmp_path / "log.csv", "read")] == [[str(DAY), str(DAY + 20 * SLOT)]]
    assert len(facts(tmp_path / "log.csv", "session")) == 1


def test_a_house_whose_switch_is_open_uses_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    async def scenario() -> None:
        async with desk.serving():
            desk.now_s = DAY + 10 * SLOT
            desk.meter.catch_up()
            before = desk.meter.consumption.import_wh
            desk.meter.supply.switch.ask(0)
            await desk.meter.supply.switch.settled()
            desk.now_s = DAY + 30 * SLOT
            desk.meter.catch_up()
            assert desk.meter.consumption.import_wh == before

    asyncio.run(scenario())


def test_a_meter_that_is_cut_off_measures_and_cannot_be_reached(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    stats = dict.fromkeys(("delivered", "alarms", "failed"), 0)

    def unreached(number: int) -> None:
        with pytest.raises(LinkError):
            MeterLink("127.0.0.1", number, desk.keys)

    async def scenario() -> None:
        push = Push(desk.meter, Clock(wall=lambda: desk.now_s, speed=1e9), random.Random(1), stats)
        async with desk.serving() as number:
            desk.port.cut_off()
            push.cut_off()
            work = asyncio.create_task(push.run())
            desk.now_s = DAY + 3 * SLOT
            desk.meter.catch_up()
            await asyncio.to_thread(unreached, number)
            while not stats["failed"]:
                await asyncio.sleep(0)
            work.cancel()
        assert push.waiting == 4 and not stats["delivered"]

    asyncio.run(scenario())
    assert len(facts(tmp_path / "log.csv", "slot")) == 4 and not facts(tmp_path / "log.csv", "sent")


def test_every_meter_has_its_own_name_keys_and_counter_and_a_restart_goes_on_above() -> None:
    meters = [identified(1, number) for number in range(1, 400)]
    for what in ("serial", "title", "point"):
        assert len({getattr(meter, what) for meter in meters}) == len(meters)
    keys = [key for meter in meters for key in meter.keys.values()]
    assert len(set(keys)) == len(keys)
    assert identified(1, 5) == meters[4] and identified(2, 5).keys != meters[4].keys
    assert meters[4].keys["ek"].hex() not in repr(meters[4])
    options = Options(10, Path(), "127.0.0.1:1", processes=3, start_s=DAY + 100, days=2)
    first, later = plans(options, DAY + 1.0), plans(options, DAY + 2.0)
    assert [(plan.first, plan.count, plan.port) for plan in first] == [
        (1, 4, 20000), (5, 3, 20004), (8, 3, 20007),
    ]  # fmt: skip
    assert (first[0].from_s, first[0].to_s) == (DAY, DAY + 2 * 86400)
    assert later[0].counter > first[0].counter > 0


def test_the_file_of_meters_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "meters.json"
    path.write_text("old")
    path.chmod(0o644)
    identity.write_registration(path, [identity.entry(identified(1, 1), "127.0.0.1:20000", DAY)])
    assert path.stat().st_mode & 0o777 == 0o600 and "FLEET0000001" in path.read_text()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[outage]]\nshare = 2.0\nat_h = 1.0\nfor_h = 1.0", "outage.0.share"),
        ("[[outage]]\nshare = 0.5\nat_h = 1.0", "outage.0.for_h"),
        ("[[outages]]\nshare = 0.5", "outages"),
        ("share", "not TOML"),
    ],
)
def test_a_wrong_file_of_outages_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "outages.toml"
    path.write_text(text)
    with pytest.raises(FleetInputError, match=told) as raised:
        load_outages(path)
    assert "\n" not in str(raised.value)


def test_outages_hit_the_share_that_they_name_the_same_each_time(tmp_path: Path) -> None:
    path = tmp_path / "outages.toml"
    path.write_text("[[outage]]\nshare = 0.05\nat_h = 10.0\nfor_h = 20\n")
    plan = load_outages(path)
    hit = cuts(plan, 1, 1000, DAY)
    assert len(hit) == 50 and set(map(tuple, hit.values())) == {((DAY + 36000.0, DAY + 108000.0),)}
    assert hit == cuts(plan, 1, 1000, DAY) != cuts(plan, 2, 1000, DAY)


def test_a_log_in_the_heap_forgets_the_oldest_and_says_so() -> None:
    log = memory_log.MemoryLog(3, 4)
    for number in range(10):
        assert log.append(bytes((number,))) == number
    assert log.end == 10 and log.oldest == 6
    buffer = bytearray(3)
    assert log.read_into(9, buffer) and buffer == b"\x09\xff\xff"
    with pytest.raises(IndexError):
        log.read_into(log.oldest - 1, buffer)
    with pytest.raises(ValueError):
        log.append(bytes(4))
