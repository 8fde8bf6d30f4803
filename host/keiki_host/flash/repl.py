"""A board's files through MicroPython's raw REPL: compared by hash, written beside the old one, then renamed.

The watchdog that a meter has started cannot be stopped: it is fed with every piece that is written, and a
board that the host leaves halfway starts again by itself.
"""

import ast
import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from keiki_host.flash.errors import FlashError
from keiki_host.flash.esptool import NOT_READ_BACK

PIECE = 512
_PRELUDE = """
import os, sys, hashlib, binascii
try:
    import machine
    _w = machine.WDT(timeout=8000)
    fed = _w.feed
except Exception:
    fed = lambda: None
def hashed(name):
    try:
        with open(name, "rb") as f:
            h = hashlib.sha256()
            while True:
                fed()
                b = f.read(1024)
                if not b:
                    return binascii.hexlify(h.digest()).decode()
                h.update(b)
    except OSError:
        return ""
def folder(name):
    try:
        os.mkdir(name)
    except OSError:
        pass
def files(name):
    found = []
    try:
        for entry in os.ilistdir(name):
            fed()
            path = name + "/" + entry[0]
            found += files(path) if entry[1] == 0x4000 else [path]
    except OSError:
        pass
    return found
def begin(name):
    global _f
    _f = open(name + ".new", "wb")
def put(b):
    fed()
    _f.write(b)
def end(name):
    _f.close()
    fed()
    os.rename(name + ".new", name)
"""
_ENOSPC = ("ENOSPC", "OSError: 28")
_GONE = (
    "the board has stopped answering: check the cable, and run this again; it goes on with what is missing"
)


class Repl:
    """A board in its raw REPL; what it ran before has been interrupted."""

    def __init__(self, port: str) -> None:
        try:
            from mpremote.transport_serial import SerialTransport  # noqa: PLC0415 - an extra
        except ImportError:
            raise FlashError("mpremote is not installed: pip install 'keiki-meter[boards]'") from None
        self._port = port
        with self._told("no MicroPython answers here: is it flashed? (--image)"):
            self._line: Any = SerialTransport(port, 115200)
        try:
            with self._told("no MicroPython answers here: is it flashed? (--image)"):
                self._line.enter_raw_repl(soft_reset=False)
            self.run(_PRELUDE)
        except BaseException:
            self._line.close()
            raise

    @contextlib.contextmanager
    def _told(self, otherwise: str) -> Iterator[None]:
        """What fails is one line: the board's own reason if it is full."""
        from mpremote.transport import TransportError  # noqa: PLC0415 - an extra

        try:
            yield
        except (TransportError, OSError) as error:
            full = any(text in str(error) for text in _ENOSPC)
            reason = "the board's file system is full: nothing old was lost" if full else otherwise
            raise FlashError(f"{self._port}: {reason}") from None

    def run(self, text: str) -> str:
        """Run statements; return what they print."""
        with self._told(_GONE):
            printed: bytes = self._line.exec(text)
        return printed.decode(errors="replace")

    def ask(self, expression: str) -> Any:
        """Return the value of an expression that is a literal."""
        try:
            return ast.literal_eval(self.run(f"print(repr({expression}))").strip())
        except (ValueError, SyntaxError):
            raise FlashError(f"{self._port}: what answers is no MicroPython") from None

    def different(self, files: Mapping[str, bytes]) -> list[str]:
        """Return the names of those files that the board does not have as they are."""
        names = list(files)
        shas: list[str] = []
        for at in range(0, len(names), 16):
            shas += self.ask(f"[hashed(n) for n in {names[at : at + 16]!r}]")
        wanted = [hashlib.sha256(data).hexdigest() for data in files.values()]
        return [name for name, sha, want in zip(names, shas, wanted, strict=True) if sha != want]

    def write(self, files: Mapping[str, bytes], progress: Callable[[int], None]) -> None:
        """Write files, each whole or not at all, and read them back. FlashError: one is not there."""
        done = 0
        for name, data in files.items():
            parents = name.split("/")[:-1]
            for depth in range(len(parents)):
                self.run(f"folder({'/'.join(parents[: depth + 1])!r})")
            self.run(f"begin({name!r})")
            for at in range(0, len(data), PIECE):
                self.run(f"put({data[at : at + PIECE]!r})")
                done += len(data[at : at + PIECE])
                progress(done)
            self.run(f"end({name!r})")
        wrong = self.different(files)
        if wrong:
            raise FlashError(f"{wrong[0]}: {NOT_READ_BACK}")

    def remove(self, names: list[str]) -> None:
        """Remove files."""
        for name in names:
            self.run(f"os.remove({name!r})")

    def files(self, folder: str) -> list[str]:
        """Return the paths of all files below a folder."""
        found: list[str] = self.ask(f"files({folder!r})")
        return found

    def restart(self) -> None:
        """Start the board again; one without `machine.reset` stays where it is."""
        with contextlib.suppress(FlashError):
            self._line.exec_raw_no_follow("import machine\nmachine.reset()")

    def close(self) -> None:
        """Let go of the port."""
        self._line.close()
