"""The air between emulated Wi-SUN modules: who hears whom, how well, how late, and what is lost.

Ref: b-route.md E3.17 (LQI), E4.13 (channels), E6.5 (RSSI). One thread, no I/O: a datagram is handed to the
receiver by the receiver's own scheduler, so a meter may live in virtual time and a dongle in wall time.
"""

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from keiki_host.bench.clock import Scheduler
from keiki_host.bench.faults import NO_FAULTS, Faults

CHANNELS = range(33, 61)
"""SK channel numbers 0x21..0x3C = 922.5..927.9 MHz in steps of 0.2 MHz; a J11 has the odd ones only."""

NO_PAN = 0xFFFF
_QUIET_DBM = -98
_OUI = bytes.fromhex("001D1291")


class Tx(Enum):
    """What the link layer says of a transmission."""

    OK = 0
    NO_ACK = 1


@dataclass(frozen=True)
class Datagram:
    """One UDP datagram in flight. `src`, `dst`: MACs of 8 bytes, `dst` None = FF02::1 (everyone in the PAN).

    `secured`: under the session key, so only the two ends of a PANA session can read it. `to_meter`: sent
    towards a coordinator. `delay_ms`: how long it will be under way, by the receiver's clock.
    """

    src: bytes
    dst: bytes | None
    sport: int
    dport: int
    secured: bool
    data: bytes
    to_meter: bool
    delay_ms: int


@dataclass(frozen=True)
class Beacon:
    """What an answered beacon request tells: channel 33..60, PAN ID, MAC, pairing ID (8 ASCII bytes), dBm."""

    channel: int
    pan_id: int
    mac: bytes
    pairing_id: bytes
    rssi_dbm: int


def link_local(mac: bytes) -> bytes:
    """IPv6 link-local address (16 bytes) of a MAC of 8 bytes: FE80:: and the MAC with bit 1 flipped."""
    return bytes.fromhex("FE80000000000000") + bytes([mac[0] ^ 2]) + mac[1:]


def mac_of(ip: bytes) -> bytes | None:
    """MAC of a link-local address of 16 bytes; None if it is no such address."""
    if len(ip) != 16 or ip[:8] != bytes.fromhex("FE80000000000000"):
        return None
    return bytes([ip[8] ^ 2]) + ip[9:]


def lqi_from_rssi(rssi_dbm: int) -> int:
    """Link quality 0..255 that a module reports for dBm: dBm = 0.275 x LQI - 104.27."""
    return min(255, max(0, round((rssi_dbm + 104.27) / 0.275)))


class Radio:
    """One radio. A module sets `channel`, `pan_id`, `beaconing`, `pairing_id`, `coordinator` as it is told.

    channel     33..60
    pan_id      0..0xFFFF, 0xFFFF = in no PAN
    beaconing   answers beacon requests (S15); needs a PAN ID
    pairing_id  8 ASCII bytes, what a request with a pairing IE must name
    coordinator True for the meter's end (sets `Datagram.to_meter` of what others send)
    on          False while the module has no power: hears and sends nothing
    link        the PANA session whose key it holds, or None; pana.py sets it
    paa, pac    its PANA ends, or None; pana.py sets them
    on_datagram called as `on_datagram(datagram)` for each one received
    on_unreadable   the same for each one that it has no key for
    """

    def __init__(self, air: "Air", scheduler: Scheduler, mac: bytes) -> None:
        self.air = air
        self.scheduler = scheduler
        self.mac = mac
        self.channel = CHANNELS[0]
        self.pan_id = NO_PAN
        self.beaconing = False
        self.pairing_id = b"CCDDEEFF"
        self.coordinator = False
        self.on = True
        self.link: object | None = None
        self.paa: object | None = None
        self.pac: object | None = None
        self.on_datagram: Callable[[Datagram], None] = _drop
        self.on_unreadable: Callable[[Datagram], None] = _drop

    @property
    def ip(self) -> bytes:
        """Its link-local address, 16 bytes."""
        return link_local(self.mac)

    def hears(self, other: "Radio") -> bool:
        """Both are on, on one channel and in one PAN."""
        return (
            self.on
            and other.on
            and self is not other
            and self.channel == other.channel
            and self.pan_id == other.pan_id != NO_PAN
        )

    def rssi_dbm(self, mac: bytes) -> int:
        """Signal of the radio `mac` as heard here, -75..-45 dBm: fixed by the seed, the same both ways."""
        return self.air.rssi_dbm(self.mac, mac)

    def beacons(self, channel: int, pairing_id: bytes | None) -> list[Beacon]:
        """Ask for beacons on a channel now. `pairing_id` None = a request without IE: everyone answers."""
        return self.air.beacons(self, channel, pairing_id)

    def energy_dbm(self, channel: int) -> int:
        """Energy on a channel now, dBm: noise, or the strongest PAN there."""
        return self.air.energy_dbm(self, channel)

    def send(self, dst: bytes | None, sport: int, dport: int, data: bytes, *, secured: bool) -> Tx:
        """Send a datagram to the MAC `dst` (None: multicast) and say at once what the link layer saw.

        `secured` without a session is the caller's mistake: ValueError.
        """
        if secured and self.link is None:
            raise ValueError("no session key")
        return self.air.transmit(self, dst, sport, dport, data, secured=secured)


def _drop(datagram: Datagram) -> None:
    """A radio nobody listens to."""


