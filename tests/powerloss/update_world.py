"""A file system, a meter and somebody who updates it, with the power going at any moment of it."""

import asyncio
import hashlib
from collections.abc import Coroutine
from functools import cache
from types import SimpleNamespace
from typing import Any, Self

import selector
from cryptography.hazmat.primitives.asymmetric import rsa
from keiki.meter import update, update_record
from keiki.meter.updates import Updates
from keiki.wire.update_manifest import BundleError
from keiki_host.update import bundle, keys
from keiki_host.update.bundle import Bundle, Identity

BLOCK = 64
RESTARTED = 99
NO_GARBAGE = SimpleNamespace(
    collect=lambda: None
)  # here it would go through all that pytest holds, each time


class PowerCutError(Exception):
    """The power goes."""


class Disk:
    """Files (path -> contents) that survive. After `budget` changes more the power goes (None: never).

    `torn`: a write that is cut off leaves half of its data; else nothing of it.
    """

    def __init__(self, torn: bool) -> None:
        self.files: dict[str, bytes] = {}
        self.torn = torn
        self.budget: int | None = None
        self.changes = 0
        self.full = False
        self.room = 1 << 20

    def change(self) -> None:
        """Count a change of the disk."""
        if self.budget is not None:
            if self.budget == 0:
                raise PowerCutError
            self.budget -= 1
        self.changes += 1

    def open(self, path: str, mode: str) -> "_File":
        """As the file system of a board."""
        if mode[0] == "r" and path not in self.files:
            raise OSError(2, path)
        return _File(self, path, mode)

    def size(self, path: str) -> int:
        """As hal.Folder."""
        below = any(name.startswith(f"{path}/") for name in self.files)
        return len(self.files[path]) if path in self.files else 0 if below else -1

    def free(self) -> int:
        """As hal.SlotFiles."""
        return self.room - sum(len(data) for data in self.files.values())

    def taken(self, _path: str, size: int) -> int:
        """As hal.SlotFiles."""
        return size

    def rename(self, old: str, new: str) -> None:
        """As hal.Folder."""
        self.change()
        self.files[new] = self.files.pop(old)

    def make(self, folder: str) -> None:
        """As hal.Folder; folders come with their files here."""

    def clear(self, folder: str) -> None:
        """As hal.Folder: one after the other, and in no good order."""
        for path in sorted(self.files, reverse=True):
            if path.startswith(f"{folder}/"):
                self.change()
                del self.files[path]


class _File:
    """An open file: what is written is there when it is closed, or half of it when the power goes."""

    def __init__(self, disk: Disk, path: str, mode: str) -> None:
        self._disk, self._path, self._mode = disk, path, mode
        self._data = b"" if mode[0] == "w" else disk.files.get(path, b"")
        self._at = 0
        self._text = "b" not in mode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._mode[0] == "r" or kind is not None:
            return
        if self._disk.full:
            raise OSError(28, "no space")
        try:
            self._disk.change()
        except PowerCutError:
            if self._disk.torn:
                old = self._disk.files.get(self._path, b"")
                size = len(old) if self._mode[0] == "a" else 0
                self._disk.files[self._path] = self._data[: (size + len(self._data)) // 2]
            raise
        self._disk.files[self._path] = self._data

    def write(self, data: Any) -> None:
        """Add to the end."""
        self._data += data.encode() if isinstance(data, str) else bytes(data)

    def read(self, size: int = -1) -> Any:
        """Read on."""
        found = self._data[self._at :] if size < 0 else self._data[self._at : self._at + size]
        self._at += len(found)
        return found.decode() if self._text else found

    def readline(self) -> bytes:
        """Read up to the end of the line."""
        end = self._data.find(b"\n", self._at) + 1 or len(self._data)
        found, self._at = self._data[self._at : end], end
        return found

    def seek(self, at: int) -> None:
        """Read from there on."""
        self._at = at


@cache
def signer(number: int) -> rsa.RSAPrivateKey:
    """A key for all tests; others by their number."""
    return rsa.generate_private_key(65537, 3072)


def bundle_of(version: str, board: str = "unix", by: int = 0, **more: Any) -> Bundle:
    """A small update; its files say which version they are of."""
    files = {
        "main.mpy": b"main of %s" % version.encode(),
        "keiki/__init__.mpy": b"",
        "keiki/meter/app.mpy": hashlib.sha256(version.encode()).digest() * 40,
        "keiki/wire/slots.mpy": b"slots" * 20,
    }
    return bundle.read(bundle.make(Identity(board, version, **more), files, signer(by)))


class Events:
    """Hears what is logged."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def add(self, _kind: int, source: int = 0, *_: int, **__: int) -> bool:
        """As EventLog."""
        self.heard.append(source)
        return True

    announce = add


class Meter:
    """What survives of a meter, and its starts. `reserved`: what its logs may still take."""

    def __init__(self, torn: bool = True) -> None:
        self.disk = Disk(torn)
        self.reserved = 0
        self.store = self
        self.events = Events()
        self.flashed = "0.1.0"
        self.update: Any = None
        self.updates: Any = Updates(None, "unix", (1, 28, 0))
        self.disk.files[update.KEY_FILE] = keys.modulus_of(signer(0).public_key())

    def boot(self) -> str:
        """Start what the selector chooses; its version. Each file of it must be as it was signed."""
        select: Any = selector
        record = select.choose(self.disk)
        self.update = None
        slot = record["active"]
        version = self.version_in(slot)
        module: Any = update
        module.VERSION = version
        module.gc = NO_GARBAGE
        self.update = module.Update(self, self.disk, "unix", (1, 28, 0))
        return version

    def to_grow(self) -> int:
        """As Store."""
        return self.reserved

    def restart(self) -> None:
        """Start anew."""
        self.events.heard.append(RESTARTED)

    def version_in(self, slot: str) -> str:
        """Which version a slot holds, whole."""
        if not slot:
            return self.flashed
        version = self.disk.files[f"{slot}/main.mpy"].decode().removeprefix("main of ")
        app = self.disk.files[f"{slot}/keiki/meter/app.mpy"]
        assert app == hashlib.sha256(version.encode()).digest() * 40, f"{version} is not whole"
        assert self.disk.files[f"{slot}/keiki/__init__.mpy"] == b""
        assert self.disk.files[f"{slot}/keiki/wire/slots.mpy"] == b"slots" * 20
        return version

    def confirm(self) -> None:
        """The version that runs is found good."""
        record: Any = update_record
        record.save(self.disk, {**record.load(self.disk), "good": True, "tries": 0})

    async def give(self, wanted: Bundle, older: bool = False) -> bool:
        """Give it an update, from where it stands to its activation; False: refused."""
        taker = self.update
        try:
            taker.begin(wanted.id, len(wanted.data), older)
            await taker.settled()
            while taker.state == update.RECEIVING and taker.offset < len(wanted.data):
                at = taker.offset
                taker.write(at, wanted.data[at : at + BLOCK])
                await taker.settled()
            if taker.state == update.RECEIVING:
                taker.verify()
                await taker.settled()
            if taker.state == update.REFUSED:
                return False
            taker.activate()
        except BundleError as error:
            taker.reason = str(error)
            return False
        return True


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run it where asyncio has what MicroPython's has; time need not pass."""
    stepping: Any = asyncio
    stepping.sleep_ms = lambda _ms: asyncio.sleep(0)
    try:
        return asyncio.run(work)
    finally:
        del stepping.sleep_ms
