"""Composition root: the one place that knows the board, its hardware, and every part of the meter."""

import asyncio
import gc
import sys

from keiki.drivers.metering_bl0942 import Bl0942
from keiki.drivers.wisun import Wisun
from keiki.meter.broute import BRoute
from keiki.meter.clock import Clock
from keiki.meter.config import Settings
from keiki.meter.console import Console
from keiki.meter.history import History
from keiki.meter.metering import Metering
from keiki.meter.registers import Registers
from keiki.meter.view import MeterView
from keiki.wire.echonet.node import Node
from keiki.wire.settings import SettingError
from keiki.wire.sk.coordinator import Coordinator
from keiki.wire.sk.dialect import DIALECTS

ECHONET_PORT = 3610
GROUPS = ("224.0.23.0", "ff02::1")
_HAL = {"linux": "unix"}


def _hardware():
    name = _HAL[sys.platform]
    return (
        getattr(__import__("keiki.hal." + name, None, None, (name,)), name, None)
        or sys.modules["keiki.hal." + name]
    )


class App:
    """A meter, put together from a board's data and its stored settings."""

    def __init__(self, board, hal) -> None:
        self.hal = hal
        self.settings = settings = Settings(hal.settings_object())
        self.clock = Clock(hal.ticks_ms, hal.rtc_utc_ms())
        self.history = History(hal.storage)
        self.registers = Registers(
            self.history,
            import_wh_x1000=settings.import_start_wh * 1000,
            export_wh_x1000=settings.export_start_wh * 1000,
            gap_s=settings.gap_s,
        )
        self.metering = Metering(
            self._metering_ic(board), self.clock, self.registers, hal.ticks_ms, settings.sample_s
        )
        view = MeterView(settings, self.clock, self.metering, self.registers, self.history, hal.unique_id())
        self.view = view
        self.broute = BRoute(Node(view), hal.ticks_ms, settings)
        self.registers.on_half_hour = self.metering.on_state_change = self.broute.wake
        settings.on_change = self._setting_changed
        self.statistics = {"echonet": self.broute.node.stats, "ic": self.ic.stats}

    def _metering_ic(self, board):
        ic = board.METERING
        stream = self.hal.uart(ic["uart"], ic["baudrate"])
        self.ic = Bl0942(
            asyncio.StreamReader(stream),
            asyncio.StreamWriter(stream, {}),
            ic["addresses"][: self.settings.phases],
            ic["scale"],
            self.settings.rating_a * 100 * self.settings.phases,
        )
        return self.ic

    def _radio(self, board):
        radio = board.RADIO
        stream = self.hal.uart(radio["uart"], radio["baudrate"])
        if stream is None:
            return None
        settings = self.settings
        coordinator = Coordinator(
            settings.route_b_id,
            settings.route_b_password,
            dialect=DIALECTS[radio["dialect"]],
            pan_id=settings.pan_id,
            channel=settings.channel,
            lifetime_s=settings.session_s,
            rand=self.hal.random_below,
        )
        wisun = Wisun(
            asyncio.StreamReader(stream), asyncio.StreamWriter(stream, {}), coordinator, self.hal.ticks_ms
        )
        self.statistics["radio"] = wisun.stats
        return wisun

    def _setting_changed(self, _name: str) -> None:
        self.view.apply()
        self.metering.sample_s = self.settings.sample_s
        self.registers.gap_s = self.settings.gap_s
        self.broute.wake()

    async def run(self, board) -> None:
        """Start every service and never return."""
        tasks = [self.metering.run(), self.broute.run()]
        wisun = self._radio(board)
        if wisun is not None:
            tasks.append(self.broute.run_radio("radio", wisun))
        for link, address, group in zip(("udp4", "udp6"), self.hal.addresses(), GROUPS):
            if address:
                tasks.append(self.broute.run_udp(link, self.hal.Udp(address, ECHONET_PORT, group)))
        console = self.hal.console()
        if console is not None:
            host_tool = Console(self.settings, self.clock, self.metering, self.registers, self.statistics)
            tasks.append(host_tool.run(console))
        gc.collect()
        await asyncio.gather(*tasks)


def run(board) -> None:
    """Run the meter on this board for ever; settings that cannot be end it with one line and status 2."""
    hal = _hardware()
    try:
        app = App(board, hal)
    except (SettingError, ValueError) as error:
        print("settings: %s" % error, file=sys.stderr)
        hal.exit(2)
        return
    hal.start(app.run(board))
