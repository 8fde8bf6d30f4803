"""Composition root: the one place that knows the board, its hardware, and every part of the meter."""

import asyncio
import gc
import sys

from keiki.meter import clock as clocks
from keiki.meter import eventlog, ics, patrol, radio
from keiki.meter.broute import IDLE_MS, BRoute
from keiki.meter.calibration import Calibration
from keiki.meter.checkpoints import Checkpoints, restore
from keiki.meter.clock import Clock
from keiki.meter.config import Settings
from keiki.meter.console import Console
from keiki.meter.eventlog import EventLog
from keiki.meter.heap import Heap
from keiki.meter.history import History
from keiki.meter.metering import Metering
from keiki.meter.registers import Registers
from keiki.meter.settings_store import SettingsStore
from keiki.meter.starts import Starts, load_route_a
from keiki.meter.store import Store
from keiki.meter.supervisor import Supervisor
from keiki.meter.updates import Updates
from keiki.meter.view import MeterView
from keiki.wire import settings as table
from keiki.wire.compat import const
from keiki.wire.echonet.node import Node

ANSWERED_MS = const(50)  # from the last byte of a request, at most
ECHONET_PORT = const(3610)
GROUPS = ("224.0.23.0", "ff02::1")
METERING_S = const(60)  # least time after which metering that shows no life is hung
RADIO_MS = const(600000)
STARTING = const(16384)  # bytes between collections in a start: else what stays lies scattered for good
WIFI_MS = const(180000)
_HAL = {"linux": "unix", "esp32": "esp32", "rp2": "rp2"}
_IC_EVENTS = {"ic_reset": eventlog.IC_RESET, "increment_refused": eventlog.INCREMENT_REFUSED}
_CLOCK_EVENTS = {clocks.REFUSED: eventlog.CLOCK_REFUSED, clocks.SLEW: eventlog.CLOCK_SLEWED}


def hardware():
    """Return the hal of this port."""
    name = _HAL[sys.platform]
    return (
        getattr(__import__("keiki.hal." + name, None, None, (name,)), name, None)
        or sys.modules["keiki.hal." + name]
    )


