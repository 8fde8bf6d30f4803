"""The folder of updates on the file system of any port: segment files, and what slots need besides."""

import os

from keiki.hal.files import Folder
from keiki.wire.compat import const

_IS_FOLDER = const(0x4000)
_BLOCK = const(4096)


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
