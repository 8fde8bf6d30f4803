"""Settings on flash: the newest complete copy counts, the one before it stays as the second.

A copy is a u16 length and a JSON object {"v": version, "s": {name: value}}, in one record of a log. Only what
differs from the defaults is stored, so that a new default reaches a meter that never changed it.
"""

import json

from keiki.wire import settings as table

VERSION = 1
# Each entry turns the settings of version index + 1 into those of the next.
MIGRATIONS = ()


class SettingsStore:
    """Loads and saves settings; `dropped` counts copies and values that could not be used."""

    def __init__(self, log, payload_size: int) -> None:
        self._log = log
        self._buffer = bytearray(payload_size)
        self.dropped = 0

    def load(self) -> dict:
        """Return what is stored (perhaps nothing); a broken copy is passed over, a wrong value left out."""
        sequence = self._log.end
        while sequence > self._log.oldest:
            sequence -= 1
            values = self._read(sequence)
            if values is not None:
                return self._usable(values)
            self.dropped += 1
        return {}

    def save(self, values: dict) -> None:
        """Store `values`. OSError if flash refuses; ValueError if they do not fit one record."""
        changed = {}
        for field in table.FIELDS:
            if values[field[0]] != field[2]:
                changed[field[0]] = values[field[0]]
        text = json.dumps({"v": VERSION, "s": changed}).encode()
        buffer = self._buffer
        if len(text) > len(buffer) - 2:
            raise ValueError("settings: %d bytes do not fit %d" % (len(text), len(buffer) - 2))
        for at in range(len(buffer)):
            buffer[at] = 0xFF
        buffer[0] = len(text) & 0xFF
        buffer[1] = len(text) >> 8
        buffer[2 : 2 + len(text)] = text
        self._log.append(buffer)

    def _read(self, sequence: int) -> "dict | None":
        if self._log.read_into(sequence, self._buffer) is False:
            return None
        length = self._buffer[0] | self._buffer[1] << 8
        try:
            stored = json.loads(bytes(self._buffer[2 : 2 + length]))
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
