"""The host tool's line: one JSON request a line, one JSON answer a line.

{"op": "status" | "settings" | "statistics" | "memory"}, {"op": "set", "values": {...}},
{"op": "step_clock", "by_ms": n}.
An answer is {"ok": ...} or {"error": text}. Secrets are never read back.
"""

import asyncio
import gc
import json

from keiki.wire.settings import SettingError

LINE_MAX = 1024


class Console:
    """Answers requests; metering and both routes go on meanwhile."""

    def __init__(self, settings, clock, metering, registers, statistics) -> None:
        self._settings = settings
        self._clock = clock
        self._metering = metering
        self._registers = registers
        self._statistics = statistics

    async def run(self, stream) -> None:
        """Serve `stream` until the host tool goes away."""
        reader = asyncio.StreamReader(stream)
        while True:
            line = await reader.readline()
            if not line:
                return
            reader.write(json.dumps(self.answer(line)).encode() + b"\n")
            await reader.drain()

    def answer(self, line: bytes) -> dict:
        """Return the answer to one request line; never raises on what a peer may send."""
        if len(line) > LINE_MAX:
            return {"error": "request: longer than %d bytes" % LINE_MAX}
        try:
            request = json.loads(line)
        except ValueError:
            return {"error": "request: not JSON"}
        operation = request.get("op") if isinstance(request, dict) else None
        handler = getattr(self, "op_" + operation, None) if isinstance(operation, str) else None
        if handler is None:
            return {"error": "op: no such operation"}
        try:
            return {"ok": handler(request)}
        except SettingError as error:
            return {"error": str(error)}
        except (KeyError, TypeError, ValueError):
            return {"error": "%s: wrong arguments" % operation}

    def op_status(self, _request: dict) -> dict:
        """Registers (Wh x 1000), clock and whether the IC answers."""
        return {
            "utc_ms": self._clock.utc_ms(),
            "import_wh_x1000": self._registers.import_wh_x1000,
            "export_wh_x1000": self._registers.export_wh_x1000,
            "ic_answers": not self._metering.stale,
        }

    def op_settings(self, _request: dict) -> dict:
        """Every setting that is not a secret."""
        return self._settings.shown()

    def op_set(self, request: dict) -> dict:
        """Change settings; says for each whether it holds already."""
        values = request["values"]
        return {name: self._settings.change(name, values[name]) for name in values}

    def op_step_clock(self, request: dict) -> int:
        """Move the clock; returns UTC ms."""
        self._clock.step(int(request["by_ms"]))
        return self._clock.utc_ms()

    def op_statistics(self, _request: dict) -> dict:
        """Counters of every part that has some."""
        return {name: self._statistics[name] for name in self._statistics}

    def op_memory(self, _request: dict) -> dict:
        """Bytes of heap in use and free, after a collection."""
        gc.collect()
        return {"used": gc.mem_alloc(), "free": gc.mem_free()}
