"""Files of any port: the segment files of drivers/filelog.py, and the objects that a start brings along."""

import json
import os


class Folder:
    """The file system below the folder `root`, as drivers/filelog.py wants it."""

    def __init__(self, root: str) -> None:
        self._root = root

    def open(self, path: str, mode: str):
        """Open a file."""
        return open(self._root + path, mode)  # noqa: SIM115 - the log closes it

    def listdir(self, folder: str) -> "list[str]":
        """Return the names in a folder, which is made if it is not there."""
        try:
            return os.listdir(self._root + folder)
        except OSError:
            os.mkdir(self._root + folder)
            return []

    def remove(self, path: str) -> None:
        """Remove a file."""
        os.remove(self._root + path)


def object_in(path: str) -> dict:
    """Return the JSON object in a file. OSError: it cannot be read; ValueError: it is no such object."""
    with open(path) as file:
        found = json.load(file)
    if not isinstance(found, dict):
        raise ValueError("%s: not an object" % path)
    return found
