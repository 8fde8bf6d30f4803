"""A push taken apart, and the confirm for it: bytes in, bytes out.

Document: IEC 62056-5-3 (Green Book), DataNotification and its confirm, under general-glo-ciphering; what a
keiki meter sends is in docs/a-route.md.
"""

import struct
from enum import Enum
from typing import Any, NamedTuple

from keiki.wire.cosem import apdu, datetime12, wrapper
from keiki.wire.cosem.axdr import FrameError, Writer
from keiki.wire.cosem.client import decode_notification
from keiki.wire.cosem.protection import GENERAL_GLO, HEAD, protect, unprotect
from keiki.wire.cosem.security import TAG, TITLE, Cipher

from keiki_host.headend.values import Status

METER = 1
RECEIVER = 102
"""SAPs: the logical device that sends, and what it sends to."""

_CONFIRMED = 0x40000000
_NUMBER = 0xFFFFFF
_U32_MAX = 0xFFFFFFFF

# bits of a profile status: the first that is set says what the value is
_STATUS = ((0x04, Status.ESTIMATED), (0x80, Status.POWER_WAS_OFF), (0x02, Status.CLOCK_UNSURE))

# the one form in which values come nearly always; everything else is taken apart by the decoder
_USUAL = struct.Struct(">BIB BBBB6s BB12s BB BI BI")
_USUAL_HEAD = (0x0F, 0, 2, 5, 9, 6)


class Kind(Enum):
    """What a meter sends by itself, by the name of the push setup."""

    VALUES = b"\x00\x00\x19\x09\x00\xff"
    ALARM = b"\x00\x01\x19\x09\x00\xff"
    LAST_GASP = b"\x00\x03\x19\x09\x00\xff"


class Message(NamedTuple):
    """One push, opened."""

    kind: Kind
    number: int
    """Number of the record, modulo 2^24."""
    invoke: int
    """What a confirm must repeat."""
    at_s: int
    """UTC seconds, by the meter's clock."""
    status: Status
    import_wh: int
    export_wh: int
    register: int
    """Of an alarm: the alarm register."""

    @property
    def wants_confirm(self) -> bool:
        """Whether the meter waits for one."""
        return bool(self.invoke & _CONFIRMED)


def title_of(buffer: bytearray, start: int, end: int) -> bytes:
    """The system title of who sent an APDU, as it says; FrameError: it is no push."""
    at = start + 2
    if end - start < 2 + TITLE or buffer[start] != GENERAL_GLO or buffer[start + 1] != TITLE:
        raise FrameError("not under general-glo")
    return bytes(buffer[at : at + TITLE])


def status_of(bits: int) -> Status:
    """What the bits of a profile status say of a value."""
    return next((status for bit, status in _STATUS if bits & bit), Status.NORMAL)


def unlock(cipher: Any, buffer: bytearray, start: int, end: int, title: bytes) -> tuple[int, int, int]:
    """(invocation counter, start, end) of the text of an APDU, decrypted where it lies.

    SecurityError: not of this title under these keys; then the buffer is as it was.
    """
    _, counter, start, end = unprotect(cipher, buffer, start, end, title)
    return counter, start, end


def read(buffer: bytearray, start: int, end: int) -> Message:
    """Take a push apart; FrameError: it is not one that meters send."""
    if end - start == _USUAL.size:
        found = _USUAL.unpack_from(buffer, start)
        (
            tag,
            invoke,
            no_time,
            *head,
            name,
            tag9,
            size12,
            clock,
            tag11,
            bits,
            tag6,
            imported,
            tag6b,
            exported,
        ) = found
        usual = (tag, no_time, *head) == _USUAL_HEAD and (tag9, size12, tag11, tag6, tag6b) == (
            9,
            12,
            17,
            6,
            6,
        )
        if usual and name == Kind.VALUES.value:
            return _values(Kind.VALUES, invoke, clock, bits, imported, exported)
    invoke, _, fields = decode_notification(bytes(buffer[start:end]))
    if not isinstance(fields, tuple) or not fields:
        raise FrameError("not a structure")
    try:
        kind = Kind(fields[0])
    except ValueError:
        raise FrameError("unknown push setup") from None
    if kind is Kind.ALARM:
        if len(fields) != 3:
            raise FrameError("alarm")
        at_s, register = _instant(fields[1]), _whole(fields[2])
        return Message(kind, invoke & _NUMBER, invoke, at_s, Status.NORMAL, 0, 0, register)
    if len(fields) != 5:
        raise FrameError("values")
    return _values(kind, invoke, fields[1], _whole(fields[2]), _whole(fields[3]), _whole(fields[4]))


def confirm(cipher: Any, title: bytes, counter: int, invoke: int) -> bytes:
    """The confirm of a push, ready to be sent; `counter` was never used with these keys and this title."""
    buffer = bytearray(HEAD + 16 + TAG)
    writer = Writer(buffer, HEAD)
    apdu.encode(writer, apdu.NOTIFICATION_CONFIRM << 8, invoke, b"")
    start, end = protect(cipher, True, buffer, HEAD, writer.at, title, counter)
    return bytes(wrapper.encode(RECEIVER, METER, bytes(buffer[start:end])))


def cipher_of(ek: bytes, ak: bytes) -> Any:
    """The keys of a meter's client, ready for use."""
    return Cipher(ek, ak)


def _values(kind: Kind, invoke: int, clock: object, bits: int, imported: int, exported: int) -> Message:
    return Message(
        kind, invoke & _NUMBER, invoke, _instant(clock), status_of(bits), imported, exported, register=0
    )


def _instant(clock: object) -> int:
    if not isinstance(clock, bytes):
        raise FrameError("clock")
    found = datetime12.instant(clock)
    if found is None:
        raise FrameError("no time")
    return int(found)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _U32_MAX:
        raise FrameError("number")
    return value
