"""The serial stream of an SK module: lines out of bytes, and the hexadecimal and address forms in them.

A line ends in CR LF, or in CR alone for the product commands WOPT and ROPT (b-route.md E1.1),
so either byte ends a line and an empty line is nothing.
"""

from binascii import unhexlify

from keiki.wire.compat import const

CRLF = b"\r\n"
MAX_LINE = const(2700)  # ERXUDP of 1232 bytes in hex: 2464 characters and a head of at most 132 (J3)
MAX_PAYLOAD = const(1232)  # largest UDP payload of both module families (A19)


class LineReader:
    """Cuts bytes into lines over one preallocated buffer.

    `take` is called with the same data and the position it returned until it returns -1.
    `dropped` counts lines that were longer than the buffer; they are never delivered.
    """

    def __init__(self, size: int = MAX_LINE) -> None:
        self._buffer = bytearray(size)
        self._view = memoryview(self._buffer)
        self._size = size
        self._used = 0
        self._over = False
        self._done = True
        self.dropped = 0

    def reset(self) -> None:
        """Forget a line that has only begun."""
        self._used = 0
        self._over = False
        self._done = False

    def take(self, data: "bytes | bytearray", start: int = 0) -> int:
        """Consume `data` from `start` up to the end of the next line that is not empty.

        Return the position after it (then `line()` holds it), or -1 when all is consumed.
        """
        if self._done:
            self.reset()
        end = len(data)
        while start < end:
            stop = data.find(b"\n", start)
            if stop < 0:
                stop = end
            cr = data.find(b"\r", start, stop)
            if cr >= 0:
                stop = cr
            self._append(data, start, stop)
            start = stop + 1
            if stop == end:
                break
            if self._over:
                self.dropped += 1
                self.reset()
            elif self._used:
                self._done = True
                return start
        return -1

    def line(self) -> memoryview:
        """Return the line without its end; valid until the next `take`."""
        return self._view[: self._used]

    def _append(self, data: "bytes | bytearray", start: int, stop: int) -> None:
        count = stop - start
        if self._over or not count:
            return
        if self._used + count > self._size:
            self._over = True
            return
        self._view[self._used : self._used + count] = memoryview(data)[start:stop]
        self._used += count


def parse_hex(token: "bytes | bytearray", digits: int) -> "int | None":
    """Return the value of 1..`digits` hexadecimal digits of either case, or None if it is anything else."""
    if not 0 < len(token) <= digits:
        return None
    value = 0
    for byte in token:
        if 0x30 <= byte <= 0x39:
            digit = byte - 0x30
        elif 0x41 <= byte <= 0x46:
            digit = byte - 0x37
        elif 0x61 <= byte <= 0x66:
            digit = byte - 0x57
        else:
            return None
        value = value << 4 | digit
    return value


def parse_mac(token: "bytes | bytearray") -> "bytes | None":
    """Return the 8 bytes of a 16-digit EUI-64 address, or None."""
    if len(token) != 16:
        return None
    try:
        return unhexlify(token)
    except ValueError:
        return None


def parse_ip(token: "bytes | bytearray") -> "str | None":
    """Return an IPv6 address in the full upper-case form of 39 characters, or None.

    Only the full form is accepted, in either case: modules print no other (E4.7).
    """
    if len(token) != 39:
        return None
    for i in range(39):
        byte = token[i]
        if i % 5 == 4:
            if byte != 0x3A:
                return None
        elif not (0x30 <= byte <= 0x39 or 0x41 <= byte <= 0x46 or 0x61 <= byte <= 0x66):
            return None
    return str(token, "ascii").upper()


def ip_text(address: bytes) -> str:
    """Return 16 bytes as the full upper-case form, FE80:0000:0000:0000:021D:1290:0003:C890."""
    return ":".join(["%02X%02X" % (address[i], address[i + 1]) for i in range(0, 16, 2)])


def ip_bytes(text: str) -> bytes:
    """Return the 16 bytes of the full form; ValueError if it is not that."""
    if parse_ip(text.encode()) is None:
        raise ValueError("not a full IPv6 address")
    return bytes([int(text[i + j : i + j + 2], 16) for i in range(0, 39, 5) for j in (0, 2)])


def ll64(mac: bytes) -> str:
    """Return the link-local address of an 8-byte EUI-64, as SKLL64 does: FE80::/64, universal bit flipped."""
    return ip_text(b"\xfe\x80\0\0\0\0\0\0" + bytes([mac[0] ^ 2]) + mac[1:8])


def mac_of(ip: str) -> bytes:
    """Return the EUI-64 that a full-form link-local address was made from; ValueError if malformed."""
    address = ip_bytes(ip)
    return bytes([address[8] ^ 2]) + address[9:]


def hex_text(data: bytes) -> str:
    """Return bytes as upper-case hexadecimal digits."""
    return "".join(["%02X" % byte for byte in data])


class SkError(ValueError):
    """A command that a module refuses; `code` is "ER04", "ER05", "ER06", "ER09" or "ER10" (E1.5)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def command(*words: str) -> bytes:
    """Build an SK command line: words separated by one space, CR LF."""
    return " ".join(words).encode() + CRLF


def product(*words: str) -> bytes:
    """Build a product command, or the reply to one, which end in CR alone: ROPT, WOPT 01, OK 01 (E1.1)."""
    return " ".join(words).encode() + b"\r"


def fail(code: str) -> bytes:
    """Build the refusal line; `code` as in SkError."""
    return b"FAIL " + code.encode() + CRLF


def split(line: "bytes | bytearray | memoryview") -> "list[bytes]":
    """Return the words of a line; runs of spaces and a trailing space count as one separator (E1.3)."""
    return bytes(line).split()


def parse_fail(line: "bytes | memoryview") -> "str | None":
    """Return "ER05" of `FAIL ER05`, or None if it is not a refusal."""
    words = split(line)
    if len(words) == 2 and words[0] == b"FAIL" and len(words[1]) == 4 and words[1][:2] == b"ER":
        number = parse_hex(words[1][2:], 2)
        return None if number is None else "ER%02X" % number
    return None


def parse_ropt(line: "bytes | memoryview") -> "int | None":
    """Return the option byte of `OK 01` (bit 0: payloads in hex, else raw), or None (E1.7)."""
    words = split(line)
    return parse_hex(words[1], 2) if len(words) == 2 and words[0] == b"OK" else None


def parse_esreg(line: "bytes | memoryview") -> "str | None":
    """Return the value of `ESREG val` as it stands, or None."""
    words = split(line)
    if len(words) != 2 or words[0] != b"ESREG" or not all(0x20 < byte < 0x7F for byte in words[1]):
        return None
    return str(words[1], "ascii")
