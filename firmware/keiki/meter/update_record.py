"""Which version runs, as firmware/selector.py keeps it; what the meter writes there, and logs of it."""

import json

from keiki.wire.compat import const

TRIES = const(3)  # as in the selector

# sources of eventlog.UPDATE
BEGUN = const(0)
INSTALLED = const(1)
CONFIRMED = const(2)
RETURNED = const(3)
TURNED_DOWN = const(4)

# states of an update.Update
IDLE = const(0)
RECEIVING = const(1)
CHECKING = const(2)  # the head, and then it is RECEIVING again; or all of it
VERIFIED = const(3)
REFUSED = const(4)
ACTIVATED = const(5)

_FILE = const("select")
_NEW = const("select.new")


def number_of(version: str) -> int:
    """Return a version as one number, as events have it: 1002003 for "1.2.3"."""
    number = 0
    for part in version.split("."):
        number = 1000 * number + int(part)
    return number


def load(files) -> dict:
    """Return the record: active, previous, tries, good, failed. `files` None: a board without slots."""
    record = {"active": "", "previous": "", "tries": 0, "good": True, "failed": ""}
    if files is None or files.size(_FILE) < 0:
        return record
    try:
        with files.open(_FILE, "r") as file:
            found = json.load(file)
        if found["active"] in ("", "a", "b"):
            record.update(found)
    except (OSError, ValueError, KeyError, TypeError):
        pass  # the selector takes it for that of a flashed board too
    return record


def save(files, record: dict) -> None:
    """Replace the record as a whole. OSError: it stays as it was."""
    with files.open(_NEW, "w") as file:
        json.dump(record, file)
    files.rename(_NEW, _FILE)


def slot_for_next(record: dict) -> str:
    """Return the slot that the next update goes to."""
    return "b" if record["active"] == "a" else "a"
