"""The console that a bench's meter has for other programs."""

import asyncio
import json
import os
import stat
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Self

import pytest
from keiki_host.bench.console import LINE_MAX, ConsoleServer
from keiki_host.bench.errors import BenchError
from keiki_host.device import parse_url

Ask = Callable[[bytes], Awaitable[bytes]]


class Firmware:
    """Answers each line with its number; `gate` holds answers back, `error` is raised, `gone`: silence."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: BenchError | None = None
        self.gone = False
        self._lock = asyncio.Lock()

    async def relay(self, line: bytes) -> bytes:
        async with self._lock:
            self.lines.append(line)
            await self.gate.wait()
            if self.error is not None:
                raise self.error
            return b"" if self.gone else b'{"ok": %d}\n' % len(self.lines)


class Client:
    """One program at the console."""

    def __init__(self, console: ConsoleServer) -> None:
        self._path = parse_url(console.url)[1]

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_unix_connection(self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()

    async def ask(self, line: bytes) -> dict[str, object]:
        self.writer.write(line)
        answer: dict[str, object] = json.loads(await self.reader.readline())
        return answer


def play(folder: Path, scenario: Callable[[ConsoleServer, Firmware], Awaitable[None]]) -> None:
    """A console in `folder` while the scenario runs; nothing may be left behind."""

    async def session() -> None:
        firmware = Firmware()
        console = ConsoleServer(folder, firmware.relay)
        await console.open()
        path = Path(parse_url(console.url)[1])
        try:
            await asyncio.wait_for(scenario(console, firmware), 20)
        finally:
            console.close()
            await asyncio.sleep(0.01)
        assert not path.exists()
        left = [task.get_coro() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert left == []

    asyncio.run(session())


def test_lines_reach_the_firmware_as_they_are(tmp_path: Path) -> None:
    lines = [b'{"op": "status"}\n', b"\n", b"\xff\x00 not JSON\r\n", b"x" * 2000 + b"\n"]

    async def scenario(console: ConsoleServer, firmware: Firmware) -> None:
        async with Client(console) as client:
            for number, line in enumerate(lines, 1):
                assert await client.ask(line) == {"ok": number}
            assert firmware.lines == lines

    play(tmp_path, scenario)


def test_any_number_of_clients_get_each_their_own_answer(tmp_path: Path) -> None:
    async def scenario(console: ConsoleServer, firmware: Firmware) -> None:
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(Client(console)) for _ in range(20)]
            asked = [client.ask(b"%d\n" % number) for number, client in enumerate(clients)]
            for number, answer in enumerate(await asyncio.gather(*asked)):
                assert firmware.lines[answer["ok"] - 1] == b"%d\n" % number  # type: ignore[operator]

    play(tmp_path, scenario)


def test_several_lines_at_once_are_answered_in_order_and_half_a_line_not_at_all(tmp_path: Path) -> None:
    async def scenario(console: ConsoleServer, firmware: Firmware) -> None:
        async with Client(console) as client:
            client.writer.write(b"a\nb\nc\nhalf")
            client.writer.write_eof()
            assert await client.reader.read() == b'{"ok": 1}\n{"ok": 2}\n{"ok": 3}\n'
            assert firmware.lines == [b"a\n", b"b\n", b"c\n"]

    play(tmp_path, scenario)


def test_a_client_that_goes_away_does_not_leave_its_answer_to_the_next(tmp_path: Path) -> None:
    async def scenario(console: ConsoleServer, firmware: Firmware) -> None:
        firmware.gate.clear()
        async with Client(console) as hasty:
            hasty.writer.write(b"hasty\n")
            while not firmware.lines:
                await asyncio.sleep(0)
            hasty.writer.transport.abort()
        async with Client(console) as patient:
            asking = asyncio.create_task(patient.ask(b"patient\n"))
            await asyncio.sleep(0.01)
            firmware.gate.set()
            assert await asking == {"ok": 2}

    play(tmp_path, scenario)


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    async def scenario(console: ConsoleServer, firmware: Firmware) -> None:
        async with Client(console) as client:
            assert await client.ask(b"x" * (LINE_MAX + 1)) == {"error": "request: longer than 65536 bytes"}
            assert await client.reader.read() == b"" and firmware.lines == []

    play(tmp_path, scenario)


def test_a_firmware_that_is_not_there_is_an_error_and_the_client_stays(tmp_path: Path) -> None:
    async def scenario(console: ConsoleServer, firmware: Firmware) -> None:
        async with Client(console) as client:
            firmware.gone = True
            assert await client.ask(b"a\n") == {"error": "the meter has gone off before it answered"}
            firmware.gone, firmware.error = False, BenchError("keiki-1: there is no firmware")
            assert await client.ask(b"b\n") == {"error": "keiki-1: there is no firmware"}
            firmware.error = None
            assert await client.ask(b"c\n") == {"ok": 3}

    play(tmp_path, scenario)


def test_only_this_user_can_use_it(tmp_path: Path) -> None:
    async def scenario(console: ConsoleServer, _: Firmware) -> None:
        mode = os.stat(parse_url(console.url)[1]).st_mode
        assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600

    before = os.umask(0o022)
    try:
        play(tmp_path, scenario)
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


@pytest.mark.parametrize("length", [107, 108])
def test_a_path_that_is_too_long_for_a_socket_is_replaced(tmp_path: Path, length: int) -> None:
    folder = tmp_path / ("d" * (length - len(str(tmp_path)) - len("//console")))
    folder.mkdir()
    assert len(str(folder / "console")) == length

    async def scenario(console: ConsoleServer, _: Firmware) -> None:
        async with Client(console) as client:
            assert await client.ask(b"a\n") == {"ok": 1}
            assert (parse_url(console.url)[1] == str(folder / "console")) is (length == 107)

    play(folder, scenario)


def test_a_folder_with_any_name_gives_a_url_that_leads_there(tmp_path: Path) -> None:
    folder = tmp_path / "計 100% #1?"
    folder.mkdir()

    async def scenario(console: ConsoleServer, _: Firmware) -> None:
        assert " " not in console.url and parse_url(console.url)[1] == str(folder / "console")
        async with Client(console) as client:
            assert await client.ask(b"a\n") == {"ok": 1}

    play(folder, scenario)


def test_what_a_bench_that_was_killed_has_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "console").touch()

    async def scenario(console: ConsoleServer, _: Firmware) -> None:
        async with Client(console) as client:
            assert await client.ask(b"a\n") == {"ok": 1}
        await console.open()

    play(tmp_path, scenario)


def test_a_folder_that_is_gone_gets_one_line(tmp_path: Path) -> None:
    async def session() -> None:
        with pytest.raises(BenchError, match=r"^console: .*/none/console: No such file or directory$"):
            await ConsoleServer(tmp_path / "none", Firmware().relay).open()

    asyncio.run(session())
