"""SK commands and replies in both directions, and what differs between module families (b-route.md E2).

`bp35a1`: single-hop firmware (BP35A1, RL7023 Stick-D/IPS). `bp35c2`: dual stack edition (BP35C0,
BP35C2, RL7023 Stick-D/DSS), where SKSCAN, SKSENDTO, EVENT, ERXUDP and EPANDESC carry a side: 0 is
the B side, 1 the HAN side. The coordinator builds commands and parses replies; an emulated module
does the opposite. Whatever is built is bytes ready to be written, line end included; a `parse_*`
of a reply takes one line without its end and returns None when it is malformed. IPv6 addresses are
str in the full upper-case form, MAC addresses are 8 bytes.
"""

from binascii import hexlify, unhexlify
from collections import namedtuple

from keiki.wire.sk.lines import (
    MAX_PAYLOAD,
    SkError,
    hex_text,
    ll64,
    mac_of,
    parse_hex,
    parse_ip,
    parse_mac,
    split,
)

SIDE_B = 0
PORT_ECHONET = 0x0E1A
PORT_PANA = 0x02CC

# ip str; mac 8 bytes; channel 0x21..0x3C; pan u16; side 0|1, or None where the family has none
Info = namedtuple("Info", ("ip", "mac", "channel", "pan", "side"))
# num 0..0xFF; sender ip; side 0|1|None; param 0..0xFF or None
Event = namedtuple("Event", ("num", "sender", "side", "param"))
# lla = MAC of the sender; lqi 0..0xFF or None; sec 0 plain | 1 secured; data = UDP payload
Erxudp = namedtuple("Erxudp", ("sender", "dest", "rport", "lport", "lla", "lqi", "sec", "side", "data"))
# head of SKSENDTO: sec 0 plain, 1 only if secured, 2 secured else plain; length of the payload that follows
Sendto = namedtuple("Sendto", ("handle", "ip", "port", "sec", "side", "length"))


