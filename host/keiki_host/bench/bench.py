"""A whole emulated world put together: house, metering IC, radio, air and dongles around real firmware."""

import asyncio
import contextlib
import datetime
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keiki_host.bench.errors import BenchError
from keiki_host.bench.faults import start_of_world
from keiki_host.bench.firmware_image import FirmwareImage
from keiki_host.bench.headend import Headend
from keiki_host.bench.meter import Meter
from keiki_host.bench.options import ICS, JST, BenchOptions

WARM_UP_S = (
    180  # the radio finds its channel and the first values are there before the bench says it is ready
)


class Bench:
    """Meters in one world. `start` gives the ready line; afterwards their worlds run by themselves."""

    def __init__(self, options: BenchOptions) -> None:
        self.options = options
        self.meters: list[Meter] = []
        self._image: FirmwareImage | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._link_made = False
        self._headend: Headend | None = None

    async def start(self, progress: Callable[[float], None] | None = None) -> dict[str, Any]:
        """Build everything, run it up to the start time, and let time go. Returns the ready line.

        `progress` is called with 0..1 while a history is made. BenchError if something cannot start; then
        nothing is left running.
        """
        options = self.options
        start_s = start_of_world(options.faults, options.start_s or time.time())
        began_s = int(start_s) - options.history_days * 86400 - WARM_UP_S
        until_ms = round((start_s - began_s) * 1000)
        token = ""
        try:
            for index in range(options.meters):
                check_free(options.meter_address(index))
            if options.udp6 is not None:
                check_own6(options.udp6)
            folder = self._folder()
            image = self._image = FirmwareImage(ICS[options.ic])
            self.meters = [Meter(options, index, folder, began_s, image) for index in range(options.meters)]
            await asyncio.gather(*(meter.start() for meter in self.meters))
            if options.headend:
                self._headend = Headend(folder / "headend")
                await self._headend.spawn()
            await self._run_up(until_ms, start_s, progress)
            if self._headend is not None:
                token = await self._prepare_headend(self._headend, began_s, int(start_s))
            if options.link is not None:
                self._make_link(options.link)
        except BaseException:
            await self.close()
            raise
        for meter in self.meters:
            meter.clock.pace(options.speed)
        ready = self._ready(start_s)
        if self._headend is not None:
            try:
                told = await self._headend.serve((start_s, time.time(), options.speed))
            except BaseException:
                await self.close()
                raise
            ready["headend"] = {"url": told["url"], "push": told["push"], "token": token}
        return ready

    async def _prepare_headend(self, headend: Headend, from_s: int, now_s: int) -> str:
        """Tell the head-end of the meters, and the meters of it, but those that are to send elsewhere."""
        token = await headend.register(self.meters, from_s, now_s)
        if not self.options.settings.get("push_to"):
            for meter in self.meters:
                await meter.firmware.call("set", values={"push_to": headend.push_to})
        return token

    async def _run_up(self, until_ms: int, start_s: float, progress: Callable[[float], None] | None) -> None:
        watch = asyncio.create_task(self._watch(until_ms, progress)) if progress is not None else None
        try:
            await asyncio.gather(*(meter.run_up(until_ms, start_s) for meter in self.meters))
        finally:
            if watch is not None:
                watch.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watch

    async def _watch(self, until_ms: int, progress: Callable[[float], None]) -> None:
        while True:
            progress(sum(meter.clock.now_ms for meter in self.meters) / until_ms / len(self.meters))
            await asyncio.sleep(0.2)

    async def wait(self) -> None:
        """Wait until a firmware cannot be kept running: BenchError then."""
        running = [meter.keeper.failed() for meter in self.meters]
        await asyncio.gather(*running, *([self._headend_failed()] if self._headend is not None else []))

    async def _headend_failed(self) -> None:
        assert self._headend is not None
        raise BenchError(f"headend: it has ended, with status {await self._headend.ended()}")

    async def close(self) -> None:
        """End every process, port and socket, and remove what was temporary."""
        if self._headend is not None:
            await self._headend.close()
            self._headend = None
        await asyncio.gather(*(meter.close() for meter in self.meters))
        self.meters = []
        if self._link_made and self.options.link is not None:
            self.options.link.unlink(missing_ok=True)
            self._link_made = False
        if self._image is not None:
            self._image.close()
            self._image = None
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def _folder(self) -> Path:
        if self.options.state is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="keiki-")
            return Path(self._temporary.name)
        try:
            self.options.state.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BenchError(f"state: {self.options.state}: {error.strerror}") from None
        return self.options.state.absolute()

    def _make_link(self, link: Path) -> None:
        try:
            if link.is_symlink():
                link.unlink()
            link.symlink_to(self.meters[0].dongles[0].path)
        except OSError as error:
            raise BenchError(f"link: {link}: {error.strerror}") from None
        self._link_made = True

    def _ready(self, start_s: float) -> dict[str, Any]:
        now = datetime.datetime.fromtimestamp(start_s, JST).isoformat(timespec="seconds")
        return {
            "clock": {"now": now, "speed": self.options.speed},
            "meters": [meter.ready() for meter in self.meters],
        }


def check_free(address: str, port: int = 3610) -> None:
    """BenchError if another program has exactly this address, or this host does not have it.

    A client on 0.0.0.0 is no obstacle, and binding would not tell: SO_REUSEADDR lets several have one.
    """
    own = f"{int.from_bytes(socket.inet_aton(address), 'little'):08X}:{port:04X}"
    table = Path("/proc/net/udp")
    if table.exists() and any(own in line.split()[1:2] for line in table.read_text().splitlines()):
        raise BenchError(f"udp4: {address}:{port} is taken (another bench? choose with --udp4)")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise BenchError(f"udp4: {address}:{port}: {error.strerror}") from None


def check_own6(address: str) -> None:
    """BenchError if no interface of this host, or not the one after a %, has this IPv6 address."""
    host, _, zone = address.partition("%")
    wanted = socket.inet_pton(socket.AF_INET6, host).hex()
    table = Path("/proc/net/if_inet6")
    rows = [line.split() for line in table.read_text().splitlines()] if table.exists() else []
    if not any(row[0] == wanted and zone in ("", row[5]) for row in rows):
        raise BenchError(f"udp6: {address} is not an address of this host")
