"""A slot of the file system that a bundle is unpacked into as it comes, and what is in it checked.

Nothing but the files says how far it has come: after a power cut their sizes are what they were. So a file is
closed after each piece, and what follows a file begins when that is whole.
"""

import hashlib
from binascii import hexlify

from keiki.wire import rsa_pss
from keiki.wire import update_manifest as manifest
from keiki.wire.compat import const
from keiki.wire.update_manifest import BundleError

ID_SIZE = const(32)
_PIECE = const(512)
_FOLDER = const(8192)  # what a folder takes of littlefs: two blocks
_FILES_FROM = manifest.FIRST


class Staging:
    """The bundle whose manifest has SHA-256 `identity`, in folder `slot` of `files`.

    `files` has open, size (-1: there is none), rename, make (a folder with those above it), clear (remove a
    folder with all in it), free (bytes) and taken (how many a file of some size takes). `reserved` bytes stay
    free. `offset` is how many bytes of the bundle are there; `head` and `total`
    are how long its head and all of it are, 0 while that is not known; `said` is what the manifest says, but
    for the files.
    BundleError: it is none. OSError: the flash refuses.
    """

    def __init__(self, files, slot: str, identity: bytes, reserved: int = 0) -> None:
        self._files = files
        self._reserved = reserved
        self._slot = slot
        self._identity = identity
        self.offset = self.head = self.total = 0
        self.said = {}
        self._file = None  # (path, size, SHA-256) of the file that comes next
        self._left = 0
        self._line_at = 0
        if self._known() != identity:
            files.clear(slot)
            files.make(slot)
            with files.open(self._path("id"), "wb") as file:
                file.write(identity)
        self._find_offset()

    def _path(self, name: str) -> str:
        return self._slot + "/" + name

    def _known(self) -> bytes:
        """Return the identity of what is in the slot, b"" if that is nothing."""
        path = self._path("id")
        if self._files.size(path) != ID_SIZE:
            return b""
        with self._files.open(path, "rb") as file:
            return file.read(ID_SIZE)

    def _find_offset(self) -> None:
        size = max(0, self._files.size(self._path("manifest")))
        self.offset = min(size, manifest.FIRST)
        if size >= manifest.FIRST:
            self._read_first()
            self.offset = min(size, self.head)
            if size >= self.head:
                self._read_manifest()
                self._skip_whole()

    def _skip_whole(self) -> None:
        """Pass over the files that are there already."""
        while self._file is not None:
            path, size, _ = self._file
            found = min(size, max(0, self._files.size(self._path(path))))
            self.offset += found
            self._left = size - found
            if self._left:
                return
            if not size:
                self._write(path, "wb", b"")
            self._next_file()

    def _read_first(self) -> None:
        with self._files.open(self._path("manifest"), "rb") as file:
            self.head = manifest.head_size(file.read(manifest.FIRST))

    def _lines(self, at: int):
        """Yield (offset of what follows, row) for each line of the manifest from `at` on."""
        end = self.head - rsa_pss.SIZE
        with self._files.open(self._path("manifest"), "rb") as file:
            file.seek(at)
            while at < end:
                line = file.readline()
                at += len(line)
                if at > end:
                    raise BundleError("manifest: a line without an end")
                yield at, manifest.parse_line(line)

    def _read_manifest(self) -> None:
        """Know what the manifest says, how long the bundle is, and which file comes first."""
        total = self.head
        needed = 0
        folder = ""
        for _, row in self._lines(_FILES_FROM):
            if row[0] == "file":
                total += row[1]
                path = self._path(row[3])
                files, there = self._files, max(0, self._files.size(path))
                needed += files.taken(path, row[1]) - files.taken(path, there)
                before, folder = folder, path.rpartition("/")[0]
                if folder != before and files.size(folder) < 0:
                    needed += files.taken(folder, _FOLDER)
                if row[3] in ("id", "manifest"):
                    raise BundleError("manifest: a path that cannot be")
            elif row[0] in self.said:
                raise BundleError("manifest: %s twice" % row[0])
            else:
                self.said[row[0]] = row[1]
        if total > manifest.BUNDLE_MAX:
            raise BundleError("longer than this meter takes")
        free = self._files.free() - self._reserved
        if needed > free:
            raise BundleError("no room for it: it takes %d KB, and %d are free" % (needed >> 10, free >> 10))
        self.total = total
        self._line_at = _FILES_FROM
        self._next_file()

    def _next_file(self) -> None:
        self._file = None
        lines = self._lines(self._line_at)
        for at, row in lines:
            if row[0] == "file":
                self._line_at = at
                self._file = row[3], row[1], row[2]
                self._left = row[1]
                break
        lines.close()

    def write(self, data) -> None:
        """Take the next bytes of the bundle; they are on flash when this returns."""
        data = memoryview(data)
        while data:
            if not self.total:
                size = min(len(data), (self.head or manifest.FIRST) - self.offset)
                self._write("manifest", "ab" if self.offset else "wb", data[:size])
                self.offset += size
                if not self.head and self.offset == manifest.FIRST:
                    self._read_first()
                if self.offset == self.head:
                    self._read_manifest()
                    self._skip_whole()
            elif self._file is None:
                raise BundleError("longer than it says")
            else:
                path, whole, _ = self._file
                size = min(len(data), self._left)
                self._write(path, "wb" if self._left == whole else "ab", data[:size])
                self.offset += size
                self._left -= size
                if not self._left:
                    self._next_file()
                    self._skip_empty()
            data = data[size:]

    def _skip_empty(self) -> None:
        while self._file is not None and not self._left:
            self._write(self._file[0], "wb", b"")
            self._next_file()

    def _write(self, name: str, mode: str, data) -> None:
        if mode == "wb" and "/" in name:
            self._files.make(self._path(name.rsplit("/", 1)[0]))
        with self._files.open(self._path(name), mode) as file:
            file.write(data)

    # -- checks: generators that yield now and then, so that a meter goes on measuring --------------------

    def check_head(self, modulus: bytes):
        """BundleError unless the manifest is the one that was announced, and signed by `modulus`."""
        hashed, left = hashlib.sha256(), self.head - rsa_pss.SIZE
        with self._files.open(self._path("manifest"), "rb") as file:
            while left:
                piece = file.read(min(_PIECE, left))
                left -= len(piece)
                hashed.update(piece)
                yield
            signature = file.read(rsa_pss.SIZE)
        digest = hashed.digest()
        if digest != self._identity:
            raise BundleError("not the update that was announced")
        if not (yield from rsa_pss.verify(modulus, signature, digest)):
            raise BundleError("its signature is not by the key of this meter")

    def check_files(self):
        """BundleError unless each file is as long as the manifest says, and has its SHA-256."""
        for _, row in self._lines(_FILES_FROM):
            if row[0] != "file":
                continue
            _, size, digest, path = row
            if self._files.size(self._path(path)) != size:
                raise BundleError("%s is not whole" % path)
            hashed = hashlib.sha256()
            with self._files.open(self._path(path), "rb") as file:
                while True:
                    piece = file.read(_PIECE)
                    if not piece:
                        break
                    hashed.update(piece)
                    yield
            if hashed.digest() != digest:
                raise BundleError("%s is not what was signed (%s)" % (path, hexlify(digest).decode()[:8]))

    def drop(self) -> None:
        """Forget all that is in the slot."""
        self._files.clear(self._slot)
