"""The host tool's line: one JSON request a line, one JSON answer a line.

{"op": "status" | "settings" | "statistics" | "memory" | "factory_reset" | "restart"},
{"op": "reading" | "calibration"}, {"op": "calibrate", "phases": [{...}]},
{"op": "store_calibration", "record": {...}}, {"op": "set", "values": {...}},
{"op": "set_clock", "utc_ms": n}, {"op": "step_clock", "by_ms": n},
{"op": "set_register", "register": "import" | "export", "wh": n},
{"op": "events", "before": sequence | null, "most": n},
{"op": "half_hours", "from": utc_s, "count": n}, {"op": "pulse"}, {"op": "update", ...},
{"op": "wifi", "ssid": text, "password": text}.
An answer is {"ok": ...} or {"error": text}. Secrets are never read back.
"""

import asyncio
import gc
import json

from keiki.meter import eventlog
from keiki.meter.clock import HOST
from keiki.meter.title import title_of
from keiki.wire.compat import const
from keiki.wire.settings import SettingError
from keiki.wire.slots import SLOT_S

LINE_MAX = const(1024)
EVENTS_MAX = const(16)
WH_MAX = const(99999999999)
_CHUNK = const(256)
_RESTART_MS = const(100)
_NO_ROOM = const(b'{"error": "request: the heap has no room for it"}\n')
_READINGS = (
    "voltage_v_x100",
    "current_ma",
    "power_w_x10",
    "reactive_var_x10",
    "power_factor_x1000",
    "frequency_hz_x100",
)


