"""The radio's half of a J11 module: scans, the way into the meter's PAN, PANA, datagrams, and their notices.

Ref: b-route.md E6.4, E6.6 to E6.8, L10.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Protocol

from keiki_host.bench.faults import Faults
from keiki_host.bench.wisun.air import NO_PAN, Beacon, Datagram, Radio, Tx, link_local, lqi_from_rssi, mac_of
from keiki_host.bench.wisun.j11_codec import OK
from keiki_host.bench.wisun.j11_commands import (
    BAD_VALUE,
    MASK_ALL,
    NO_CONNECTION,
    NO_SUCH_PEER,
    NOT_SET_UP,
    PANA_BUSY,
    PAYLOAD_MAX,
    SYSTEM_PORTS,
    Memory,
    State,
    channels_of,
    rssi_byte,
    sk_channel,
)
from keiki_host.bench.wisun.pana import Pac, Pana
from keiki_host.bench.wisun.timing import FAST, REAL

SCAN_RESULT = 0x4051
RECEPTION = 0x6018
STATUS = 0x601A
PANA_RESULT = 0x6028
RECEPTION_FAILED = 0x6038

PANA_DOWN = 0x04
_TX_OK = 0x00
_TX_NO_ACK = 0x05
_TX_OTHER = 0x08
_NOT_DECRYPTED = 0x01
_BAD_UDP = 0x40
_RESULTS = {Pana.JOINED: 0x01, Pana.REFUSED: 0x02, Pana.NO_ANSWER: 0x03}


class Module(Protocol):
    """What the link needs of the module it is part of."""

    def later(self, delay_ms: int, fn: Callable[[], None]) -> None:
        """Call `fn` later, unless the module has been reset by then."""

    def notify(self, command: int, data: bytes = b"") -> None:
        """Send a notification."""

    def finish(self, command: int, data: bytes) -> None:
        """Send the reply of a command that took its time; until then others are refused."""


class Link:
    """Everything between the module and the air. A command returns its reply's data; None: it comes later."""

    def __init__(
        self, module: Module, radio: Radio, memory: Memory, faults: Faults, *, fast: bool, gap_ms: int
    ) -> None:
        self._module = module
        self._radio = radio
        self._memory = memory
        self._faults = faults
        self._fast = fast
        self._gap_ms = gap_ms
        self._pac = Pac(radio, self._on_pana, FAST if fast else REAL)
        self._sessions = 0
        self._sequence = 0
        self._authenticating = False
        self._ending = False
        radio.on_datagram = self._on_datagram
        radio.on_unreadable = lambda datagram: self._failed(datagram, _NOT_DECRYPTED)
        faults.on_start("j11_pana_down", self._on_fault_down)
        self.commands: dict[int, Callable[[bytes], bytes | None]] = {
            0x0008: self._send,
            0x0051: self._scan,
            0x0053: self._start,
            0x0056: self._authenticate,
            0x0057: self._end_session,
            0x0058: self._stop,
            0x0059: self._key,
            0x00D2: self._reauthenticate,
            0x00DB: self._energy,
        }

    def reset(self, memory: Memory) -> None:
        """Forget the session and everything else without a word; go on with a fresh memory."""
        self._pac.drop()
        self._memory = memory
        self._authenticating = self._ending = False
        self._radio.pan_id = NO_PAN

    # -- scans ---------------------------------------------------------------------------------------

    def _scan(self, data: bytes) -> bytes | None:
        """0051: duration 1..14, mask 4, ID wanted 0/1, pairing ID 8. One notice a channel, the reply last."""
        duration, mask, with_id = data[0], int.from_bytes(data[1:5], "big"), data[5]
        if not 1 <= duration <= 14 or mask & ~MASK_ALL or with_id > 1:
            return bytes([BAD_VALUE])
        channels = channels_of(mask)
        dwell_ms = 200 // 14 if self._fast else round(9.64 * 2**duration) + 90
        pairing_id = data[6:14] if with_id else None
        for place, channel in enumerate(channels):
            self._module.later(dwell_ms * (place + 1), self._listener(channel, pairing_id))
        over_ms = dwell_ms * len(channels) + self._gap_ms
        self._module.later(over_ms, lambda: self._module.finish(0x0051, bytes([OK])))
        return None

    def _listener(self, channel: int, pairing_id: bytes | None) -> Callable[[], None]:
        def tell() -> None:
            beacons = self._radio.beacons(sk_channel(channel), pairing_id)[:20]
            if beacons:
                found = bytes([0, channel, len(beacons)]) + b"".join(map(_descriptor, beacons))
            else:
                found = bytes([1, channel])
            self._module.notify(SCAN_RESULT, found)

        return tell

    def _energy(self, data: bytes) -> bytes | None:
        """00DB: mask 4. The reply has channel and level (0..255) of each."""
        mask = int.from_bytes(data, "big")
        if mask & ~MASK_ALL:
            return bytes([BAD_VALUE])
        channels = channels_of(mask)

        def done() -> None:
            found = bytes([OK, len(channels)])
            for channel in channels:
                found += bytes([channel, lqi_from_rssi(self._radio.energy_dbm(sk_channel(channel)))])
            self._module.finish(0x00DB, found)

        self._module.later((5 if self._fast else 320) * len(channels), done)
        return None

    # -- the meter's PAN and PANA -----------------------------------------------------------------------

    def _start(self, _: bytes) -> bytes | None:
        self._module.later(20 if self._fast else 2560, self._started)
        return None

    def _started(self) -> None:
        """Ask for beacons on the channel that was set, with the ID that was set, and take the strongest."""
        memory, radio = self._memory, self._radio
        beacons: list[Beacon] = []
        if memory.credentials is not None and not self._faults.hit("j11_start_fail"):
            beacons = radio.beacons(sk_channel(memory.channel), memory.credentials.route_b_id[-8:])
        if not beacons:
            self._module.finish(0x0053, bytes([NO_CONNECTION]))
            return
        best = max(beacons, key=lambda beacon: beacon.rssi_dbm)
        memory.meter = best.mac
        memory.state = State.UP
        radio.pan_id = best.pan_id
        pan_id = best.pan_id.to_bytes(2, "big")
        found = bytes([OK, memory.channel]) + pan_id + best.mac + bytes([rssi_byte(best.rssi_dbm)])
        self._module.finish(0x0053, found)

    def _stop(self, _: bytes) -> bytes:
        self._pac.drop()
        self._authenticating = self._ending = False
        self._radio.pan_id = NO_PAN
        self._memory.state = State.IDLE
        self._memory.meter = None
        self._memory.ports.clear()
        return bytes([OK])

    def _authenticate(self, _: bytes) -> bytes:
        if self._authenticating or self._ending:
            return bytes([PANA_BUSY])
        memory = self._memory
        if memory.credentials is None or memory.meter is None:
            return bytes([NOT_SET_UP])
        self._authenticating = True
        self._pac.join(memory.meter, memory.credentials, self._outcome())
        return bytes([OK])

    def _reauthenticate(self, _: bytes) -> bytes:
        if self._authenticating:
            return bytes([PANA_BUSY])
        self._authenticating = True
        self._pac.rejoin(self._outcome())
        return bytes([OK])

    def _outcome(self) -> Pana | None:
        if self._faults.hit("j11_pana_failed"):
            return Pana.REFUSED
        return Pana.NO_ANSWER if self._faults.hit("j11_pana_silent") else None

    def _end_session(self, _: bytes) -> bytes:
        """0057: answered at once; the end request and its answer take their time."""
        self._memory.state = State.UP
        self._authenticating = False
        self._ending = self._pac.terminate()
        if not self._ending:
            self._pac.drop()
        return bytes([OK])

    def _key(self, _: bytes) -> bytes:
        seed = b"%d " % self._sessions + self._radio.mac + (self._memory.meter or b"")
        return bytes([OK]) + hashlib.sha256(seed).digest()[:16]

    def _on_pana(self, event: Pana, mac: bytes) -> None:
        if event in _RESULTS:
            # not authenticating: the two ends have re-authenticated by themselves and keep the key
            self._sessions += self._authenticating
            self._authenticating = False
            self._memory.state = State.JOINED if event is Pana.JOINED else State.UP
            self._module.notify(PANA_RESULT, bytes([_RESULTS[event]]) + mac)
        elif self._ending:
            self._ending = False
        else:
            self._lost()

    def _on_fault_down(self, _: dict[str, Any]) -> None:
        if self._memory.state is State.JOINED:
            self._pac.drop()
            self._lost()

    def _lost(self) -> None:
        """The session is over and the host did not ask for it: 601A, once."""
        if self._memory.state is State.JOINED and self._memory.meter is not None:
            self._memory.state = State.UP
            self._authenticating = False
            meter = self._memory.meter
            rssi = rssi_byte(self._radio.rssi_dbm(meter))
            self._module.notify(STATUS, bytes([PANA_DOWN]) + meter + bytes([rssi]))

    # -- datagrams --------------------------------------------------------------------------------------

    def _send(self, data: bytes) -> bytes:
        """0008: address 16, ports 2 + 2, size 2, payload. The reply: OK, what became of it, first bytes."""
        address, size, payload = data[:16], int.from_bytes(data[20:22], "big"), data[22:]
        sport, dport = int.from_bytes(data[16:18], "big"), int.from_bytes(data[18:20], "big")
        if size != len(payload) or 0 in (sport, dport) or {sport, dport} & set(SYSTEM_PORTS):
            return bytes([BAD_VALUE])
        mac = None if address[0] == 0xFF else mac_of(address)
        if address[0] != 0xFF and (mac is None or mac != self._memory.meter):
            return bytes([NO_SUCH_PEER])
        secured = self._memory.state is State.JOINED
        if self._faults.hit("j11_send_no_ack"):
            result = _TX_NO_ACK
        elif secured and self._radio.link is None:
            result = _TX_OTHER
        else:
            sent = self._radio.send(mac, sport, dport, payload, secured=secured)
            result = _TX_OK if sent is Tx.OK else _TX_NO_ACK
        return bytes([OK, result]) + payload[:5]

    def _on_datagram(self, datagram: Datagram) -> None:
        """A datagram for an open port is notified; one that no UDP could have carried, as a failure."""
        if datagram.dport not in self._memory.ports:
            return
        if not 1 <= len(datagram.data) <= PAYLOAD_MAX:
            self._failed(datagram, _BAD_UDP)
            return
        ports = datagram.sport.to_bytes(2, "big") + datagram.dport.to_bytes(2, "big")
        pan_id = self._radio.pan_id.to_bytes(2, "big")
        rssi = rssi_byte(self._radio.rssi_dbm(datagram.src))
        flags = bytes([datagram.dst is None, 2 if datagram.secured else 1, rssi])
        head = link_local(datagram.src) + ports + pan_id + flags
        self._module.notify(RECEPTION, head + len(datagram.data).to_bytes(2, "big") + datagram.data)

    def _failed(self, datagram: Datagram, reason: int) -> None:
        """6038: reason, source, MAC sequence number, no fragment, tag 0, first bytes."""
        self._sequence = (self._sequence + 1) & 0xFF
        head = bytes([reason]) + link_local(datagram.src) + bytes([self._sequence, 0, 0, 0])
        self._module.notify(RECEPTION_FAILED, head + datagram.data[:5])


def _descriptor(beacon: Beacon) -> bytes:
    return beacon.mac + beacon.pan_id.to_bytes(2, "big") + bytes([rssi_byte(beacon.rssi_dbm)])