class App:
    """A meter, put together from a board's data and from what its flash has kept."""

    def __init__(self, board, hal) -> None:
        self.hal = hal
        self.metering_service = self.pulse_lines = self.route_a = None
        self._running = False
        plan = board.FLASH
        device = hal.files() if "folder" in plan else hal.flash(plan["blocks"])
        self.store = store = Store(device, plan)
        self.settings = settings = Settings(SettingsStore(store.settings), hal.settings_object())
        self.history = History(store.half_hours, store.minutes)
        checkpoints = Checkpoints(store.checkpoints)
        kept = restore(checkpoints, self.history)
        utc_s, imported, exported, generation, drift_ppb = kept or (
            clocks.MIN_UTC_MS // 1000,
            settings.import_start_wh * 1000,
            settings.export_start_wh * 1000,
            0,
            0,
        )
        self.clock = clock = Clock(hal.ticks_ms, utc_s * 1000, drift_ppb=drift_ppb)
        checkpoints.drift_ppb = lambda: clock.drift_ppb
        self.events = EventLog(store.events, clock.utc_s)
        self.updates = Updates(hal.app_files(), board.NAME, sys.implementation.version)
        self.starts = Starts(self.events, self.updates.cause(hal.reset_cause()), self.restart)
        self.safe = self.starts.safe
        self.starts.power_down(kept)
        clock.on_event = self._clock_event
        self.keeper = self._rtc(board)
        self.starts.power_up(clock, kept, store.flash.lost)
        self.updates.tell(self.events)
        settings.on_change = self._setting_changes
        if kept is not None:
            for name in settings.brought:
                self._setting_changes(name)
        settings.keep()
        hal.settings_kept()
        self.registers = Registers(
            self.history,
            checkpoints,
            import_wh_x1000=imported,
            export_wh_x1000=exported,
            generation=generation,
            gap_s=settings.gap_s,
            checkpoint_s=max(settings.checkpoint_s, store.checkpoint_s),
        )
        tamper = hal.input(board.TAMPER["pin"]) if board.TAMPER else None
        self.metering = Metering(
            self._metering_ic(board),
            clock,
            self.registers,
            hal.ticks_ms,
            phases=settings.phases,
            sample_s=settings.sample_s,
            tamper=tamper,
        )
        self.calibration = Calibration(store.calibration, self.ic)
        self.supply = self._supply(board)
        self.pulse_lines = self._pulse_lines(board)
        self.metering.on_sample = self._look
        self.metering.on_tamper = lambda: self.events.add(eventlog.TAMPER)
        self.metering.on_silence = lambda *silence: self.events.add(eventlog.IC_SILENT, *silence)
        self.view = MeterView(settings, clock, self.metering, self.registers, self.history, hal.unique_id())
        self.broute = BRoute(Node(self.view), hal.ticks_ms, settings, self.events)
        self.metering.on_state_change = self.broute.wake
        self.registers.on_half_hour = self._half_hour
        settings.on_changed = self._settings_changed
        self.supervisor = Supervisor(hal.Watchdog(board.WATCHDOG_MS), self.events, hal.ticks_ms, hal.report)
        node, series = self.broute.node, self.history.half_hours
        self._running = True
        self.statistics = {
            "echonet": lambda: node.stats,
            "ic": lambda: self.ic.stats,
            "restarts": self.supervisor.statistics,
            "flash": lambda: dict(store.flash.counts, bytes_read=store.flash.bytes_read),
            "refused": lambda: {
                "checkpoints": checkpoints.failed,
                "half_hours": series.refused,
                "events": self.events.failed,
            },
        }

    def _route_a(self, board) -> None:
        if self.settings.route_a and any(self.hal.addresses()):
            from keiki.meter.route_a import RouteA

            self.route_a = RouteA(self)
            self.route_a.add_services(self.supervisor.add, board)

    def _supply(self, board):
        plan = getattr(board, "RELAY", None)
        if plan is None:
            return None
        from keiki.meter.supply import Supply

        return Supply(plan, self.hal, self.store.kept, self.settings, self.clock, self.events)

    def _pulse_lines(self, board):
        output, cf = getattr(board, "PULSE", None), board.METERING.get("cf", ())
        if output is None and not cf:
            return None
        from keiki.meter.pulse_lines import PulseLines

        return PulseLines(output, cf, self.hal, self.ic, self.settings, self.events)

    def _look(self, snapshot) -> None:
        if self.supply is not None:
            self.supply.look(snapshot)
        if self.pulse_lines is not None and snapshot is not None:
            self.pulse_lines.look(snapshot)

    def _rtc(self, board):
        """Set the clock from the RTC chip of the board, or from what its port keeps; returns the keeper."""
        bus = self.hal.i2c(board.RTC["i2c"]) if board.RTC else None
        if bus is None:
            utc_ms = self.hal.rtc_utc_ms()
            if utc_ms is not None:
                self.clock.offer(clocks.RTC, utc_ms, self.hal.ticks_ms())
            return None
        from keiki.drivers.ds3231 import Ds3231
        from keiki.meter.clock_rtc import RtcKeeper

        keeper = RtcKeeper(Ds3231(bus), self.clock, self.hal.ticks_ms)
        keeper.start()
        return keeper

    def _metering_ic(self, board):
        self.ic_name = board.METERING["ic"]
        self.ic = ics.build(board.METERING, self.settings.rating_a, self.settings.phases, self.hal)
        self.ic.on_event = self._ic_event
        return self.ic

    def _sntp(self):
        servers = self.settings.sntp_servers.split()
        if not servers:
            return None
        from keiki.meter.sntp import SntpClient

        hal = self.hal
        sntp = SntpClient(self.clock, hal.sntp_exchange, servers, hal.ticks_ms, hal.random_below)
        self.statistics["sntp"] = lambda: sntp.stats
        return sntp

    def _clock_event(self, kind: str, before_ms: int, after_ms: int, source: int) -> None:
        self.events.add(_CLOCK_EVENTS.get(kind, eventlog.CLOCK_SET), source, before_ms, after_ms)
        if kind in _CLOCK_EVENTS:
            return
        if self._running:
            # checkpoints are dated by this clock: the next is due an interval from here
            self.registers.checkpoint(after_ms, self.metering.status)
        if source != clocks.RTC and self.keeper is not None:
            self.keeper.wake()

    def _ic_event(self, kind: str, before: int, after: int) -> None:
        if self.pulse_lines is not None:
            self.pulse_lines.begin()
        if kind in _IC_EVENTS:
            self.events.add(_IC_EVENTS[kind], 0, before, after)

    def _half_hour(self) -> None:
        self.broute.wake()
        if self.route_a is not None:
            self.route_a.push.slot_closed()

    def _setting_changes(self, name: str) -> None:
        self.events.announce(eventlog.SETTING_CHANGED, table.number(name))

    def _settings_changed(self, live: bool) -> None:
        if self.route_a is not None:
            self.route_a.settings_changed()
        if live:
            self.view.apply()
            self.metering.sample_s = self.settings.sample_s
            if self.metering_service is not None:
                self.metering_service.limit_ms = self._metering_limit_ms()
            self.registers.gap_s = self.settings.gap_s
            self.registers.checkpoint_s = max(self.settings.checkpoint_s, self.store.checkpoint_s)
            self.broute.wake()

    def measured(self) -> bool:
        """Whether there is a reading, or there will be none."""
        return self.safe or self.metering.snapshot is not None

    def _metering_limit_ms(self) -> int:
        return 3000 * max(METERING_S, self.settings.sample_s)

    def restart(self) -> None:
        """Begin anew, with everything kept."""
        self.registers.checkpoint(self.clock.utc_ms(), self.metering.status)
        self.hal.restart()

    async def run(self, board) -> None:
        """Start every service and never return. In safe mode nothing is measured, and no clock is asked."""
        add, broute = self.supervisor.add, self.broute
        if not self.safe:
            self.metering_service = add("metering", self.metering.run, self._metering_limit_ms())
        await load_route_a(self, board)
        add("broute", broute.run, 3 * IDLE_MS)
        if self.supply is not None:
            self.supply.add_services(add, self.statistics)
        wisun = radio.open_radio(board.RADIO, self.hal, self.settings, self.statistics)
        if wisun is not None:
            add("radio", lambda beat: broute.run_radio("radio", wisun, beat), RADIO_MS)
        wifi = self.hal.wifi(self.restart, self.metering.quiet)
        if wifi is not None:
            add("wifi", wifi.run, WIFI_MS)
            self.statistics["wifi"] = lambda: wifi.stats
        for link, address, group in zip(("udp4", "udp6"), self.hal.addresses(), GROUPS):
            if address:
                udp = self.hal.Udp(address, ECHONET_PORT, group)
                broute.udp_up(link, udp)
                for multicast in (False, True)[: udp.receivers]:
                    add(link, lambda _beat, of=(link, udp, multicast): broute.run_udp(*of))
        self._route_a(board)
        if (console := self.hal.console()) is not None:
            add("console", lambda _beat: Console(self).run(console))
        if not self.safe:
            sntp = self._sntp()
            if sntp is not None:
                add("sntp", sntp.run, 4 * 3600 * 1000)
            if self.keeper is not None:
                add("rtc", self.keeper.run, 4 * 3600 * 1000)
            add("patrol", patrol.Patrol(self.store, self.starts.tell_lost).run, 10 * patrol.EVERY_MS)
        asyncio.create_task(self.starts.settle())  # noqa: RUF006 - it ends by itself
        asyncio.create_task(self.updates.trial(self))  # noqa: RUF006 - so does this
        heap = Heap(self.hal, self.measured, lambda: wisun is not None and wisun.silent_ms() < ANSWERED_MS)
        add("heap", heap.run, 10 * self.hal.COLLECT_MS)
        await self.supervisor.run()


def run(board) -> None:
    """Run the meter on this board for ever; settings that cannot be end it with one line and status 2."""
    hal = hardware()
    if hal.free_code(True):
        gc.threshold(STARTING)
    try:
        app = App(board, hal)
    except (table.SettingError, ValueError) as error:
        print("settings: %s" % error, file=sys.stderr)
        hal.exit(2)
        return
    except OSError as error:
        hal.report(error)
        hal.exit(1)
        return
    hal.start(app.run(board))
