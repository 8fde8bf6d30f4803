"""What meters send by themselves: stored before it is confirmed, once, and only if it is theirs."""

import asyncio
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from keiki_host.headend import counters, observations, trail
from keiki_host.headend.collect import intake, listener, message, service
from keiki_host.headend.collect.lock import CollectorLock, TakenError
from keiki_host.headend.counters import Channel
from keiki_host.headend.database import Store, make_engine
from sqlalchemy import event

from tests.headend.collector_world import World, until
from tests.headend.fleet_of_few import DAY, SLOT
from tests.headend.pushing_meter import PushingMeter


def values(world: World, index: int = 0) -> dict[int, tuple[int | None, int | None]]:
    """Raw values of a meter, by slot number."""
    with world.store.read() as connection:
        rows = connection.exec_driver_sql(
            f"SELECT slot_s, import_wh, path FROM reading WHERE meter_id = {world.meters[index]} ORDER BY 1"
        )
        return {(row[0] - DAY) // SLOT: (row[1], row[2]) for row in rows}


def test_a_push_is_confirmed_when_it_is_on_disk_with_its_counters(store: Store, tmp_path: Path) -> None:
    async def scenario() -> None:
        world = World(store, tmp_path)
        async with world.running():
            assert world.ready["token"].startswith("keiki_")
            async with world.meter(0) as one, world.meter(1) as two:
                assert await one.deliver(one.values(5, DAY, 1000))
                assert values(world) == {0: (1000, 1)}
                assert await two.deliver(two.values(0xFFFFFF + 9, DAY - 6 * SLOT, 70, status=0x80))
                assert values(world, 1) == {-6: (70, 3)}
                assert await one.deliver(one.alarm(77, DAY + 10, 1 << 12))
                await two.send(two.values(6, DAY, 71, confirmed=False))
                await until(lambda: world.stats["stored"] == 3, "a value that wants no confirm is stored")
                assert sorted(values(world, 1)) == [-6, 0]
        (event,) = observations.events(store, world.meters[0])
        assert (event.log, event.code) == (observations.ALARM, 1 << 12)
        assert counters.last(store, Channel.RECEIVE) == {world.meters[0]: 2, world.meters[1]: 2}
        assert set(counters.last(store, Channel.SEND)) == set(world.meters[:2])
        assert (world.stats["pushes"], world.stats["confirmed"]) == (3, 3)
        assert world.told == []

    asyncio.run(scenario())


def test_after_a_restart_counters_go_on_and_a_replay_is_refused(store: Store, tmp_path: Path) -> None:
    async def scenario() -> None:
        world = World(store, tmp_path)
        async with world.running():
            async with world.meter() as meter:
                recorded = meter.values(1, DAY, 1000)
                assert await meter.deliver(recorded)
            sent = counters.last(store, Channel.SEND)[world.meters[0]]
        async with world.running():
            async with world.meter() as thief:
                assert not await thief.deliver(recorded)
            assert world.stats["replayed"] == 1 and "token" not in world.ready
            async with world.meter() as honest:
                honest.guard.counter = 1
                assert await honest.deliver(honest.values(2, DAY, 1000))
            assert counters.last(store, Channel.SEND)[world.meters[0]] > sent
            await until(
                lambda: "push.replayed" in {entry.action for entry in trail.entries(store)}, "on the trail"
            )
        assert world.stats["repeated"] == 1 and values(world) == {0: (1000, 1)}

    asyncio.run(scenario())


def test_what_is_not_theirs_ends_the_connection_and_is_counted(sqlite_store: Store, tmp_path: Path) -> None:
    async def scenario() -> None:
        world = World(sqlite_store, tmp_path)
        async with world.running():
            async with world.meter(0, ak=bytes(16)) as forger:
                assert not await forger.deliver(forger.values(1, DAY, 1000))
            stranger = PushingMeter(b"KEI99999")
            for data in (
                stranger.values(1, DAY, 1),
                b"\0\1\0\1\0\x66\x04\x01" + bytes(2000),
                b"GET / HTTP/1.1\r\n\r\n",
                b"\0\1\0\1\0\x66\0\x01\0",
                b"\0\1\0\2\0\x66\0\x01\0",
            ):
                await stranger.connect(world.port)
                assert not await stranger.deliver(data)
                await stranger.close()
            wanted = {"forged": 1, "unknown": 1, "broken": 6, "confirmed": 0}
            assert {name: world.stats[name] for name in wanted} == wanted
            async with world.meter(0) as meter:
                assert await meter.deliver(meter.values(1, DAY, 1000))
        assert values(world) == {0: (1000, 1)}

    asyncio.run(scenario())


def test_what_the_database_does_not_take_of_one_meter_costs_nobody_else_anything(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        world = World(sqlite_store, tmp_path)
        bad = world.meters[0]
        with sqlite_store.write() as connection:
            connection.exec_driver_sql(
                f"CREATE TRIGGER no BEFORE INSERT ON reading WHEN NEW.meter_id = {bad} "
                "BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        monkeypatch.setattr(intake, "GATHER_S", 0.2)  # all in one batch
        async with world.running(), world.meter(0) as one, world.meter(1) as two, world.meter(2) as three:
            meters = (one, two, three)
            sent = [meter.deliver(meter.values(1, DAY, 1000)) for meter in meters]
            assert await asyncio.gather(*sent) == [False, True, True]
        assert world.stats["impossible"] == 1 and not values(world) and values(world, 2)
        assert world.told == ["meter K000001: the database does not take it (IntegrityError)"]

    asyncio.run(scenario())


def test_when_most_values_are_ahead_it_is_our_clock_and_they_are_not_confirmed(
    sqlite_store: Store, tmp_path: Path
) -> None:
    async def scenario() -> None:
        world = World(sqlite_store, tmp_path, 5)
        world.now_s -= 86400
        async with world.running():
            taken = []
            for index in range(5):
                async with world.meter(index) as meter:
                    taken.append(await meter.deliver(meter.values(1, DAY, 1000)))
            assert taken == [True, True, False, False, False]
            assert "is it right?" in world.told[-1]
            world.now_s += 86400
            for index in range(5):
                async with world.meter(index) as meter:
                    meter.guard.counter = 5
                    assert await meter.deliver(meter.values(1, DAY, 1000))
        assert all(values(world, index) for index in range(5))

    asyncio.run(scenario())


def test_a_slot_that_cannot_be_is_confirmed_and_kept_nowhere(sqlite_store: Store, tmp_path: Path) -> None:
    """A meter whose clock is a day ahead must not send the same value for ever."""

    async def scenario() -> None:
        world = World(sqlite_store, tmp_path)
        async with world.running(), world.meter() as meter:
            assert await meter.deliver(meter.values(1, DAY + 86400, 1000))
            assert await meter.deliver(meter.values(2, DAY, 1000))
        assert world.stats["refused"] == 1 and values(world) == {0: (1000, 1)}
        (clock,) = observations.clocks(sqlite_store, world.meters[0])
        assert 86000 < clock.offset_s <= 86400
        assert len(world.told) == 1 and "its clock is 86340 s ahead" in world.told[0]

    asyncio.run(scenario())


def test_while_the_database_is_locked_nothing_is_confirmed_and_then_everything(
    make_url: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keiki_host.headend.database._BUSY_MS", 50)
    monkeypatch.setattr(intake, "BACKOFF_S", (0.05, 0.2))
    store = Store(make_engine(make_url("sqlite")))

    async def scenario() -> None:
        world = World(store, tmp_path)
        async with world.running(), world.meter(0) as meter:
            assert await meter.deliver(meter.values(1, DAY, 1000))
            locker = sqlite3.connect(str(store.engine.url.database), isolation_level=None)
            locker.execute("BEGIN IMMEDIATE")
            data = meter.values(2, DAY + SLOT, 1100)
            world.now_s += SLOT
            assert not await meter.deliver(data)
            await meter.connect(world.port)
            assert not await meter.deliver(meter.values(2, DAY + SLOT, 1100))
            assert len(world.told) == 1 and "locked by another program" in world.told[0]
            locker.execute("ROLLBACK")
            locker.close()
            await until(lambda: world.service.intake.open, "it recovers by itself")
            await meter.connect(world.port)
            assert await meter.deliver(meter.values(2, DAY + SLOT, 1100))
        assert values(world) == {0: (1000, 1), 1: (1100, 1)}
        assert world.stats["postponed"] == 2 and len(world.told) == 2

    asyncio.run(scenario())
    store.close()


def test_a_full_disk_is_told_once_and_what_was_not_kept_comes_again(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BACKOFF_S", (0.02, 0.05))
    pages = 1

    @event.listens_for(sqlite_store.engine, "begin")
    def limit(connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")  # how SQLite plays a full disk

    async def scenario() -> None:
        nonlocal pages
        pages = 1_000_000
        world = World(sqlite_store, tmp_path)
        async with world.running(), world.meter() as meter:
            assert await meter.deliver(meter.values(0, DAY, 1000))
            pages = 1
            slot = 0
            while slot < 400:  # until no page has room
                slot += 1
                await meter.connect(world.port)
                if not await meter.deliver(meter.values(slot, DAY - slot * SLOT, 1000 - slot)):
                    break
            assert slot < 400 and len(values(world)) == slot
            for _ in range(3):
                await until(lambda: world.service.intake.open, "the next one may try")
                await meter.connect(world.port)
                assert not await meter.deliver(meter.values(slot, DAY - slot * SLOT, 1000 - slot))
            assert len(world.told) == 1 and "no room left" in world.told[0]
            pages = 1_000_000
            await until(lambda: world.service.intake.open, "the next one may try")
            await meter.connect(world.port)
            assert await meter.deliver(meter.values(slot, DAY - slot * SLOT, 1000 - slot))
            assert len(values(world)) == slot + 1 and len(world.told) == 2

    asyncio.run(scenario())


def held(store: Store) -> bool:
    """Whether some collector has the lock."""
    with store.read() as connection:
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1"
        return connection.exec_driver_sql(query).scalar() == 1


def test_a_server_that_ends_every_session_costs_a_try_and_the_lock_is_taken_again(
    make_url: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BACKOFF_S", (0.02, 0.05))
    monkeypatch.setattr(service, "_WATCH_S", 0.02)
    store = Store(make_engine(make_url("postgresql")))
    everybody = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )

    async def scenario() -> None:
        world = World(store, tmp_path)
        other = CollectorLock(store)
        async with world.running():
            async with world.meter() as meter:
                assert await meter.deliver(meter.values(1, DAY, 1000))
                for slot in (1, 2, 3):
                    with store.read() as connection:
                        connection.exec_driver_sql(everybody)
                    while not await meter.deliver(meter.values(slot, DAY - slot * SLOT, 1000 - slot)):
                        await until(lambda: world.service.intake.open, "the next one may try")
                        await meter.connect(world.port)
            await until(lambda: held(store), "the lock is ours again")
            with pytest.raises(TakenError, match="another `keiki headend serve` works on it"):
                other.take()
        other.take()
        other.release()
        assert sorted(values(world)) == [-3, -2, -1, 0]

    asyncio.run(scenario())
    store.close()


def test_a_last_gasp_comes_as_a_datagram_and_is_no_value(sqlite_store: Store, tmp_path: Path) -> None:
    async def scenario() -> None:
        world = World(sqlite_store, tmp_path)
        gasp = PushingMeter(world.titles[0]).gasp(DAY + 7, 1234)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            async with world.running():
                for data in (gasp[:-1], bytes(3000), b"", gasp, gasp):
                    sock.sendto(data, ("127.0.0.1", world.port))
                await until(lambda: world.stats["replayed"] == 1, "the second one is a replay")
                await until(lambda: observations.events(sqlite_store, world.meters[0]), "it is kept")
        (told,) = observations.events(sqlite_store, world.meters[0])
        assert (told.log, told.at_s) == (observations.LAST_GASP, DAY + 7) and not values(world)
        assert world.stats["gasps"] == 1 and world.stats["broken"] == 4

    asyncio.run(scenario())


def test_connections_are_bounded_and_so_is_what_waits(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "CONNECTIONS_MAX", 2)
    monkeypatch.setattr(listener, "UNANSWERED_MAX", 3)
    monkeypatch.setattr(intake, "WAITING_MAX", 5)
    monkeypatch.setattr(intake, "GATHER_S", 0.1)

    async def scenario() -> None:
        world = World(sqlite_store, tmp_path)
        async with world.running(), world.meter(0) as one, world.meter(1) as two:
            assert await one.deliver(one.values(0, DAY, 1000))
            async with world.meter(2) as three:
                assert not await three.deliver(three.values(0, DAY, 1000))
            for meter in (one, two):
                await meter.send(b"".join(meter.values(n, DAY - n * SLOT, 1000 - n) for n in range(1, 13)))
            await until(lambda: world.stats["postponed"], "five wait, the sixth is turned away")
            assert world.stats["turned_away"] == 1
            await until(lambda: len(values(world)) == 13 or len(values(world, 1)) == 12, "the other goes on")

    asyncio.run(scenario())


def test_a_connection_is_closed_that_is_silent_in_the_middle_of_a_message(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "_LOOK_S", 0.01)
    monkeypatch.setattr(listener, "PARTIAL_S", 0.05)

    async def scenario() -> None:
        world = World(sqlite_store, tmp_path)
        async with world.running(), world.meter(0) as slow, world.meter(1) as idle:
            assert not await slow.deliver(slow.values(1, DAY, 1000)[:-1])
            assert world.stats["silent"] == 1
            assert await idle.deliver(idle.values(1, DAY, 1000))

    asyncio.run(scenario())


def test_the_usual_form_and_the_decoder_find_the_same() -> None:
    meter = PushingMeter(b"KEI00001")
    found = []
    for exact in (True, False):
        buffer = bytearray(meter.values(0x123456, DAY, 4_000_000_000, status=0x06)[8:])
        _, start, end = message.unlock(meter.guard.cipher, buffer, 0, len(buffer), b"KEI00001")
        if not exact:
            message._USUAL_HEAD, kept = (), message._USUAL_HEAD
        try:
            found.append(message.read(buffer, start, end))
        finally:
            if not exact:
                message._USUAL_HEAD = kept
    assert found[0] == found[1]
    assert (found[0].import_wh, found[0].export_wh, found[0].number) == (4_000_000_000, 7, 0x123456)
    assert found[0].status.name == "ESTIMATED" and found[0].wants_confirm
