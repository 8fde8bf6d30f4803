"""One meter of the bench: its house, its emulated parts, its firmware, and the dongles around it."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from keiki.wire.cosem.wrapper import PORT

from keiki_host.bench.bus import Bus
from keiki_host.bench.console import ConsoleServer
from keiki_host.bench.dongle import Dongle
from keiki_host.bench.errors import BenchError
from keiki_host.bench.faults import Faults
from keiki_host.bench.faults_catalogue import SETTING_FAULTS
from keiki_host.bench.faults_settings import requests_off, requests_on
from keiki_host.bench.firmware_image import FirmwareImage
from keiki_host.bench.house import House
from keiki_host.bench.ics.ds3231 import ADDRESS as RTC_ADDRESS
from keiki_host.bench.keeper import Keeper
from keiki_host.bench.kept_settings import KeptSettings
from keiki_host.bench.metering_ics import ICS
from keiki_host.bench.options import DLMS_KEYS, BenchOptions
from keiki_host.bench.pins import PulseInput
from keiki_host.bench.process import Firmware
from keiki_host.bench.pty import PtyLine
from keiki_host.bench.rtc import Rtc, flat_at_start
from keiki_host.bench.supply import BROWN_OUT_PIN, CF_PINS, Supply
from keiki_host.bench.truth import TruthWriter
from keiki_host.bench.uplink import Uplink
from keiki_host.bench.wisun.air import Air
from keiki_host.bench.wisun.core import TextOptions
from keiki_host.bench.wisun.tamper import Tamper
from keiki_host.bench.wisun.text import TextModule
from keiki_host.bench.world import Line, WorldClock

PREFILL = {"sample_s": 60, "gap_s": 60}
_SECRETS = ("route_b_id", "route_b_password", "serial")


class Meter:
    """A world with one meter in it, in virtual time of its own, that began at `began_s` UTC."""

    def __init__(
        self, options: BenchOptions, index: int, folder: Path, began_s: int, image: FirmwareImage
    ) -> None:
        self.options = options
        self.name = f"keiki-{index + 1}"
        self.folder = folder / self.name
        self.unique = f"keiki{index + 1:03d}"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.udp4 = options.meter_address(index)
        self._kept = KeptSettings(self.folder / "settings.json")
        self.settings = self._kept.start(options.made_settings(index), options.settings)
        seed = options.seed + index
        self.clock = WorldClock(began_s * 1000)
        self.faults = Faults(seed, self.clock)
        self.house = House(options.load, seed, self.settings["phases"])
        self._truth = self._open_truth(options.truth)
        self.air = Air(seed=seed, faults=self.faults)
        self.firmware = Firmware(self.name, image)
        self.console = ConsoleServer(self.folder, self._relay)
        self.keeper = Keeper(self.firmware, self.clock, self._boot, self._power)
        self.dongles: list[Dongle] = []
        self._background: set[asyncio.Task[None]] = set()
        self._setting = asyncio.Lock()
        self._provisioned: dict[str, str] = {}
        self._build()

    def _open_truth(self, path: Path | None) -> TruthWriter | None:
        """Begin this meter's truth: the file asked for, or one beside it for each meter of several."""
        if path is None:
            return None
        if self.options.meters > 1:
            path = path.with_stem(f"{path.stem}-{self.name}")
        settings = self.settings
        try:
            truth = TruthWriter(
                path,
                self.house,
                self.clock.utc_ms(),
                settings["import_start_wh"],
                settings["export_start_wh"],
            )
        except OSError as error:
            raise BenchError(f"truth: {path}: {error.strerror}") from None

        def write() -> None:
            next_ms = truth.write_until(self.clock.utc_ms())
            self.clock.call_later(next_ms - self.clock.utc_ms(), write)

        write()
        return truth

    def _build(self) -> None:
        options = self.options
        self.ic = ICS[options.ic](self.clock, self.house, self.faults, options.seed)
        began_s = self.clock.start_utc_ms / 1000
        flat = flat_at_start(options.faults, self.name, began_s, options.seed)
        self.rtc = Rtc(self.clock.utc_ms, self.faults, flat=flat)
        self.i2c = Bus()
        self.i2c.i2c[RTC_ADDRESS] = self.rtc.chip
        self.supply = Supply(self.clock, self.house, self.faults, self.folder, self.keeper)
        self.i2c.pins.update(self.supply.pins)
        self.uplink = Uplink(self.clock, self.faults, self.folder)
        for pin, pulses in zip(CF_PINS, self.ic.pulses(), strict=False):
            self.i2c.pins[pin] = PulseInput(pulses)
        self.radio_line = PtyLine(self._to_module, self.clock.poke)
        self.module = TextModule(
            "bp35c2",
            self.air.radio(self.clock),
            self.clock,
            self.radio_line.write,
            faults=self.faults,
            options=TextOptions(options.radio, meter=True),
        )
        self.air.filters.append(Tamper(self.faults, self.module.radio.mac))
        self.dongles = [
            Dongle(dialect, self.air, self.faults, options.radio, options.noisy)
            for dialect in options.dialects
        ]
        for name in SETTING_FAULTS:
            self._play_setting(name)
        self._lines: list[Line] = [*self.ic.lines, self.radio_line, self.supply.brown_out, self.uplink]
        for line in self._lines:
            self.clock.attach(line)

    async def _relay(self, line: bytes) -> bytes:
        """What others ask at the console."""
        answer = await self.firmware.relay(line)
        self._kept.hear(line, answer)
        return answer

    def _to_module(self, data: bytes) -> None:
        self.module.receive(data)

    async def start(self) -> None:
        """Start the firmware; its world stands still at its beginning. BenchError if it does not start."""
        self.rtc.power_on()
        settings_file = self.folder / "start.json"
        settings_file.touch(mode=0o600)
        settings_file.write_text(
            json.dumps(
                {
                    **self._kept.provision(self.options.settings),
                    **(PREFILL if self.options.history_days else {}),
                }
            )
        )
        self._provisioned = {"KEIKI_CONFIG": str(settings_file)}
        await self.keeper.start()
        self._provisioned = {}  # they are on its flash now
        settings_file.unlink()
        await self.console.open()

    async def _boot(self, cause: int) -> None:
        """Start a firmware on the same flash, lines and addresses; FirmwareEnded if it ends meanwhile."""
        self.supply.pulse_output.stop(self.clock.lost_ms)
        environment = {
            **self._provisioned,
            "KEIKI_CAUSE": str(cause),
            "KEIKI_FOLDER": str(self.folder),
            "KEIKI_UNIQUE": self.unique,
            **await self.ic.environment(),
            "KEIKI_UART1": self.radio_line.path,
            "KEIKI_I2C0": await self.i2c.open(),
            "KEIKI_PINS": await self.i2c.open(),
            "KEIKI_UPLINK": self.uplink.path,
            f"KEIKI_EDGE{BROWN_OUT_PIN}": self.supply.brown_out.path,
            "KEIKI_UDP4": self.udp4,
            "KEIKI_UDP6": self.options.udp6 or "",
        }
        sock = await self.firmware.start(environment)
        for line in self._lines:
            line.forget()  # what the parts have said to nobody
        self.clock.serve(sock)
        await self.firmware.connect()

    def _power(self, on: bool) -> None:
        """Take the power of all parts away, or give it back; what is under way between them is lost."""
        if on:
            self.rtc.power_on()
            self.ic.power_cycle()
            self.module.restart()
        else:
            self.rtc.power_off()
            self.supply.relay.power_off()
            self.supply.pulse_output.stop(self.clock.lost_ms)
            self.module.power_off()
            for line in self._lines:
                line.forget()

    async def run_up(self, until_ms: int, start_s: float) -> None:
        """Run the world as fast as it goes to `until_ms` (`start_s` UTC); faults are planned there."""
        await self._unless_failed(self._make_history(until_ms))
        if not self.module.radio.beaconing:
            raise BenchError(f"{self.name}: the meter's radio did not come up")
        self.faults.plan(self.options.faults, start_s, self.name)

    async def _make_history(self, until_ms: int) -> None:
        await self.clock.run_to(until_ms)
        if self.options.history_days:
            await self.firmware.call("set", values={name: self.settings[name] for name in PREFILL})

    async def _unless_failed(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work`, or raise BenchError if the firmware cannot be kept running meanwhile."""
        tasks = [asyncio.create_task(work), asyncio.create_task(self.keeper.failed())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()

    def _play_setting(self, name: str) -> None:
        """A fault that is a setting goes through the firmware's console, and comes back the same way."""
        before: dict[str, Any] = {}

        def begin(params: dict[str, Any]) -> None:
            self._spawn(self._begin_setting(params, before))

        def end(params: dict[str, Any]) -> None:
            self._spawn(self._end_setting(params, before))

        self.faults.on_start(name, begin)
        self.faults.on_end(name, end)

    async def _begin_setting(self, params: dict[str, Any], before: dict[str, Any]) -> None:
        """Change settings; of windows that overlap the first knows what was before."""
        async with self._setting:
            before.update({**await self.firmware.call("settings", wait_s=None), **before})
            await self._ask(requests_on(params))

    async def _end_setting(self, params: dict[str, Any], before: dict[str, Any]) -> None:
        async with self._setting:
            await self._ask(requests_off(params, before))
            before.clear()

    async def _ask(self, requests: list[dict[str, Any]]) -> None:
        for request in requests:
            await self.firmware.call(**request, wait_s=None)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def settled(self) -> None:
        """Wait until settings that faults changed hold."""
        while self._background:
            await asyncio.gather(*self._background)

    def ready(self) -> dict[str, Any]:
        """This meter in the ready line."""
        route_b: dict[str, Any] = {
            "id": self.settings["route_b_id"],
            "password": self.settings["route_b_password"],
            "udp4": f"{self.udp4}:3610",
            "dongles": [{"dialect": dongle.dialect, "port": dongle.path} for dongle in self.dongles],
        }
        if self.options.udp6:
            route_b["udp6"] = f"[{self.options.udp6}]:3610"
        return {
            "name": self.name,
            "serial": self.settings["serial"],
            "ic": self.options.ic,
            "route_b": route_b,
            **({"route_a": self._route_a()} if self.settings["route_a"] else {}),
            "state": str(self.folder),
            "console": self.console.url,
        }

    def _route_a(self) -> dict[str, Any]:
        keys = {name.removeprefix("dlms_"): self.settings[name] for name in DLMS_KEYS}
        return {
            "tcp": f"{self.udp4}:{PORT}",
            "system_title": (b"KEI" + self.unique[-5:].encode()).hex(),
            "keys": keys,
            "clients": {"public": 16, "management": 1, "reader": 2},
        }

    async def close(self) -> None:
        """End the firmware, the dongles and the world."""
        for task in self._background:
            task.cancel()
        self.console.close()
        await self.keeper.close()
        await self.firmware.stop()
        self.ic.close()
        self.i2c.close()
        self.clock.close()
        for line in self._lines:
            line.close()
        for dongle in self.dongles:
            dongle.close()
        if self._truth is not None:
            self._truth.close()
