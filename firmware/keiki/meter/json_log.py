"""JSON objects on a log of fixed records: the newest complete one counts, and lies in two blocks.

A record is a u16 length, little-endian, and the text; the highest bit of the length tells a copy. Blocks are
filled up with copies until the newest one begins with one: whatever block is lost, the object is not.
"""

import json
import struct

from keiki.wire.compat import const

_COPY = const(0x8000)


class JsonLog:
    """`dropped` counts records that could not be used."""

    def __init__(self, log) -> None:
        self._log = log
        self.dropped = 0

    def append(self, value: dict) -> None:
        """Keep an object. OSError: flash refuses; ValueError: it does not fit a record."""
        text = json.dumps(value, separators=(",", ":")).encode()
        most = self._log.payload_size - 2
        if len(text) > most:
            raise ValueError("%d bytes do not fit %d" % (len(text), most))
        self._keep(text)

    def _keep(self, text: bytes) -> None:
        log = self._log
        before = log.append(struct.pack("<H", len(text)) + text)
        copy = struct.pack("<H", len(text) | _COPY) + text
        try:
            for _ in range(3 * log.slots):  # a slot may be given up now and then
                now = log.append(copy)
                if log.room == log.slots - 1 and now == before + 1:
                    return
                before = now
        except OSError:
            pass  # it is kept, in one block; the next start tries again

    def _keep_again(self, text: bytes) -> None:
        try:
            self._keep(text)
        except OSError:
            pass

    def newest(self, usable):
        """Return `usable(object)` of the newest record for which that is not None; None if there is none.

        `usable` may raise KeyError, TypeError and ValueError for what it does not understand. An object whose
        second copy a power cut has prevented, or that has lost it, gets another.
        """
        log = self._log
        buffer = bytearray(log.payload_size)
        sequence, passed = log.end, False
        while sequence > log.oldest:
            sequence -= 1
            if log.read_into(sequence, buffer):
                length = struct.unpack_from("<H", buffer, 0)[0]
                text = bytes(buffer[2 : 2 + (length & ~_COPY)])
                try:
                    found = usable(json.loads(text))
                except (KeyError, TypeError, ValueError):
                    found = None
                if found is not None:
                    # the last copy is the first of its block; what it is a copy of lies in the one before
                    alone = not length & _COPY or log.room != log.slots - 1 or sequence == log.oldest
                    # what this firmware does not understand stays the newest: another one may
                    if not passed and (alone or sequence != log.end - 1):
                        self._keep_again(text)
                    return found
                passed = True
            self.dropped += 1
        return None
