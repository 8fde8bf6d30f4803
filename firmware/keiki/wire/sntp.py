"""SNTP: the request of a client, and what makes an answer worth believing.

Document: RFC 4330 (SNTP version 4), clauses 3 to 5 and 8; RFC 5905, figure 8, for the layout.
Big-endian, 48 bytes: LI/VN/mode, stratum, poll, precision, root delay(4), root dispersion(4), reference(4),
then four timestamps of 32.32 bits: reference, originate, receive, transmit.

A timestamp says seconds of its era only (era 1 begins 2036-02-07 06:28:16 UTC): the era is the one that
brings it to 2025 or later, and what then lies after 2099 never happened.
"""

import struct

from keiki.wire.compat import const

PORT = const(123)
LENGTH = const(48)
NONCE_LENGTH = const(8)

MIN_UTC_MS = 1735689600000
"""2025-01-01 00:00:00 UTC: before it there was no keiki."""
MAX_UTC_MS = 4102444800000
"""2100-01-01 00:00:00 UTC, exclusive."""

_TO_UNIX_S = const(2208988800)
_ERA_S = const(1 << 32)
_LAYOUT = const(">BBbbIII8s8sIIII")
_CLIENT = const(0x23)  # LI 0, version 4, mode 3
_SERVER = const(4)
_NO_LEAP_KNOWN = const(3)
_INFINITE = const(0x10000)  # root delay and dispersion of one second, 16.16 bits (clause 5)


class FrameError(Exception):
    """The server's answer cannot be used: the text says why in a word."""


class KissError(FrameError):
    """The server asks to be left alone (stratum 0); `code` holds its four letters, such as "RATE"."""

    def __init__(self, code: str) -> None:
        super().__init__("kiss")
        self.code = code


def encode_request(nonce: bytes) -> bytes:
    """Return a request of 48 bytes with `nonce` (8 bytes, unpredictable) in place of our transmit time.

    The server only copies it back: with a nonce, nobody off the path can forge an answer, and our clock
    stays our secret.
    """
    return struct.pack(_LAYOUT, _CLIENT, 0, 0, 0, 0, 0, 0, b"", b"", 0, 0, *struct.unpack(">II", nonce))


def _utc_ms(seconds: int, fraction: int) -> int:
    """Return UTC milliseconds since 1970 of a timestamp, in the era that is not before 2025."""
    utc_ms = (seconds - _TO_UNIX_S) * 1000 + (fraction * 1000 >> 32)
    return utc_ms if utc_ms >= MIN_UTC_MS else utc_ms + _ERA_S * 1000


def decode_answer(data: bytes, nonce: bytes) -> "tuple[int, int]":
    """Return (receive, transmit): the server's UTC ms when our request came, and when its answer left.

    Raises FrameError unless the answer is one to `nonce` from a server that knows the time:
    "length", "mode", "version", "originate", "kiss" (KissError), "stratum" (not 1..15), "leap" (3: never
    set), "root" (its own source a second away or more), "zero" (a timestamp was not filled in), "order",
    "year" (not 2025..2099).
    """
    if len(data) < LENGTH:
        raise FrameError("length")
    flags, stratum, _, _, delay, dispersion, _, _, originate, receive_s, receive_f, transmit_s, transmit_f = (
        struct.unpack_from(_LAYOUT, data, 0)
    )
    if flags & 7 != _SERVER:
        raise FrameError("mode")
    if not 1 <= flags >> 3 & 7 <= 4:
        raise FrameError("version")
    if originate != nonce:
        raise FrameError("originate")
    if stratum == 0:
        raise KissError("".join([chr(byte) for byte in data[12:16] if 0x20 < byte < 0x7F]))
    if stratum > 15:
        raise FrameError("stratum")
    if flags >> 6 == _NO_LEAP_KNOWN:
        raise FrameError("leap")
    if delay >= _INFINITE or dispersion >= _INFINITE:
        raise FrameError("root")
    if not transmit_s or not receive_s:
        raise FrameError("zero")
    receive_ms, transmit_ms = _utc_ms(receive_s, receive_f), _utc_ms(transmit_s, transmit_f)
    if transmit_ms < receive_ms:
        raise FrameError("order")
    if transmit_ms >= MAX_UTC_MS:
        raise FrameError("year")
    return receive_ms, transmit_ms


def utc_at_arrival(receive_ms: int, transmit_ms: int, round_ms: int) -> "int | None":
    """Return UTC ms at the moment the answer came, `round_ms` after the request left (clause 5).

    Both ways are taken to be equally long, so the error is at most half the time under way. None if the
    server held the request for longer than the whole round lasted: one of its timestamps is wrong.
    """
    under_way_ms = round_ms - (transmit_ms - receive_ms)
    # one millisecond may be lost to rounding at each of the four timestamps
    if under_way_ms < -2:
        return None
    return transmit_ms + max(0, under_way_ms) // 2
