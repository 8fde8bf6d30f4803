"""What the meter sends by itself: data-notifications under general-glo, and the confirms that come back.

Document: IEC 62056-5-3 (Green Book), DataNotification. Its invoke id is the number of the record, so a
receiver knows again what it has had already.
"""

from keiki.wire.compat import const
from keiki.wire.cosem import apdu, datetime12, wrapper
from keiki.wire.cosem.axdr import OCTETS, STRUCTURE, U32, FrameError, Reader, Writer
from keiki.wire.cosem.protection import GENERAL_GLO, HEAD, protect, unprotect
from keiki.wire.cosem.security import TAG, TITLE, SecurityError

VALUES = b"\x00\x00\x19\x09\x00\xff"
ALARM = b"\x00\x01\x19\x09\x00\xff"
LAST_GASP = b"\x00\x03\x19\x09\x00\xff"
"""Push setups, whose names each message begins with."""

RECEIVER = const(102)
_METER = const(1)  # SAP of the logical device
_BODY = const(26)  # room for the wrapper and the head of the protection
_SIZE = const(160)
_CONFIRMED = const(0x40000000)
_INVOKE = const(0xFFFFFF)
_ENOKEY = const(126)
assert wrapper.HEAD + HEAD == _BODY


class Message:
    """Builds one message at a time in a buffer of its own; `guard` is that of the receiver."""

    def __init__(self, guard) -> None:
        self._guard = guard
        self._buffer = bytearray(_SIZE)
        self._view = memoryview(self._buffer)
        self._writer = Writer(self._buffer)
        self.invoke = 0

    def _begin(self, number: int, confirmed: bool, fields: int, setup: bytes) -> Writer:
        writer = self._writer
        writer.at = _BODY
        writer.end = _SIZE - TAG
        self.invoke = number & _INVOKE
        writer.byte(apdu.NOTIFICATION)
        writer.raw((self.invoke | (_CONFIRMED if confirmed else 0)).to_bytes(4, "big"))
        writer.byte(0)  # no time of its own
        writer.begin(STRUCTURE, fields)
        writer.string(OCTETS, setup)
        return writer

    def _sealed(self) -> memoryview:
        guard, writer = self._guard, self._writer
        if guard.cipher is None:
            raise OSError(_ENOKEY)
        start, end = protect(
            guard.cipher, True, self._buffer, _BODY, writer.at, guard.title, guard.next_counter()
        )
        start -= wrapper.HEAD
        wrapper.pack_into(self._buffer, start, _METER, RECEIVER, end - start - wrapper.HEAD)
        return self._view[start:end]

    def values(self, number: int, confirmed: bool, row: bytes, setup: bytes = VALUES) -> memoryview:
        """Return a message with a row of series_rows.py. OSError: no keys, or no counter left."""
        writer = self._begin(number, confirmed, 5, setup)
        writer.raw(memoryview(row)[2:])
        return self._sealed()

    def alarm(self, number: int, confirmed: bool, utc_s: int, register: int) -> memoryview:
        """Return a message with the time and the alarm register. OSError as `values`."""
        writer = self._begin(number, confirmed, 3, ALARM)
        writer.string(OCTETS, datetime12.pack(utc_s))
        writer.number(U32, register)
        return self._sealed()

    def confirms(self, buffer: bytearray, start: int, end: int) -> bool:
        """Tell whether an APDU in a buffer confirms the message that was built last.

        It must be protected with the receiver's keys. Its counter does not matter: a confirm that was
        recorded fits no message but the one that it has confirmed already.
        """
        guard = self._guard
        title = bytes(buffer[start + 2 : start + 2 + TITLE])
        if end - start < 2 + TITLE or buffer[start] != GENERAL_GLO or title == guard.title:
            return False
        if guard.cipher is None:  # the keys were taken away meanwhile
            return False
        try:
            _, _, start, end = unprotect(guard.cipher, buffer, start, end, title)
            key, fields = apdu.decode(Reader(buffer, start, end))
        except (SecurityError, FrameError):
            return False
        return key == apdu.NOTIFICATION_CONFIRM << 8 and fields[0] & _INVOKE == self.invoke