class Console:
    """Answers requests; metering and both routes go on meanwhile. `meter` is the meter's composition root."""

    def __init__(self, meter) -> None:
        self._meter = meter

    async def run(self, reader) -> None:
        """Serve a stream of asyncio until the host tool goes away, and then wait for ever."""
        kept = b""
        while True:
            end = kept.find(b"\n") + 1
            if end:
                line, kept = kept[:end], kept[end:]
                reader.write(self.reply(line))
                await reader.drain()
                continue
            data = await reader.read(_CHUNK)
            if not data:
                await asyncio.Event().wait()
            if len(kept) > LINE_MAX:
                # too long to be a request: of its rest only the end matters
                end = data.find(b"\n")
                kept = kept[: LINE_MAX + 1] + (data[end:] if end >= 0 else b"")
            else:
                kept += data

    def reply(self, line: bytes) -> bytes:
        """Return the line that answers a request line: an error too where the heap has no room for it."""
        try:
            return json.dumps(self.answer(line)).encode() + b"\n"
        except MemoryError:
            # why: a console that fails is started again a second later, and who asked waits for ever
            gc.collect()
            return _NO_ROOM

    def answer(self, line: bytes) -> dict:
        """Return the answer to one request line; never raises on what a peer may send."""
        if len(line) > LINE_MAX:
            return {"error": "request: longer than %d bytes" % LINE_MAX}
        try:
            request = json.loads(line)
        except (ValueError, RuntimeError, MemoryError):  # a thousand brackets are too deep
            return {"error": "request: not JSON"}
        operation = request.get("op") if isinstance(request, dict) else None
        handler = getattr(self, "op_" + operation, None) if isinstance(operation, str) else None
        if handler is None:
            return {"error": "op: no such operation"}
        try:
            return {"ok": handler(request)}
        except SettingError as error:
            return {"error": str(error)}
        except OSError:
            return {"error": "flash: it refuses; nothing has changed"}
        except MemoryError:
            return {"error": "%s: the heap has no room for it" % operation}
        except Exception:  # noqa: BLE001 - whatever a peer thinks of (1e400 for a number), it gets an answer
            return {"error": "%s: wrong arguments" % operation}

    def op_status(self, _request: dict) -> dict:
        """Registers (Wh x 1000), clock, how the IC is, and what the start found."""
        meter = self._meter
        clock, registers = meter.clock, meter.registers
        return {
            "serial": meter.settings.serial,
            "system_title": title_of(meter.hal.unique_id()).hex(),
            "utc_ms": clock.utc_ms(),
            "clock_unsure": clock.unsure,
            "clock_age_s": clock.age_s(),
            "import_wh_x1000": registers.import_wh_x1000,
            "export_wh_x1000": registers.export_wh_x1000,
            "ic_answers": not meter.metering.stale,
            "ic_faults": meter.metering.faults,
            "t_assumed": meter.ic.assumes_symmetry,
            "cf_agrees": None if meter.pulse_lines is None else meter.pulse_lines.agree,
            "safe_mode": meter.safe,
            "network": meter.hal.network(),
            "lost": list(meter.store.losses()),
        }

    def op_pulse(self, _request: dict) -> dict:
        """The pulse output from the start up to the newest snapshot (`ticks_ms`), and each wired pulse pin of
        the metering IC: whether it does not count what the IC's register counts.
        """
        meter = self._meter
        found = {} if meter.pulse_lines is None else meter.pulse_lines.status()
        found["ticks_ms"] = meter.metering.snapshot_ms
        return found

    def op_settings(self, _request: dict) -> dict:
        """Every setting that is not a secret."""
        return self._meter.settings.shown()

    def op_set(self, request: dict) -> dict:
        """Change settings, all or none; says for each whether it holds already."""
        return self._meter.settings.change(dict(request["values"]))

    def op_set_clock(self, request: dict) -> dict:
        """Offer the clock a time; says what became of it and by how much it moved or will."""
        clock = self._meter.clock
        before_ms = clock.utc_ms()
        utc_ms = int(request["utc_ms"])
        result = clock.offer(HOST, utc_ms, self._meter.hal.ticks_ms(), "host")
        return {"result": result, "offset_ms": utc_ms - before_ms}

    def op_step_clock(self, request: dict) -> int:
        """Move the clock; returns UTC ms."""
        clock = self._meter.clock
        clock.step(int(request["by_ms"]))
        return clock.utc_ms()

    def op_events(self, request: dict) -> dict:
        """Up to `most` events before sequence `before` (null: the newest), newest first, and all counts."""
        log = self._meter.events
        before = request.get("before")
        sequence = log.end if before is None else min(int(before), log.end)
        left = min(int(request.get("most", EVENTS_MAX)), EVENTS_MAX)
        events = []
        while left > 0 and sequence > log.oldest:
            sequence -= 1
            event = log.read(sequence)
            if event is not None:
                left -= 1
                kind = event[1]
                name = eventlog.NAMES[kind] if kind < len(eventlog.NAMES) else str(kind)
                events.append([sequence, event[0], name] + list(event[2:]))
        return {"events": events, "oldest": log.oldest, "counts": log.all_counts()}

    def op_half_hours(self, request: dict) -> dict:
        """Registers (Wh x 1000) at `count` boundaries, 16 at most, from the first at or after `from` on.

        A row is [import, export], or null: no data.
        """
        history = self._meter.history.half_hours
        from_s = -(-int(request["from"]) // SLOT_S) * SLOT_S
        rows = []
        for index in range(min(int(request["count"]), EVENTS_MAX)):
            rows.append(history.find(from_s + index * SLOT_S))
        return {"from": from_s, "rows": rows}

    def op_set_register(self, request: dict) -> dict:
        """Set a register, as when a meter is exchanged: Wh before and after; it is an event."""
        meter = self._meter
        name, wh = request["register"], int(request["wh"])
        if name not in ("import", "export") or not 0 <= wh <= WH_MAX:
            raise ValueError
        exported, registers = name == "export", meter.registers
        before = registers.export_wh_x1000 if exported else registers.import_wh_x1000
        meter.events.announce(eventlog.REGISTER_SET, int(exported), before, wh * 1000)
        try:
            registers.set(exported, wh * 1000, meter.clock.utc_ms(), meter.metering.status)
        except OSError:
            meter.events.add(eventlog.REGISTER_SET, int(exported), wh * 1000, before)
            raise
        return {"before_wh": before // 1000, "after_wh": wh}

    def op_reading(self, _request: dict) -> dict:
        """The newest snapshot, and the energy of each phase since the start up to it (`ticks_ms`)."""
        meter = self._meter
        metering = meter.metering
        snapshot = metering.snapshot
        phases = []
        if snapshot is not None and not metering.stale:
            for phase in range(meter.settings.phases):
                row = {name: getattr(snapshot, name)[phase] for name in _READINGS}
                row["import_wh_x1000"] = metering.import_wh_x1000[phase]
                row["export_wh_x1000"] = metering.export_wh_x1000[phase]
                phases.append(row)
        return {
            "utc_ms": meter.clock.utc_ms(),
            "ticks_ms": metering.snapshot_ms,
            "ic": meter.ic_name,
            "ignored": list(meter.ic.ignored),
            "phases": phases,
        }

    def op_calibration(self, _request: dict) -> dict:
        """The record that is stored, or null, and the values followed now, [] for none."""
        calibration = self._meter.calibration
        return {"record": calibration.record, "followed": calibration.followed}

    def op_calibrate(self, request: dict) -> dict:
        """Have the driver follow trial values, until the next start or until a record is stored."""
        self._meter.calibration.try_out(request["phases"])
        return {}

    def op_store_calibration(self, request: dict) -> dict:
        """Keep a calibration record and follow it; it is an event."""
        meter = self._meter
        meter.calibration.store(request["record"], lambda: meter.events.announce(eventlog.CALIBRATED))
        return {}

    def op_update(self, request: dict) -> dict:
        """See update_console.py, which is loaded when somebody updates."""
        from keiki.meter import update_console

        return update_console.answer(self._meter, request)

    def op_wifi(self, request: dict) -> dict:
        """Keep the Wi-Fi that the meter joins from the next start on."""
        if not self._meter.hal.keep_network(request["ssid"], request["password"]):
            raise SettingError("wifi: this board has no radio for it")
        return {"holds": "from the next start"}

    def op_factory_reset(self, _request: dict) -> dict:
        """Settings to their defaults from the next start; registers, history and events stay."""
        self._meter.events.announce(eventlog.FACTORY_RESET)
        self._meter.settings.reset()
        return {"holds": "from the next start"}

    def op_restart(self, _request: dict) -> dict:
        """Start again as soon as the answer is out."""
        asyncio.create_task(self._restart())  # noqa: RUF006 - nothing is left to wait for it
        return {}

    async def _restart(self) -> None:
        await asyncio.sleep_ms(_RESTART_MS)
        self._meter.restart()

    def op_statistics(self, _request: dict) -> dict:
        """Counters of every part that has some."""
        statistics = self._meter.statistics
        return {name: statistics[name]() for name in statistics}

    def op_memory(self, _request: dict) -> dict:
        """Bytes of heap in use and free, after a collection."""
        gc.collect()
        return {"used": gc.mem_alloc(), "free": gc.mem_free()}
