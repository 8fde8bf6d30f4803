"""What is on the flash of an emulated board, read by the firmware's own code on this host."""

from collections.abc import Iterator
from typing import Any

from keiki.meter.store import Store
from keiki.wire import record
from littlefs import LittleFS

from tests.ontarget.emulated import EmulatedBoard

Records = dict[tuple[str, int], bytes]


class _Mounted:
    """A file system as drivers/filelog.py wants it."""

    def __init__(self, disk: LittleFS) -> None:
        self._disk = disk

    def open(self, path: str, mode: str) -> Any:
        return self._disk.open(path, mode)

    def listdir(self, folder: str) -> list[str]:
        try:
            return list(self._disk.listdir(folder))
        except FileNotFoundError:
            self._disk.mkdir(folder)
            return []

    def remove(self, path: str) -> None:
        self._disk.remove(path)


def committed(board: EmulatedBoard, plan: dict[str, Any]) -> Records:
    """Return each record of each log, by the log's name and its sequence."""
    store = Store(_Mounted(board.read_disk()), plan)
    return dict(_records(store))


def _records(store: Store) -> Iterator[tuple[tuple[str, int], bytes]]:
    names = ("checkpoints", "half_hours", "minutes", "events", "settings", "counters", "state")
    for name in names:
        log = getattr(store, name)
        buffer = bytearray(log.payload_size)
        for sequence in range(log.oldest, log.end):
            if log.read_into(sequence, buffer):
                yield (name, sequence), bytes(buffer)


def registers(found: Records) -> tuple[int, int]:
    """Return the newest register snapshot among checkpoints and half-hours: (UTC s, import)."""
    rows = [record.unpack(data) for (name, _), data in found.items() if name in ("checkpoints", "half_hours")]
    return max(((row[0], row[2]) for row in rows), default=(0, 0))
