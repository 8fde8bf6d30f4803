"""Files of any port: segment files, the slots of updates, and the objects that a start brings along."""

import json
import os

from keiki.wire.compat import const

_IS_FOLDER = const(0x4000)
_BLOCK = const(4096)


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


class SlotFiles(Folder):
    """Files and folders below `root`, as meter/update_staging.py wants them."""

    def size(self, path: str) -> int:
        """Return the size of a file in bytes, -1 if there is none."""
        try:
            return os.stat(self._root + path)[6]
        except OSError:
            return -1

    def free(self) -> int:
        """Return how many bytes of the file system are free."""
        found = os.statvfs(self._root)
        return found[0] * found[3]

    def taken(self, path: str, size: int) -> int:
        """Return how many bytes of the file system a file of `size` bytes takes."""
        return -(-size // _BLOCK) * _BLOCK

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, in place of what had that name."""
        os.rename(self._root + old, self._root + new)

    def make(self, folder: str) -> None:
        """Make a folder, and those above it, if they are not there."""
        path = self._root[:-1]
        for step in [""] + folder.split("/"):
            path = path + "/" + step if step else path
            if self.size(path[len(self._root) :]) < 0:
                os.mkdir(path)

    def clear(self, folder: str) -> None:
        """Remove a folder with all that is in it, if it is there."""
        if self.size(folder) < 0:
            return
        for name in os.listdir(self._root + folder):
            path = folder + "/" + name
            if os.stat(self._root + path)[0] & _IS_FOLDER:
                self.clear(path)
            else:
                self.remove(path)
        os.rmdir(self._root + folder)


def object_in(path: str) -> dict:
    """Return the JSON object in a file. OSError: it cannot be read; ValueError: it is no such object."""
    with open(path) as file:
        found = json.load(file)
    if not isinstance(found, dict):
        raise ValueError("%s: not an object" % path)
    return found
