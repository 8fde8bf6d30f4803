"""Which version of the firmware a start runs. It lies beside all versions and no update ever touches it.

The file `select` in the folder of updates is one JSON object, replaced as a whole:
active    the slot that runs, "a" or "b"; "": what the board was flashed with
previous  the slot to go back to
tries     starts of `active` that have failed, or have not been confirmed yet
good      whether `active` has been confirmed by the meter that ran from it
failed    the slot that was given up, until the meter has logged it
"""

import json
import os

TRIES = 3
FLASHED = {"active": "", "previous": "", "tries": 0, "good": True, "failed": ""}


class Files:
    """The files below `folder`."""

    def __init__(self, folder):
        self._folder = folder + "/"

    def open(self, path, mode):
        """Open a file."""
        return open(self._folder + path, mode)

    def rename(self, old, new):
        """Give a file another name, in place of what had that name."""
        os.rename(self._folder + old, self._folder + new)


def _load(files):
    """Return the record; that of a flashed board if there is none, or none that can be."""
    try:
        with files.open("select", "r") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return dict(FLASHED)
    if not isinstance(found, dict) or found.get("active") not in ("", "a", "b"):
        return dict(FLASHED)
    record = dict(FLASHED)
    record.update(found)
    return record


def _save(files, record):
    with files.open("select.new", "w") as file:
        json.dump(record, file)
    files.rename("select.new", "select")


def choose(files):
    """Return the record of this start, its try counted; one slot too often tried has made way."""
    record = _load(files)
    if not record["active"] or (record["good"] and record["tries"] < TRIES):
        return record
    gone = record["tries"] >= TRIES
    if gone:
        record = dict(FLASHED, active=record["previous"], failed=record["active"])
    else:
        record["tries"] += 1
    try:
        _save(files, record)
    except OSError:
        # a try that cannot be counted could be made for ever
        if not gone:
            record = dict(FLASHED, active=record["previous"], failed=record["active"])
    return record


def failed(files):
    """Count that a version which was confirmed has not come up; one on trial is counted already."""
    record = _load(files)
    if record["active"] and record["good"]:
        record["tries"] += 1
        try:
            _save(files, record)
        except OSError:
            pass
