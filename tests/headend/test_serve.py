"""`keiki headend serve` as a program: it starts, ends and is killed; what is wrong is one line."""

import asyncio
import json
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from keiki_host import cli
from keiki_host.headend import database
from keiki_host.headend.collect.lock import CollectorLock
from keiki_host.headend.database import Store, make_engine
from keiki_host.headend.keys import Safe, make_key_file

from tests.bench_process import KEIKI
from tests.headend.collector_world import World
from tests.headend.fleet_of_few import DAY, SLOT
from tests.headend.pushing_meter import PushingMeter

SLOTS = 30
METERS = 8


@contextmanager
def serving(folder: Path, url: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The program, with a clock that stands at the end of the slots; its ready line."""
    clock = f"{DAY + SLOTS * SLOT},0,1e-9"
    options = ("--database", url, "--key-file", str(folder / "key"), "--clock", clock)
    ports = ("--push", "127.0.0.1:0", "--http", "127.0.0.1:0")
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            [KEIKI, "headend", "serve", *options, *ports], stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, (folder / "log").read_text()
        yield process, json.loads(line)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def deliver(meter: PushingMeter, port: int, slots: Iterator[int], confirmed: set[int]) -> None:
    """Deliver slots one after the other until the connection ends; the one that was not confirmed is left."""
    await meter.connect(port)
    for slot in slots:
        try:
            if not await meter.deliver(meter.values(slot, DAY + slot * SLOT, 100 * slot)):
                return
        except ConnectionError:
            return
        confirmed.add(slot)


@pytest.mark.parametrize(("kind", "kills"), [("sqlite", 1), ("postgresql", 1)])
def test_killed_and_started_again_it_has_lost_nothing_and_has_nothing_twice(
    kind: str, kills: int, make_url: Callable[[str], str], tmp_path: Path
) -> None:
    url = make_url(kind)
    store = Store(make_engine(url))
    world = World(store, tmp_path, METERS)
    meters = [PushingMeter(title) for title in world.titles]
    confirmed: list[set[int]] = [set() for _ in meters]

    async def all_deliver(port: int, kill_at: int | None, process: subprocess.Popen[str]) -> None:
        async def killer() -> None:
            while kill_at is not None and sum(map(len, confirmed)) < kill_at:
                await asyncio.sleep(0)
            if kill_at is not None:
                process.kill()

        rest = [iter(sorted(set(range(SLOTS)) - mine)) for mine in confirmed]
        work = [deliver(*each) for each in zip(meters, [port] * METERS, rest, confirmed, strict=True)]
        await asyncio.gather(killer(), *work)
        for meter in meters:
            await meter.close()

    for kill_at in (*(METERS * 5, METERS * 15)[:kills], None):
        with serving(tmp_path, url) as (process, ready):
            asyncio.run(all_deliver(int(ready["push"].rpartition(":")[2]), kill_at, process))
            if kill_at is None:
                process.send_signal(signal.SIGINT)
                assert process.wait(30) == 0
            else:
                assert process.wait(30) == -signal.SIGKILL
    assert (tmp_path / "log").read_text() == ""
    with store.read() as connection:
        found = connection.exec_driver_sql("SELECT meter_id, slot_s, import_wh FROM reading").all()
        counted = connection.exec_driver_sql("SELECT sum(received), sum(pushed + late) FROM slot_count").one()
        conflicts = connection.exec_driver_sql("SELECT count(*) FROM conflict").scalar()
    assert sorted(found) == sorted(
        (meter_id, DAY + slot * SLOT, 100 * slot) for meter_id in world.meters for slot in range(SLOTS)
    )
    assert tuple(counted) == (METERS * SLOTS, METERS * SLOTS) and conflicts == 0
    store.close()


@pytest.fixture
def ready_store(make_url: Callable[[str], str], tmp_path: Path) -> Iterator[Store]:
    """A store with its key file, in this folder."""
    store = Store(make_engine(make_url("sqlite")))
    make_key_file(tmp_path / "key")
    Safe(store, tmp_path / "key")
    yield store
    store.close()


@contextmanager
def locked(store: Store) -> Iterator[str]:
    """Somebody else has the file."""
    other = sqlite3.connect(str(store.engine.url.database), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    yield "locked by another program"
    other.close()


@contextmanager
def collecting(store: Store) -> Iterator[str]:
    """Another collector is there."""
    lock = CollectorLock(store)
    lock.take()
    yield "another `keiki headend serve` works on it"
    lock.release()


@contextmanager
def nothing(_store: Store) -> Iterator[str]:
    """Nothing is wrong but the words."""
    yield ""


BAD: list[tuple[dict[str, str], Callable[..., Any], int, str]] = [
    ({"--database": "mysql://x"}, nothing, 2, "not a URL like"),
    ({"--database": "sqlite:///none.db"}, nothing, 2, "`keiki headend upgrade` makes it"),
    ({"--database": "postgresql://127.0.0.1:1/x"}, nothing, 1, "refused"),
    ({"--key-file": "none"}, nothing, 2, "key file none: No such file"),
    ({"--key-file": "other"}, nothing, 2, "key file other: not the one that this database was made with"),
    ({"--push": "127.0.0.1"}, nothing, 2, "push: 127.0.0.1: not HOST:PORT"),
    ({"--push": "127.0.0.1:TAKEN"}, nothing, 1, "Address already in use"),
    ({"--http": "127.0.0.1:TAKEN"}, nothing, 1, "Address already in use"),
    ({"--push": "203.0.113.1:4059"}, nothing, 1, "Cannot assign requested address"),
    ({"--reached-at": "here"}, nothing, 2, "reached-at: here: not HOST:PORT"),
    ({"--clock": "1,2"}, nothing, 2, "clock: 1,2: not UTC_S,WALL_S,SPEED"),
    ({"--clock": "1,2,0"}, nothing, 2, "clock: speed 0: not above 0"),
    ({"--files": "none"}, nothing, 2, "files: none is not a folder"),
    ({}, locked, 1, ""),
    ({}, collecting, 1, ""),
]


@pytest.mark.parametrize(("words", "wrong", "code", "fault"), BAD)
def test_what_is_wrong_at_the_start_is_one_line_and_nothing_is_left(
    ready_store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: dict[str, str],
    wrong: Callable[..., Any],
    code: int,
    fault: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(database, "_BUSY_MS", 50)
    make_key_file(tmp_path / "other")
    usual = {
        "--database": f"sqlite:///{ready_store.engine.url.database}",
        "--key-file": "key",
        "--push": "127.0.0.1:0",
        "--http": "127.0.0.1:0",
    }
    with socket.socket() as taken, wrong(ready_store) as words_of_it:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        chosen = {name: text.replace("TAKEN", port) for name, text in {**usual, **words}.items()}
        line = [part for pair in chosen.items() for part in pair]
        monkeypatch.setattr(sys, "argv", ["keiki", "headend", "serve", *line])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
    assert (ended.value.code, told.out) == (code, "")
    assert (fault or words_of_it) in told.err and told.err.count("\n") == 1
    lock = CollectorLock(ready_store)
    lock.take()  # nobody has it
    lock.release()
