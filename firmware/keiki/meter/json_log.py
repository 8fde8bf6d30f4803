"""JSON objects on a log of fixed records: the newest complete one counts, those before it are copies.

A record is a u16 length, little-endian, and the text.
"""

import json
import struct


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
        self._log.append(struct.pack("<H", len(text)) + text)

    def newest(self, usable):
        """Return `usable(object)` of the newest record for which that is not None; None if there is none.

        `usable` may raise KeyError, TypeError and ValueError for what it does not understand.
        """
        log = self._log
        buffer = bytearray(log.payload_size)
        sequence = log.end
        while sequence > log.oldest:
            sequence -= 1
            if log.read_into(sequence, buffer):
                length = struct.unpack_from("<H", buffer, 0)[0]
                try:
                    found = usable(json.loads(bytes(buffer[2 : 2 + length])))
                except (KeyError, TypeError, ValueError):
                    found = None
                if found is not None:
                    return found
            self.dropped += 1
        return None
