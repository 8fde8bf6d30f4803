"""B-route service: one ECHONET Lite node behind every link, UDP and radio alike."""

import asyncio

from keiki.meter import eventlog
from keiki.wire.compat import const

IDLE_MS = const(300000)
"""The node's loop shows life this often, even if nothing happens."""

LEAVE_REASONS = ("", "replaced", "peer ended", "ended", "end not acknowledged", "expired", "module lost")


class BRoute:
    """Carries datagrams between the node and its links, and gives the node its time.

    A link is a name and a function `send(address | None, data)`; None is everyone on that link.
    """

    def __init__(self, node, ticks_ms, settings, events) -> None:
        self.node = node
        self._ticks_ms = ticks_ms
        self._settings = settings
        self._events = events
        self._links = {}
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Have the node look at the time now: a slot was closed, or a setting changed."""
        self._wake.set()

    def flush(self) -> None:
        """Send what the node has to say. What a link refuses is lost, as on any network."""
        for (link, address), data in self.node.to_send():
            send = self._links.get(link)
            if send is not None:
                send(address, data)

    async def run(self, beat) -> None:
        """Drive the node's timers for ever."""
        while True:
            beat()
            now_ms = self._ticks_ms()
            self.node.tick(now_ms)
            self.flush()
            wait_ms = self.node.next_ms(now_ms)
            wait_ms = IDLE_MS if wait_ms is None else max(1, min(wait_ms, IDLE_MS))
            self._wake.clear()
            try:
                await asyncio.wait_for_ms(self._wake.wait(), wait_ms)
            except asyncio.TimeoutError:
                pass

    def _received(self, link: str, address, data: bytes, multicast: bool) -> None:
        self.node.receive(data, (link, address), self._ticks_ms(), multicast)
        self.flush()
        self.wake()

    def udp_up(self, link: str, udp) -> None:
        """Have a UDP port of the board as a link: announced now, and each time that its network is there."""

        def announce() -> None:
            self.node.link_up(link, None, self._ticks_ms())
            self.flush()

        self._links[link] = lambda address, data: udp.send(data, address)
        udp.on_up = announce
        announce()

    async def run_udp(self, link: str, udp, multicast: bool) -> None:
        """Serve one UDP port of the board, or its group, for ever."""
        while True:
            data, address = await udp.receive(multicast, self._settings.answer_source_port)
            self._received(link, address, data, multicast)

    async def run_radio(self, link: str, wisun, beat) -> None:
        """Serve a Wi-SUN module, for ever."""
        self._links[link] = wisun.send
        await wisun.run(lambda event: self._radio_event(link, event), beat)

    def _radio_event(self, link: str, event: tuple) -> None:
        kind = event[0]
        if kind == "datagram":
            self._received(link, event[1], event[2], False)
        elif kind == "join":
            self.node.link_up(link, event[1], self._ticks_ms())
            self.flush()
            self.wake()
        elif kind == "leave":
            self.node.link_down(link)
            self._events.add(eventlog.SESSION_ENDED, LEAVE_REASONS.index(event[2]))
        elif kind == "refused":
            self._events.add(eventlog.AUTHENTICATION_FAILED)
