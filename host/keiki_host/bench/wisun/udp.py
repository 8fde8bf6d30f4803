"""UDP of a text module: SKSENDTO, ERXUDP, the port handles, SKPING.

Ref: b-route.md E2 (ERXUDP), E4.7, E4.8, E4.11, E4.14, L1, L4.
"""

import ipaddress

from keiki.wire.sk.lines import SkError, ll64, mac_of

from keiki_host.bench.wisun.air import Datagram, Tx, lqi_from_rssi
from keiki_host.bench.wisun.core import OK, Core
from keiki_host.bench.wisun.intake import Sendto
from keiki_host.bench.wisun.registers import LIMITED, SENT_MS, SHOW_LQI, Registers

ALL_NODES = "FF02:0000:0000:0000:0000:0000:0000:0001"
PORTS = (0x0E1A, 0x02CC, 0x4D4C, 0, 0, 0)
"""What handles 1..6 are bound to after a reset; 0 = free."""

_GLUE_MS = 1000
_NEIGHBOR_MS = 20


class Udp:
    """Sends and receives datagrams in the words of the module's family.

    blocked    between EVENT 29 or SKJOIN and the end of the join nothing may be sent (E4.8)
    hex_mode   payloads as hex text (WOPT 01), else raw
    """

    def __init__(self, core: Core, registers: Registers) -> None:
        self._core = core
        self._registers = registers
        self.blocked = False
        self.hex_mode = True
        self.ports = list(PORTS)
        core.radio.on_datagram = self._received

    def reset(self) -> None:
        """As after a reset: default ports, nothing blocked."""
        self.blocked = False
        self.ports = list(PORTS)

    def send(self, command: Sendto) -> tuple[bytes, int]:
        """Send; the reply, and for how long it waits to be glued to what comes next (fault `glued`), ms.

        handle 1..6; sec 0 plain, 1 only if secured, 2 secured else plain. SkError ER10: the handle is not
        bound, sec 1 without a session, no transmission allowed now, or the HAN side.
        """
        core = self._core
        ip, port, data = command.ip, command.port, command.payload
        sport = self.ports[command.handle - 1]
        secured = command.sec != 0 and core.radio.link is not None
        if not sport or self.blocked or command.side or (command.sec == 1 and not secured):
            raise SkError("ER10")
        if self._registers.number(LIMITED) or core.hit("tx_no_ack"):
            events = core.event(0x21, ip, 1)
        elif core.hit("tx_neighbor"):
            events = core.event(0x21, ip, 2)
            core.scheduler.call_later(
                _NEIGHBOR_MS, lambda: self._neighbor_found(ip, sport, port, data, secured)
            )
        else:
            events = core.event(0x21, ip, self._transmit(ip, sport, port, data, secured))
        reply = OK + events if core.hit("ok_before_event") else events + OK
        return reply, _GLUE_MS if core.hit("glued") else 0

    def ping(self, ip: str) -> None:
        """Send an echo request; EPONG comes if the other end is there."""
        core = self._core
        peer = core.radio.air.find(mac_of(ip))
        side = "0 " if core.dialect.sided else ""
        if peer is not None and core.radio.hears(peer):
            pong = f"EPONG {side}{ip}\r\n".encode()
            core.scheduler.call_later(2 * core.radio.air.delay_ms, lambda: core.notify(pong))

    def bind(self, handle: int, port: int) -> None:
        """Bind a handle 1..6 to a port, 0 frees it; SkError ER06 for no such handle, ER10 if in use."""
        if not 1 <= handle <= len(self.ports):
            raise SkError("ER06")
        if port and port in self.ports[: handle - 1] + self.ports[handle:]:
            raise SkError("ER10")
        self.ports[handle - 1] = port

    def show(self, sender: str, dest: str, data: bytes, *, rport: int, lport: int, sec: int) -> bytes:
        """The ERXUDP line, in the form that SA2, the output mode and the faults give it."""
        core = self._core
        mac = mac_of(sender)
        lqi = lqi_from_rssi(core.radio.rssi_dbm(mac)) if self._registers.number(SHOW_LQI) else None
        if core.hit("ipv6_short"):
            sender, dest = (str(ipaddress.IPv6Address(ip)).upper() for ip in (sender, dest))
        raw = not self.hex_mode or core.hit("binary_output") is not None
        lower = core.hit("hex_lowercase") is not None
        head = core.dialect.erxudp(
            sender, dest, b"", rport=rport, lport=lport, lla=mac, lqi=lqi, sec=sec, binary=True
        )
        words = [*head.split()[:-1], b"%04X" % len(data)]
        if tokens := core.hit("erxudp_tokens"):
            words[6:6] = [b"E1"]
            if tokens["tokens"] == "fewer":
                del words[6:8]
        if lower:
            words[3:] = [word.lower() for word in words[3:]]
        text = data.hex() if lower else data.hex().upper()
        return b" ".join(words) + b" " + (data if raw else text.encode()) + b"\r\n"

    def _neighbor_found(self, ip: str, sport: int, port: int, data: bytes, secured: bool) -> None:
        core = self._core
        if secured and core.radio.link is None:
            return
        result = self._transmit(ip, sport, port, data, secured)
        core.notify(core.event(0x02, ip))
        core.notify(core.event(0x21, ip, result))

    def _transmit(self, ip: str, sport: int, port: int, data: bytes, secured: bool) -> int:
        """Put it on the air; the parameter of EVENT 21: 0 sent, 1 not acknowledged."""
        registers = self._registers
        registers.put(SENT_MS, registers.number(SENT_MS) + 2 + len(data) // 12)
        if ip.startswith("FF"):
            dst = None
        elif ip.startswith("FE80:0000:0000:0000:"):
            dst = mac_of(ip)
        else:
            return 1
        return 0 if self._core.radio.send(dst, sport, port, data, secured=secured) is Tx.OK else 1

    def _received(self, datagram: Datagram) -> None:
        if datagram.dport not in self.ports or not datagram.data:
            return
        dest = ALL_NODES if datagram.dst is None else self._core.ip
        sender = ll64(datagram.src)
        sec = int(datagram.secured)
        line = self.show(sender, dest, datagram.data, rport=datagram.sport, lport=datagram.dport, sec=sec)
        self._core.notify(line)
