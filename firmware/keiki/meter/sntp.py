"""SNTP client service: asks several servers, believes the majority, and hands what they tell to the clock.

One round asks each server once, one after another, and waits for nothing else in the meter. Servers that
contradict the others are not followed; whether the rest may move the clock, the clock decides.
"""

import asyncio

from keiki.meter.clock import JUMP_MS, REFUSED, SNTP, SNTP_AHEAD_MS, WAITING
from keiki.meter.clock_witness import AGREE_MS
from keiki.wire.compat import const
from keiki.wire.sntp import (
    NONCE_LENGTH,
    FrameError,
    KissError,
    decode_answer,
    encode_request,
    utc_at_arrival,
)

SERVERS_MAX = const(4)
RETRY_S = const(16)
REST_MS = const(86_400_000)
"""For how long a server that asked for it is left alone."""

_COUNTERS = ("asked", "answered", "silent", "bad", "kiss", "outvoted", "accepted", "waiting", "refused")


class SntpClient:
    """Keeps `clock` with `servers` ("host", "host:port" or "[IPv6]:port"; at most 4 different ones).

    `exchange(server, request, timeout_ms)` is the board's: awaited, it returns the first datagram that came
    back, or None. `random_below(n)` is unpredictable. `interval_s` lies between rounds that moved the clock
    or confirmed it; after others it begins with 16 s and doubles. `stats` counts; `last_fault` is the last
    answer's that could not be used.
    """

    def __init__(
        self,
        clock,
        exchange,
        servers,
        ticks_ms,
        random_below,
        *,
        interval_s: int = 3600,
        timeout_ms: int = 2000,
    ) -> None:
        self.stats = dict.fromkeys(_COUNTERS, 0)
        self.last_fault = ""
        self._clock = clock
        self._exchange = exchange
        self._ticks_ms = ticks_ms
        self._random_below = random_below
        self._interval_s = interval_s
        self._timeout_ms = timeout_ms
        self._servers = []
        for server in servers:
            if server not in self._servers and len(self._servers) < SERVERS_MAX:
                self._servers.append(server)
        self._rest_until_ms = {}

    async def run(self, beat) -> None:
        """Ask for ever; returns at once if there is no server to ask."""
        retry_s = RETRY_S
        while self._servers:
            beat()
            if await self.round():
                retry_s, wait_s = RETRY_S, self._interval_s
            else:
                wait_s = min(retry_s, self._interval_s)
                retry_s = wait_s * 2
            # a neighbourhood that got its power back must not ask in step for ever
            await asyncio.sleep_ms(wait_s * 1000 + self._random_below(wait_s * 1000 // 8 + 1))

    async def round(self) -> bool:
        """Ask every server once; True if the clock agrees with one now."""
        answers = []
        for server in self._servers:
            answer = await self._ask(server)
            if answer is not None:
                answers.append(answer)
        agreed = False
        for _, server, line_ms, now_ms in self._believed(answers):
            result = self._clock.offer(SNTP, line_ms + now_ms, now_ms, server)
            self.stats[result if result in (REFUSED, WAITING) else "accepted"] += 1
            agreed = agreed or result not in (REFUSED, WAITING)
        return agreed

    async def _ask(self, server: str) -> "tuple[int, str, int, int] | None":
        """Return (round trip ms, server, its UTC minus our ticks, ticks of arrival), or None."""
        if self._ticks_ms() < self._rest_until_ms.get(server, 0):
            return None
        stats = self.stats
        stats["asked"] += 1
        nonce = bytes([self._random_below(256) for _ in range(NONCE_LENGTH)])
        sent_ms = self._ticks_ms()
        data = await self._exchange(server, encode_request(nonce), self._timeout_ms)
        now_ms = self._ticks_ms()
        if data is None:
            stats["silent"] += 1
            return None
        try:
            receive_ms, transmit_ms = decode_answer(data, nonce)
        except KissError as kiss:
            stats["kiss"] += 1
            self.last_fault = "%s: %s" % (server, kiss.code)
            self._rest_until_ms[server] = now_ms + REST_MS
            return None
        except FrameError as error:
            return self._bad(server, str(error))
        utc_ms = utc_at_arrival(receive_ms, transmit_ms, now_ms - sent_ms)
        if utc_ms is None:
            return self._bad(server, "held too long")
        stats["answered"] += 1
        return now_ms - sent_ms, server, utc_ms - now_ms, now_ms

    def _bad(self, server: str, reason: str) -> None:
        self.stats["bad"] += 1
        self.last_fault = "%s: %s" % (server, reason)

    def _believed(self, answers: list) -> list:
        """Return the answers to offer, the quickest (most exact) last: the clock follows the last one.

        The largest group that tells the same time is believed; of groups as large, the nearest to the clock;
        what cannot be true has no vote. Of what is outvoted, only what contradicts the clock outright is
        offered, first: the clock refuses it and says so in the log.
        """
        clock_line_ms = self._clock.utc_ms() - self._ticks_ms()
        best, rank = [], None
        likely = [answer for answer in answers if answer[2] - clock_line_ms <= SNTP_AHEAD_MS]
        for _, _, line_ms, _ in likely:
            group = [answer for answer in likely if abs(answer[2] - line_ms) <= AGREE_MS]
            group_rank = (len(group), -abs(line_ms - clock_line_ms))
            if rank is None or group_rank > rank:
                best, rank = group, group_rank
        outvoted = [answer for answer in answers if answer not in best]
        self.stats["outvoted"] += len(outvoted)
        contradicting = [answer for answer in outvoted if abs(answer[2] - clock_line_ms) >= JUMP_MS]
        return contradicting + sorted(best, reverse=True)