class Air:
    """The medium. Everything random comes from `seed`: the same calls give the same losses.

    delay_ms   each datagram is under way so long, by the receiver's clock
    loss, duplicate, reorder   probabilities 0..1; the faults of these names and `delay` come on top.
               A lost datagram is lost above the link layer: the sender still sees Tx.OK.
               A reordered one is under way `reorder_ms` longer, so that later ones overtake it.
    filters    each maps a Datagram to the list of Datagrams that take its place (b-route.md L5, L8); in order
    stats      counts: sent, no_ack, lost, duplicated, reordered, delivered, unreadable (key gone), missed
    """

    def __init__(self, *, seed: int = 0, delay_ms: int = 20, faults: Faults = NO_FAULTS) -> None:
        self.delay_ms = delay_ms
        self.loss = 0.0
        self.duplicate = 0.0
        self.reorder = 0.0
        self.reorder_ms = 3 * delay_ms
        self.filters: list[Callable[[Datagram], list[Datagram]]] = []
        self.radios: list[Radio] = []
        self.stats = dict.fromkeys(
            ("sent", "no_ack", "lost", "duplicated", "reordered", "delivered", "unreadable", "missed"), 0
        )
        self._seed = seed
        self._faults = faults
        self._random = random.Random(f"air {seed}")
        self._macs = random.Random(f"mac {seed}")

    def radio(self, scheduler: Scheduler, mac: bytes | None = None) -> Radio:
        """Attach a new radio; without `mac` it gets the seed's next one."""
        radio = Radio(self, scheduler, mac or self.new_mac())
        self.radios.append(radio)
        return radio

    def new_mac(self) -> bytes:
        """The seed's next MAC, 8 bytes, not used by a radio attached here."""
        while True:
            mac = _OUI + self._macs.randbytes(4)
            if all(radio.mac != mac for radio in self.radios):
                return mac

    def detach(self, radio: Radio) -> None:
        """Take a radio away; what is under way to it is dropped."""
        radio.on = False
        self.radios.remove(radio)

    def find(self, mac: bytes) -> Radio | None:
        """The radio with this MAC, wherever it is."""
        return next((radio for radio in self.radios if radio.mac == mac), None)

    def rssi_dbm(self, a: bytes, b: bytes) -> int:
        """Signal between two MACs, -75..-45 dBm."""
        low, high = sorted((a, b))
        return -75 + zlib.crc32(b"%d" % self._seed + low + high) % 31

    def beacons(self, asker: Radio, channel: int, pairing_id: bytes | None) -> list[Beacon]:
        """Beacons that `asker` gets on a channel, see Radio.beacons; ordered as the radios were attached."""
        found = []
        for radio in self.radios:
            if radio is asker or not (asker.on and radio.on and radio.beaconing) or radio.pan_id == NO_PAN:
                continue
            if radio.channel != channel or (pairing_id is not None and radio.pairing_id != pairing_id):
                continue
            if self._chance(self.loss) or self._faults.hit("loss"):
                self.stats["lost"] += 1
                continue
            rssi_dbm = self.rssi_dbm(asker.mac, radio.mac)
            found.append(Beacon(channel, radio.pan_id, radio.mac, radio.pairing_id, rssi_dbm))
        return found

    def energy_dbm(self, asker: Radio, channel: int) -> int:
        """Energy on a channel as `asker` measures it, dBm, see Radio.energy_dbm."""
        noise = _QUIET_DBM + zlib.crc32(b"%d noise %d" % (self._seed, channel)) % 6
        heard = [
            self.rssi_dbm(asker.mac, radio.mac)
            for radio in self.radios
            if radio is not asker and radio.on and radio.beaconing and radio.channel == channel
        ]
        return max([noise, *heard])

    def transmit(
        self, src: Radio, dst: bytes | None, sport: int, dport: int, data: bytes, *, secured: bool
    ) -> Tx:
        """Put a datagram on the air, see Radio.send."""
        self.stats["sent"] += 1
        if dst is None:
            receivers = [radio for radio in self.radios if src.hears(radio)]
        else:
            peer = self.find(dst)
            if peer is None or not src.hears(peer):
                self.stats["no_ack"] += 1
                return Tx.NO_ACK
            receivers = [peer]
        flying = [
            Datagram(src.mac, dst, sport, dport, secured, bytes(data), not src.coordinator, self.delay_ms)
        ]
        for change in self.filters:
            flying = [result for datagram in flying for result in change(datagram)]
        for radio in receivers:
            for datagram in flying:
                self._fly(datagram, radio, src.link if secured else None)
        return Tx.OK

    def _fly(self, datagram: Datagram, receiver: Radio, key: object | None) -> None:
        faults = self._faults
        if self._chance(self.loss) or faults.hit("loss"):
            self.stats["lost"] += 1
            return
        copies = 1
        if self._chance(self.duplicate) or faults.hit("duplicate"):
            self.stats["duplicated"] += 1
            copies = 2
        delay_ms = datagram.delay_ms
        if late := faults.hit("delay"):
            delay_ms += int(late["ms"])
        held = faults.hit("reorder")
        if held or self._chance(self.reorder):
            self.stats["reordered"] += 1
            delay_ms += int(held["ms"]) if held else self.reorder_ms
        datagram = replace(datagram, delay_ms=delay_ms)
        for copy in range(copies):
            receiver.scheduler.call_later(
                delay_ms * (copy + 1), lambda: self._deliver(datagram, receiver, key)
            )

    def _deliver(self, datagram: Datagram, receiver: Radio, key: object | None) -> None:
        if not receiver.on or receiver.pan_id == NO_PAN:
            self.stats["missed"] += 1
        elif datagram.secured and (key is None or receiver.link is not key):
            self.stats["unreadable"] += 1
            receiver.on_unreadable(datagram)
        else:
            self.stats["delivered"] += 1
            receiver.on_datagram(datagram)

    def _chance(self, probability: float) -> bool:
        return probability > 0 and self._random.random() < probability
