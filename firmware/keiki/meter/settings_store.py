"""Settings on flash: the newest complete copy counts, and there are two, in two blocks (json_log.py).

A copy is {"v": version, "s": {name: value}}. Only what differs from the defaults is stored, so that a new
default reaches a meter that never changed it.
"""

from keiki.meter.json_log import JsonLog
from keiki.wire import settings as table

VERSION = 1
# Each entry turns the settings of version index + 1 into those of the next.
MIGRATIONS = ()


def _migrated(stored: dict) -> dict:
    version, values = stored["v"], stored["s"]
    for migrate in MIGRATIONS[version - 1 :]:
        values = migrate(values)
    if not isinstance(values, dict):
        raise TypeError
    return values


class SettingsStore:
    """Loads and saves settings; `dropped` counts copies and values that could not be used."""

    def __init__(self, log) -> None:
        self._copies = JsonLog(log)
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Copies and values that could not be used."""
        return self._dropped + self._copies.dropped

    def load(self) -> dict:
        """Return what is stored (perhaps nothing); a broken copy is passed over, a wrong value left out."""
        usable = {}
        for name, value in (self._copies.newest(_migrated) or {}).items():
            try:
                usable[name] = table.check(name, value)
            except table.SettingError:
                self._dropped += 1
        return usable

    def save(self, values: dict) -> None:
        """Store `values`. OSError if flash refuses; ValueError if they do not fit one record."""
        changed = {}
        for field in table.fields():
            if values[field[0]] != field[2]:
                changed[field[0]] = values[field[0]]
        self._copies.append({"v": VERSION, "s": changed})
