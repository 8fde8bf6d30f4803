"""Wi-Fi of a real board, kept up for years: joins, watches, and takes stronger means the longer it is down.

A radio that says it is connected may be deaf, so the name server is asked something once a minute. If it has
answered before and is silent five times, the network counts as down. Then: join again; from the third time
on switch the radio off and on; after six hours start the meter anew.
"""

import asyncio

import network  # pyright: ignore[reportMissingImports]

from keiki.wire.compat import const

_STARTS_MS = const(850)  # what it takes to start a radio, at most; nothing else runs meanwhile
_JOIN_MS = const(30000)
_LOOK_MS = const(1000)
_PROBE_MS = const(60000)
_SILENCES = const(5)
_PAUSE_MAX_MS = const(60000)
_OFF_AFTER = const(3)
_STUCK_MS = const(6 * 3600 * 1000)


class Wifi:
    """Keeps the board in the network `ssid`. `probe(server)`, to be awaited, tells whether a server answers.

    `ticks_ms` never goes back; `on_stuck()` starts the meter anew. `quiet(ms)`, to be awaited, finds a time
    in which nothing is missed that long. `address` is the own one, None while there is no network; `joins`
    counts the times that there was one again, and wakes who waits with `joined`.
    """

    def __init__(self, ssid: str, password: str, ticks_ms, on_stuck, quiet) -> None:
        self.address = None
        self.joins = 0
        self.stats = {"joins": 0, "failed": 0, "deaf": 0, "radio_off": 0}
        self.probe = None
        self._key = (ssid, password)
        self._ticks_ms = ticks_ms
        self._on_stuck = on_stuck
        self._quiet = quiet
        self._up = asyncio.Event()
        network.country("JP")
        self._lan = network.WLAN(network.STA_IF)

    async def _start(self) -> None:
        await self._quiet(_STARTS_MS)
        self._lan.active(True)
        # a radio that sleeps misses multicast, and answers 100 ms late
        self._lan.config(pm=self._lan.PM_NONE)

    @property
    def name_server(self) -> str:
        """The name server that the network has told."""
        return self._lan.ifconfig()[3]

    async def joined(self, after: int) -> None:
        """Wait until the network has been joined more often than `after` times, and is there."""
        while self.joins <= after or self.address is None:
            await self._up.wait()

    async def run(self, beat) -> None:
        """Keep the network up, for ever."""
        await self._start()
        failures = 0
        down_ms = self._ticks_ms()
        while True:
            beat()
            if await self._join(beat):
                failures = 0
                self.joins += 1
                self.stats["joins"] += 1
                self.address = self._lan.ifconfig()[0]
                self._up.set()
                await self._watch(beat)
                self._up.clear()
                self.address = None
                down_ms = self._ticks_ms()
                continue
            failures += 1
            self.stats["failed"] += 1
            if self._ticks_ms() - down_ms > _STUCK_MS:
                self._on_stuck()
            if failures >= _OFF_AFTER:
                self.stats["radio_off"] += 1
                self._lan.active(False)
                await asyncio.sleep_ms(_LOOK_MS)
                await self._start()
            await asyncio.sleep_ms(min(_LOOK_MS << min(failures, 8), _PAUSE_MAX_MS))

    async def _join(self, beat) -> bool:
        lan = self._lan
        try:
            lan.disconnect()
            lan.connect(*self._key)
        except OSError:  # a radio that does not take the command
            return False
        until_ms = self._ticks_ms() + _JOIN_MS
        while self._ticks_ms() < until_ms:
            if lan.isconnected():
                return True
            await asyncio.sleep_ms(_LOOK_MS // 4)
            beat()
        return False

    async def _watch(self, beat) -> None:
        """Return when the network is down."""
        answered = False
        silences = 0
        probe_ms = self._ticks_ms() + _PROBE_MS
        while self._lan.isconnected():
            beat()
            await asyncio.sleep_ms(_LOOK_MS)
            if self.probe is None or self._ticks_ms() < probe_ms:
                continue
            probe_ms = self._ticks_ms() + _PROBE_MS
            if await self.probe(self.name_server):
                answered = True
                silences = 0
            elif answered:
                silences += 1
                if silences == _SILENCES:
                    self.stats["deaf"] += 1
                    return
