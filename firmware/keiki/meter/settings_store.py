"""Settings on flash: the newest complete copy counts, the one before it stays as the second.

A copy is a u16 length and a JSON object {"v": version, "s": {name: value}}, in one record of a log. Only what
differs from the defaults is stored, so that a new default reaches a meter that never changed it.
"""

import json
import struct

from keiki.wire import settings as table

VERSION = 1
# Each entry turns the settings of version index + 1 into those of the next.
MIGRATIONS = ()


class SettingsStore:
    """Loads and saves settings; `dropped` counts copies and values that could not be used."""

    def __init__(self, log) -> None:
        self._log = log
        self.dropped = 0

    def load(self) -> dict:
        """Return what is stored (perhaps nothing); a broken copy is passed over, a wrong value left out."""
        buffer = bytearray(self._log.payload_size)
        sequence = self._log.end
        while sequence > self._log.oldest:
            sequence -= 1
            values = self._read(sequence, buffer)
            if values is not None:
                return self._usable(values)
            self.dropped += 1
        return {}

    def save(self, values: dict) -> None:
        """Store `values`. OSError if flash refuses; ValueError if they do not fit one record."""
        changed = {}
        for field in table.fields():
            if values[field[0]] != field[2]:
                changed[field[0]] = values[field[0]]
        text = json.dumps({"v": VERSION, "s": changed}).encode()
        most = self._log.payload_size - 2
        if len(text) > most:
            raise ValueError("settings: %d bytes do not fit %d" % (len(text), most))
        self._log.append(struct.pack("<H", len(text)) + text)

    def _read(self, sequence: int, buffer: bytearray) -> "dict | None":
        if self._log.read_into(sequence, buffer) is False:
            return None
        length = struct.unpack_from("<H", buffer, 0)[0]
        try:
            stored = json.loads(bytes(buffer[2 : 2 + length]))
            version, values = stored["v"], stored["s"]
            for migrate in MIGRATIONS[version - 1 :]:
                values = migrate(values)
            return values if isinstance(values, dict) else None
        except (ValueError, KeyError, TypeError):
            return None

    def _usable(self, values: dict) -> dict:
        usable = {}
        for name, value in values.items():
            try:
                usable[name] = table.check(name, value)
            except table.SettingError:
                self.dropped += 1
        return usable
