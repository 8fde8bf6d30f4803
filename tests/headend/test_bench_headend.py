"""`keiki bench` with its head-end: real meters push to it, are asked by it, and do what it says."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from keiki.wire.slots import DAY_S
from keiki_host.device import Device
from keiki_host.headend import jst, trail
from keiki_host.headend.database import open_store
from keiki_host.headend.kpi import area_days
from keiki_host.headend.values import Path as Way

from tests.bench_process import BenchProcess, until
from tests.conformance.desk import own_address

START = "2026-06-11T11:59:00+09:00"
DAY = "2026-06-11"
POINT = f"{1:022}"
SPEED = 20
WAIT_S = 1800 // SPEED  # a value that comes in this time of the wall has come within 30 minutes


class World:
    """A bench, and the API of its head-end as an operator sees it."""

    def __init__(self, bench: BenchProcess) -> None:
        self.meter = bench.ready["meters"][0]
        self.headend = bench.ready["headend"]

    @property
    def store_url(self) -> str:
        """Its database."""
        return f"sqlite:///{Path(self.meter['state']).parent / 'headend' / 'headend.db'}"

    def ask(self, path: str, order: dict[str, Any] | None = None) -> Any:
        """The answer to GET, or to POST of `order`."""
        request = urllib.request.Request(
            f"{self.headend['url']}/api/v1{path}",
            data=None if order is None else json.dumps(order).encode(),
            headers={"Authorization": f"Bearer {self.headend['token']}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def command(self, kind: str, **arguments: Any) -> Any:
        """Give a command to the meter; what became of it."""
        order = {"meter": self.meter["serial"], "kind": kind, "arguments": arguments}
        number = self.ask("/commands", order)["id"]
        until(lambda: self.ask(f"/commands/{number}")["ended"], f"{kind} ends", 60)
        return self.ask(f"/commands/{number}")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A bench whose meter has a day of history, and sends at once; a minute before noon."""
    house = ("--load", "constant:1000W", "--start", START, "--seed", "6")
    options = ("--speed", str(SPEED), "--history", "1", *house)
    with BenchProcess("--headend", *options, "--udp4", own_address()) as bench:
        yield World(bench)


def test_values_that_were_there_and_values_that_come_are_in_the_api(world: World) -> None:
    def known() -> list[int]:
        found = world.ask(f"/points/{POINT}/day?date={DAY}")["half_hours"]
        return [row["import_wh"] for row in found if row["import_wh"] is not None]

    until(lambda: len(known()) >= 24, "history is pulled, and noon is pushed", WAIT_S)
    assert set(known()) <= {499, 500, 501}
    store = open_store(world.store_url)
    with store.read() as connection:
        ways = connection.exec_driver_sql("SELECT slot_s, path FROM reading ORDER BY slot_s").all()
    day_s = jst.parse(DAY)
    (at_the_end,) = area_days(store, day_s, now_s=day_s + DAY_S)
    store.close()
    assert len(ways) >= 49 and {way for _, way in ways[:48]} == {Way.PULL} and ways[48][1] == Way.PUSH
    (area,) = world.ask(f"/fleet?date={DAY}")["areas"]
    assert area["connection"]["rate"] == 1
    assert at_the_end.within_30.part >= 1 and at_the_end.pushed >= 1


def test_a_command_opens_the_relay_and_the_trail_says_so(world: World) -> None:
    ended = world.command("switch", closed=False)
    assert (ended["state"], ended["result"]) == ("done", "open")
    assert ended["read_back"] == {"closed": False, "state": "disconnected"}
    with Device(world.meter["console"]) as device:
        assert device.ask("events", most=1)["counts"]["disconnected"] == 1
    store = open_store(world.store_url)
    entries = [entry for entry in trail.entries(store) if entry.action == "command.switch"]
    store.close()
    assert [entry.outcome for entry in entries] == ["done", "asked"]
    assert entries[0].detail["read_back"] == ended["read_back"] and entries[0].who.endswith("bench")
    assert world.command("switch", closed=True)["read_back"] == {"closed": True, "state": "connected"}


def test_limit_clock_and_push_setting_hold_on_the_meter_and_registers_are_read(world: World) -> None:
    assert world.command("limit", limit_a=40)["read_back"]["active_a"] == 40
    assert abs(world.command("clock")["read_back"]["offset_s"]) <= 60
    push = world.command("push", window_s=30)
    assert push["read_back"] == {"to": world.headend["push"], "window_s": 30}
    with Device(world.meter["console"]) as device:
        settings = device.ask("settings")
    assert (settings["contract_a"], settings["push_window_s"]) == (40, 30)
    read = world.command("read")["read_back"]
    assert read["import_wh"] > 24_000 and read["export_wh"] == 0


def test_without_a_token_there_is_nothing(world: World) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{world.headend['url']}/api/v1/points/{POINT}/day?date={DAY}")
    assert refused.value.code == 401
    refused.value.close()