class Dialect:
    """One family of modules: `name` "bp35a1" or "bp35c2", `sided` whether lines carry the side."""

    def __init__(self, name: str, sided: bool) -> None:
        self.name = name
        self.sided = sided

    def __repr__(self) -> str:
        return "Dialect(%s)" % self.name

    def check(self, name: str, count: int) -> None:
        """Raise SkError ER04 if the family has no command `name`, ER05 if `count` arguments are wrong."""
        from keiki.wire.sk.commands import COMMANDS

        row = COMMANDS.get(name)
        limits = None if row is None else row[1 if self.sided else 0]
        if limits is None:
            raise SkError("ER04")
        if not limits[0] <= count <= limits[1]:
            raise SkError("ER05")

    def scan(self, mode: int, mask: int, duration: int, side: int = SIDE_B) -> bytes:
        """Build SKSCAN: mode 0 energy, 2 active with pairing id, 3 active; mask bit 0 = channel 33 (E4.3)."""
        return b"SKSCAN %X %08X %X%s\r\n" % (mode, mask, duration, self._side(side))

    def sendto(self, handle: int, ip: str, port: int, sec: int, data: bytes, *, side: int = SIDE_B) -> bytes:
        """Build SKSENDTO with its raw payload; ValueError if `data` is empty or over 1232 bytes."""
        if not 0 < len(data) <= MAX_PAYLOAD:
            raise ValueError("payload length")
        head = (handle, ip.encode(), port, sec, self._side(side), len(data))
        return b"SKSENDTO %X %s %04X %X%s %04X " % head + data

    def parse_sendto(self, data: "bytes | bytearray") -> "tuple[Sendto, int] | None":
        """Parse an SKSENDTO head at the start of `data`: (Sendto, length of the head with its last space).

        None while more bytes are needed; then exactly Sendto.length payload bytes follow, whatever
        they contain (E4.7). SkError ER05 if the line ends inside the head, ER06 if a field is wrong.
        """
        need = 7 if self.sided else 6
        words = bytes(data[:96]).split(b" ", need)
        whole = len(words) > need
        head = b" ".join(words[:need] if whole else words)
        if b"\r" in head or b"\n" in head:
            raise SkError("ER05")
        if not whole:
            if len(data) >= 96:
                raise SkError("ER06")
            return None
        ip = parse_ip(words[2])
        fields = [parse_hex(words[1], 2), parse_hex(words[3], 4), parse_hex(words[4], 1)]
        fields += [parse_hex(words[5], 1) if self.sided else SIDE_B, parse_hex(words[need - 1], 4)]
        if ip is None or None in fields:
            raise SkError("ER06")
        found = Sendto(fields[0], ip, *fields[1:])
        if not (1 <= found.handle <= 6 and found.sec <= 2 and found.side <= 1 and found.port):
            raise SkError("ER06")
        if not 0 < found.length <= MAX_PAYLOAD:
            raise SkError("ER06")
        return found, len(head) + 1

    def einfo(self, mac: bytes, channel: int, pan: int, side: int = SIDE_B) -> bytes:
        """Build the reply line of SKINFO (without OK)."""
        last = b"%X" % side if self.sided else b"FFFE"
        return b"EINFO %s %s %02X %04X %s\r\n" % (
            ll64(mac).encode(),
            hex_text(mac).encode(),
            channel,
            pan,
            last,
        )

    def parse_einfo(self, line: "bytes | memoryview") -> "Info | None":
        """Parse `EINFO ip mac channel pan side|FFFE`."""
        words = split(line)
        if len(words) != 6 or words[0] != b"EINFO":
            return None
        ip, mac, channel = parse_ip(words[1]), parse_mac(words[2]), parse_hex(words[3], 2)
        pan, side = parse_hex(words[4], 4), parse_hex(words[5], 4)
        if None in (ip, mac, channel, pan, side):
            return None
        return Info(ip, mac, channel, pan, side if side in (0, 1) else None)

    def event(self, num: int, sender: str, param: "int | None" = None, side: int = SIDE_B) -> bytes:
        """Build an EVENT line."""
        tail = b"" if param is None else b" %02X" % param
        return b"EVENT %02X %s%s%s\r\n" % (num, sender.encode(), self._side(side), tail)

    def parse_event(self, line: "bytes | memoryview") -> "Event | None":
        """Parse `EVENT num sender [side] [param]`."""
        words = split(line)
        least = 4 if self.sided else 3
        if not least <= len(words) <= least + 1 or words[0] != b"EVENT":
            return None
        num, sender = parse_hex(words[1], 2), parse_ip(words[2])
        side = parse_hex(words[3], 1) if self.sided else SIDE_B
        param = parse_hex(words[least], 2) if len(words) > least else 0
        if None in (num, sender, side, param):
            return None
        return Event(num, sender, side if self.sided else None, param if len(words) > least else None)

    def erxudp(
        self,
        sender: str,
        dest: str,
        data: bytes,
        *,
        rport: int = PORT_ECHONET,
        lport: int = PORT_ECHONET,
        lla: "bytes | None" = None,
        lqi: "int | None" = None,
        sec: int = 1,
        side: int = SIDE_B,
        binary: bool = False,
    ) -> bytes:
        """Build ERXUDP. `lla` None: from the sender's address; `lqi` appears only where the family is
        sided and SA2 is 1 (pass None otherwise); `binary`: raw payload, the factory mode (E1.7, E4.14)."""
        lla_text = hex_text(mac_of(sender) if lla is None else lla).encode()
        lqi_text = b" %02X" % lqi if self.sided and lqi is not None else b""
        head = (
            sender.encode(),
            dest.encode(),
            rport,
            lport,
            lla_text,
            lqi_text,
            sec,
            self._side(side),
            len(data),
        )
        payload = data if binary else hexlify(data).upper()
        return b"ERXUDP %s %s %04X %04X %s%s %X%s %04X " % head + payload + b"\r\n"

    def parse_erxudp(self, line: "bytes | memoryview") -> "Erxudp | None":
        """Parse ERXUDP with a payload in hex; None also when the payload is raw, or not as long as told."""
        words = bytes(line[:136]).split(b" ")
        if len(words) < 9 or words[0] != b"ERXUDP":
            return None
        at = 7 if self.sided and len(words[6]) == 2 else 6  # LQI only while SA2 is 1
        if len(words) != at + (4 if self.sided else 3):
            return None
        sender, dest, lla = parse_ip(words[1]), parse_ip(words[2]), parse_mac(words[5])
        rport, lport, length = parse_hex(words[3], 4), parse_hex(words[4], 4), parse_hex(words[-2], 4)
        lqi = parse_hex(words[6], 2) if at == 7 else 0
        sec = parse_hex(words[at], 1)
        side = parse_hex(words[at + 1], 1) if self.sided else SIDE_B
        if None in (sender, dest, lla, rport, lport, length, lqi, sec, side):
            return None
        start = 0
        for word in words[:-1]:
            start += len(word) + 1
        if length is None or length > MAX_PAYLOAD or len(line) - start != 2 * length:
            return None
        try:
            data = unhexlify(line[start:])  # pyright: ignore[reportArgumentType]  any buffer will do
        except ValueError:
            return None
        return Erxudp(
            sender,
            dest,
            rport,
            lport,
            lla,
            lqi if at == 7 else None,
            sec,
            side if self.sided else None,
            data,
        )

    def epandesc(
        self,
        mac: bytes,
        channel: int,
        pan: int,
        lqi: int,
        pair_id: "str | None",
        *,
        page: int = 9,
        side: int = SIDE_B,
    ) -> bytes:
        """Build the block of one PAN found; `pair_id` as it is printed (8 characters), None: no such line."""
        fields = [("Channel", "%02X" % channel), ("Channel Page", "%02X" % page), ("Pan ID", "%04X" % pan)]
        fields += [("Addr", hex_text(mac)), ("LQI", "%02X" % lqi)]
        if self.sided:
            fields.append(("Side", "%X" % side))
        if pair_id is not None:
            fields.append(("PairID", pair_id))
        return ("EPANDESC\r\n" + "".join(["  %s:%s\r\n" % field for field in fields])).encode()

    def eedscan(self, levels: "list[tuple[int, int]]", side: int = SIDE_B) -> bytes:
        """Build the result of an ED scan: (channel, rssi 0..0xFF) pairs (E4.3)."""
        words = [b"%X" % side] if self.sided else []
        words += [b"%02X %02X" % level for level in levels]
        return b"EEDSCAN\r\n" + b" ".join(words) + b"\r\n"

    def parse_levels(self, line: "bytes | memoryview") -> "list[tuple[int, int]] | None":
        """Parse the line after EEDSCAN into (channel 0x21..0x3C, rssi) pairs, or None."""
        numbers = []
        for word in split(line)[1 if self.sided else 0 :]:
            number = parse_hex(word, 2)
            if number is None:
                return None
            numbers.append(number)
        if not numbers or len(numbers) % 2:
            return None
        levels = [(numbers[i], numbers[i + 1]) for i in range(0, len(numbers), 2)]
        return levels if all(0x21 <= channel <= 0x3C for channel, _rssi in levels) else None

    def _side(self, side: int) -> bytes:
        return b" %X" % side if self.sided else b""


def parse_field(line: "bytes | memoryview") -> "tuple[str, str] | None":
    """Parse one line of an EPANDESC block, `  Pan ID:8888`, into its name and value, or None."""
    text = bytes(line)
    name, colon, value = text.partition(b":")
    if not colon or text[:2] != b"  " or not all(0x20 <= byte < 0x7F for byte in text):
        return None
    return str(name, "ascii").strip(), str(value, "ascii").strip()


BP35A1 = Dialect("bp35a1", False)
BP35C2 = Dialect("bp35c2", True)
DIALECTS = {"bp35a1": BP35A1, "bp35c2": BP35C2}
