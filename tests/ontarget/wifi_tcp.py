"""A peer on the network of an emulated Pico W that connects to the chip by TCP, or waits for it to connect.

Document: RFC 9293. The network loses nothing while it is up, so nothing is sent twice; the peer is silent in
what it has no use for (urgent data, options but the size of a segment).
"""

from collections.abc import Callable

from rp2040py.external.cyw43 import net

from tests.ontarget.wifi_lan import CHIP, Lan, Place, raw

_WINDOW = 4096
_MSS = 1460
_BEGIN = 0x1000
_MOD = 1 << 32


class TcpPeer:
    """One connection to `port` of the chip; None: the next one that the chip makes to `place`.

    `state` is "connecting", "open", "closed" (by the chip) or "reset"; `received` is what has come; `wake()`
    is called whenever something of that has changed.
    """

    def __init__(self, lan: Lan, place: Place, port: int | None, wake: Callable[[], None]) -> None:
        self._lan, self._place, self._port, self._wake = lan, place, port or 0, wake
        self._next = _BEGIN
        self._acknowledged = _BEGIN
        self._expected = 0
        self._window = 0
        self.state = "connecting"
        self.received = bytearray()
        lan.on_tcp(place, self._take)
        if port is not None:
            self._send(net.TCP_SYN, mss=_MSS)

    def send(self, data: bytes) -> None:
        """Send what fits into the chip's window. AssertionError: it is more, or nobody hears."""
        assert self.state == "open", self.state
        assert self._next - self._acknowledged + len(data) <= self._window, "more than the window"
        for at in range(0, len(data), self._mss):
            self._send(net.TCP_ACK | net.TCP_PSH, data[at : at + self._mss])

    def close(self) -> None:
        """End it, and hear nothing more."""
        if self.state in ("open", "closed"):
            self._send(net.TCP_ACK | net.TCP_RST)
        self._lan.on_tcp(self._place, None)

    def _send(self, flags: int, payload: bytes = b"", mss: int | None = None) -> None:
        ends = raw(self._place[0]), raw(CHIP)
        ack = self._expected if flags & net.TCP_ACK else 0
        segment = net.pack_tcp(
            *ends, self._place[1], self._port, self._next, ack, flags, _WINDOW, payload, mss=mss
        )
        self._next = (self._next + len(payload) + bool(flags & net.TCP_SYN)) % _MOD
        self._lan.send_ip(*ends, net.IP_PROTO_TCP, segment)

    def _take(self, segment: net.TcpSegment) -> None:
        if segment.flags & net.TCP_RST:
            self.state = "reset"
            self._wake()
            return
        if segment.flags & net.TCP_SYN:
            self._mss = segment.mss or 536
            self._expected = (segment.seq + 1) % _MOD
            self._window = segment.window
            if segment.flags & net.TCP_ACK:
                self._acknowledged = segment.ack
                self._send(net.TCP_ACK)
            else:
                self._port = segment.src_port
                self._send(net.TCP_SYN | net.TCP_ACK, mss=_MSS)
            self.state = "open"
            self._wake()
            return
        self._acknowledged, self._window = segment.ack, segment.window
        fin = bool(segment.flags & net.TCP_FIN)
        if not segment.payload and not fin:
            return
        if segment.seq == self._expected:
            self.received += segment.payload
            self._expected = (self._expected + len(segment.payload) + fin) % _MOD
            if fin:
                self.state = "closed"
        self._send(net.TCP_ACK)
        self._wake()
