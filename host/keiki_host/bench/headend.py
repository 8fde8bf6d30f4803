"""The head-end that comes with a bench: `keiki headend serve`, a process of its own in the time of the bench.

It knows the bench's meters and their keys; they send to it as soon as it is there. What it stores is in the
bench's folder, and is there again with the next bench that has the same `--state`.
"""

import asyncio
import contextlib
import importlib.util
import json
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keiki_host.bench.errors import BenchError
from keiki_host.headend_command import NEEDED

if TYPE_CHECKING:
    from keiki_host.bench.meter import Meter

HTTP_PORT = 8030
"""Where its page is, if nobody else has that port."""
READY_S = 120.0
_HOST = "127.0.0.1"
_WHO = "bench"
_AREA = "bench"
_KEYS = {
    "dlms_kek": "kek",
    "dlms_ek": "ek",
    "dlms_ak": "ak",
    "dlms_read_ek": "read_ek",
    "dlms_read_ak": "read_ak",
}


def missing() -> str | None:
    """What has to be installed before there can be a head-end; None: nothing."""
    return next((name for name in sorted(NEEDED) if importlib.util.find_spec(name) is None), None)


class Headend:
    """One head-end in `folder`. It starts while the bench does (`spawn`), and serves from `serve` on.

    `push_to` is where meters send to. BenchError: something of it cannot be.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._database = f"sqlite:///{folder / 'headend.db'}"
        self._key_file = folder / "headend.key"
        self._process: asyncio.subprocess.Process | None = None
        self.push_to = f"{_HOST}:{_port(0)}"

    async def spawn(self) -> None:
        """Start the process, which waits to be told the time."""
        (self._folder / "croute").mkdir(mode=0o700, parents=True, exist_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from keiki_host.cli import main; main()", "headend", "serve"),
            *("--database", self._database, "--key-file", str(self._key_file)),
            *("--files", str(self._folder / "croute"), "--push", self.push_to),
            *("--http", f"{_HOST}:{_port(HTTP_PORT)}", "--with-parent"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the bench, which ends it
        )

    async def register(self, meters: "list[Meter]", from_s: int, now_s: int) -> str:
        """Make the registry know the meters, installed since `from_s`; return a token of an operator."""
        return await asyncio.to_thread(_register, self._database, self._key_file, meters, from_s, now_s)

    async def serve(self, clock: tuple[float, float, float]) -> dict[str, Any]:
        """Let it serve; `clock` as of collect.clock.Clock. Returns its ready line."""
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        line = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            process.stdin.write(",".join(str(part) for part in clock).encode() + b"\n")
            line = await asyncio.wait_for(process.stdout.readline(), READY_S)
        if not line:
            raise BenchError("headend: it did not start")
        ready: dict[str, Any] = json.loads(line)
        return ready

    async def ended(self) -> int:
        """Wait for its end, which should not come by itself; returns its status."""
        assert self._process is not None
        return await self._process.wait()

    async def close(self) -> None:
        """End it."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def _register(database: str, key_file: Path, meters: "list[Meter]", from_s: int, now_s: int) -> str:
    """Make the database and the registry what this bench needs; return a token of an operator."""
    from keiki_host.headend import migrate, registry, tokens  # noqa: PLC0415 - needs what not every user has
    from keiki_host.headend.database import Store, make_engine  # noqa: PLC0415
    from keiki_host.headend.errors import HeadendError  # noqa: PLC0415
    from keiki_host.headend.keys import Safe, make_key_file  # noqa: PLC0415

    me: dict[str, Any] = {"who": _WHO, "now_s": now_s}
    store = Store(make_engine(database))
    try:
        if not key_file.exists():
            make_key_file(key_file)
        migrate.upgrade(store)
        safe = Safe(store, key_file)
        if _AREA not in registry.areas(store):
            registry.add_area(store, _AREA, "Bench", **me)
        known = {meter.serial: meter for meter in registry.meters(store)}
        for number, meter in enumerate(meters, 1):
            route = meter.ready()["route_a"]
            serial = meter.settings["serial"]
            if serial in known:
                registry.readdress(store, known[serial].meter_id, route["tcp"], **me)
                continue
            point_id = registry.add_point(store, f"{number:022}", _AREA, **me)
            meter_id = registry.add_meter(
                store, serial, route["system_title"], meter.settings["rating_a"], address=route["tcp"], **me
            )
            registry.install(store, meter_id, point_id, from_s, **me)
            keys = {ours: bytes.fromhex(meter.settings[theirs]) for theirs, ours in _KEYS.items()}
            safe.put(meter_id, keys, **me)
        for old in tokens.tokens(store):
            if old.name == _WHO and old.revoked_s is None:
                tokens.revoke(store, old.token_id, **me)
        return tokens.make(store, _WHO, "operator", **me)
    except HeadendError as error:
        raise BenchError(f"headend: {error}") from None
    finally:
        store.close()


def _port(wanted: int) -> int:
    """A port that is free: the wanted one, if it is."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, wanted))
        except OSError:
            probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])
