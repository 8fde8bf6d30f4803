"""What the head-end asks meters for, and what it has them do."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from keiki.meter import eventlog
from keiki_host.headend import commands, counters, key_change, observations, trail
from keiki_host.headend.collect import puller, session, worker
from keiki_host.headend.collect.puller import Limits
from keiki_host.headend.commands import Command
from keiki_host.headend.counters import Channel
from keiki_host.headend.database import Store

from tests.headend.asked_meter import NOW_S, SLOT, AskedMeter, asking, register
from tests.headend.collector_world import World, until

QUICK = Limits(scan_s=1)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is silent is given up soon."""
    monkeypatch.setattr(session, "ANSWER_S", 0.3)
    monkeypatch.setattr(worker, "LOOK_S", 0.02)
    monkeypatch.setattr(puller, "GRACE_S", 600)


def rows(world: World, meter_id: int) -> dict[int, tuple[int | None, int]]:
    """(import, path) by how many slots ago."""
    query = f"SELECT slot_s, import_wh, path FROM reading WHERE meter_id = {meter_id}"
    with world.store.read() as connection:
        return {(NOW_S - row[0]) // SLOT: (row[1], row[2]) for row in connection.exec_driver_sql(query)}


def test_a_gap_is_filled_by_range_and_meters_that_do_not_answer_delay_nobody(
    store: Store, tmp_path: Path
) -> None:
    async def scenario() -> None:
        world = World(store, tmp_path, 1, limits=QUICK)
        world.now_s = NOW_S + 60.0
        meter, silent = AskedMeter(slots=100, missing=(95,), short_clocks=True), AskedMeter(slots=2)
        silent.silent = True
        async with meter.serving() as address, silent.serving() as nowhere:
            quiet = [
                register(world, nowhere, from_s=NOW_S - 99 * SLOT, serial=f"QUIET{n}") for n in range(40)
            ]
            gone = register(world, "127.0.0.1:1", from_s=NOW_S - 99 * SLOT, serial="GONE1")
            asked = register(world, address, from_s=NOW_S - 99 * SLOT)
            async with world.running():
                await until(lambda: len(rows(world, asked)) == 99, "the gap is filled")
                await until(lambda: world.service.stats["puller"]["unreached"] > 20, "others are given up")
                trouble = world.service.puller.trouble
                await until(lambda: trouble(gone), "who is gone has been tried")
                assert trouble(gone)[0] == "meter GONE1: 127.0.0.1:1: Connection refused"
                assert trouble(asked) is None
                meter.parts.events.add(eventlog.TAMPER, 3)
                assert world.service.puller is not None
                world.service.puller.now(world.service.roster.meters[asked])
                await until(
                    lambda: observations.events(store, asked), "after an alarm it is asked for events"
                )
                await until(lambda: observations.registers(store, asked), "and for registers")
        found = rows(world, asked)
        wh = meter.parts.import_wh
        assert found == {ago: (None if ago == 4 else wh(99 - ago), 2) for ago in range(1, 100)}
        assert not any(rows(world, number) for number in [*quiet, gone])
        assert {clock.offset_s for clock in observations.clocks(store, asked)} == {0}
        assert eventlog.TAMPER in [event.code for event in observations.events(store, asked)]
        assert {register.source for register in observations.registers(store, asked)} == {"billing"}
        assert meter.most_at_once == 1 and meter.parts.cosem.counters.last_rx(2) > 0
        assert set(counters.last(store, Channel.RECEIVE_READ)) == {asked}
        assert not counters.last(store, Channel.RECEIVE)

    asyncio.run(scenario())


async def ended(world: World, command_id: int) -> Command:
    """A command, when it has ended."""
    await until(
        lambda: commands.find(world.store, command_id).ended_s is not None, f"command {command_id} ends"
    )
    return commands.find(world.store, command_id)


def test_commands_are_carried_out_read_back_and_on_the_trail(store: Store, tmp_path: Path) -> None:
    async def scenario() -> None:
        world = World(store, tmp_path, 1, limits=QUICK)
        world.now_s = NOW_S + 70.0
        meter = AskedMeter(slots=3)
        parts = meter.parts
        for _ in range(3):  # somebody else has been here: its counters are ahead of ours
            parts.connect(1)
        assert parts.cosem.counters.last_rx(1) > 1
        async with meter.serving() as address, asking(world, address, NOW_S) as asked:

            def ask(kind: str, **arguments: Any) -> int:
                return commands.enqueue(
                    store, asked, kind, arguments, who="token 1 page", now_s=int(world.now_s)
                )

            numbers = [
                ask("switch", closed=False),
                ask("limit", limit_a=40),
                ask("clock"),
                ask("push", window_s=120),
                ask("push", delay_s=5),
                ask("read"),
                ask("switch", closed=True),
            ]
            found = [await ended(world, number) for number in numbers]
            told = [(row.state, row.result, row.read_back) for row in found]
            push_to = world.ready["push"]
            assert told == [
                ("done", "open", {"closed": False, "state": "disconnected"}),
                ("done", "40 A", {"limit_a": 40, "active_a": 40}),
                ("done", "was -10 s ahead, is -10 s", {"offset_s": -10, "before_s": -10}),
                ("done", f"to {push_to}", {"to": push_to, "window_s": 120}),
                ("failed", "this meter has no delay before its window", {}),
                ("done", "123456789 Wh import, 5000 Wh export", found[5].read_back),
                ("done", "closed", {"closed": True, "state": "connected"}),
            ]
            assert (parts.settings.contract_a, parts.settings.push_to) == (40, push_to)
            assert parts.supply.contact.pulses and parts.supply.contact.closed
            (register_,) = observations.registers(store, asked)
            assert (register_.import_wh, register_.source) == (123456789, "now")
            parts.supply.contact.stuck = True
            stuck = await ended(world, ask("switch", closed=False))
            assert stuck.state == "failed"
            assert stuck.result == "the meter says that its hardware does not follow"
        entries = [entry for entry in trail.entries(store) if entry.action == "command.switch"]
        assert {(entry.who, entry.outcome) for entry in entries} >= {
            ("token 1 page", "asked"),
            ("token 1 page", "done"),
        }

    asyncio.run(scenario())


def test_new_keys_are_current_when_the_meter_has_them_even_if_it_fell_silent_in_between(
    sqlite_store: Store, tmp_path: Path
) -> None:
    async def scenario() -> None:
        world = World(sqlite_store, tmp_path, 1, limits=QUICK)
        world.now_s = NOW_S + 60.0
        meter = AskedMeter(slots=3)
        settings = meter.parts.settings
        me: dict[str, Any] = {"who": "test", "now_s": int(world.now_s)}
        fresh = iter(range(0x70, 0x80))
        shown = ""
        async with meter.serving() as address, asking(world, address, NOW_S) as asked:

            async def change(client: str, silent: bool) -> None:
                nonlocal shown
                first = []
                number = key_change.ask(
                    sqlite_store,
                    world.safe,
                    asked,
                    client,
                    **me,
                    rand=lambda size: first.append(bytes([next(fresh)] * size)) or first[-1],
                )
                if silent:  # it took them, and nobody heard so
                    names = (f"dlms_{name}" for name in key_change.CLIENTS[client])
                    settings.change({name: key.hex() for name, key in zip(names, first, strict=True)})
                done = await ended(world, number)
                assert (done.state, done.result) == ("done", "it answers under its new keys"), client
                now = world.safe.current([asked])[asked]
                assert [now[name] for name in key_change.CLIENTS[client]] == first
                assert [getattr(settings, f"dlms_{name}") for name in key_change.CLIENTS[client]] == [
                    key.hex() for key in first
                ]
                shown += str(done)

            for client in key_change.CLIENTS:
                for silent in (False, True):
                    await change(client, silent)
            read = commands.enqueue(sqlite_store, asked, "read", {}, **me)
            assert (await ended(world, read)).state == "done"
        shown += str(trail.entries(sqlite_store, most=1000)) + str(world.told)
        assert not any(bytes([n] * 16).hex() in shown for n in range(0x70, 0x80))

    asyncio.run(scenario())


def test_a_command_to_a_meter_that_cannot_be_reached_is_tried_again(
    sqlite_store: Store, tmp_path: Path
) -> None:
    async def scenario() -> None:
        world = World(sqlite_store, tmp_path, 1, limits=QUICK)
        world.now_s = NOW_S + 60.0
        async with asking(world, "127.0.0.1:1", NOW_S) as asked:
            command_id = commands.enqueue(
                sqlite_store, asked, "switch", {"closed": False}, who="test", now_s=int(world.now_s)
            )
            await until(lambda: commands.find(sqlite_store, command_id).result is not None, "it is tried")
            found = commands.find(sqlite_store, command_id)
            assert found.state == "queued" and found.attempts == 1
            assert found.result == "meter ASKED1: 127.0.0.1:1: Connection refused"
            world.now_s += 2 * 86400
            assert (await ended(world, command_id)).state == "expired"

    asyncio.run(scenario())


def test_a_command_that_was_under_way_when_the_collector_was_killed_is_carried_out_at_once(
    sqlite_store: Store, tmp_path: Path
) -> None:
    async def scenario() -> None:
        world = World(sqlite_store, tmp_path, 1, limits=QUICK)
        world.now_s = NOW_S + 60.0
        meter = AskedMeter(slots=3)
        async with meter.serving() as address:
            asked = register(world, address, from_s=NOW_S)
            command_id = commands.enqueue(
                sqlite_store, asked, "switch", {"closed": False}, who="test", now_s=int(world.now_s)
            )
            (claimed,) = commands.claim(sqlite_store, now_s=int(world.now_s))
            async with world.running():
                done = await ended(world, command_id)
            assert (done.state, done.attempts, meter.parts.supply.contact.closed) == ("done", 2, False)
        assert not commands.finish(sqlite_store, claimed, done=True, result="", now_s=int(world.now_s))

    asyncio.run(scenario())
