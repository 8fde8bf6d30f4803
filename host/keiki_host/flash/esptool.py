"""esptool as a program of its own: its licence is not ours, and its exit is all that we depend on.

What it prints is read for three things: the chip, how far it is, and which parts of the flash are as they
should be. What it says of a failure is put into words that say what to do.
"""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from keiki_host.flash.errors import FlashError

_CHIP = re.compile(r"Connected to (ESP32[\w-]*)")
_FLASH = re.compile(r"Detected flash size: +(\d+)(K|M)B")
_AT = re.compile(r"Writing at (0x[0-9a-f]+)")
_VERIFYING = re.compile(r"Verifying 0x[0-9a-f]+ \(\d+\) bytes at (0x[0-9a-f]+) in flash")
_SAME, _DIFFERENT = "Verification successful", "Verification failed ("
_MODULE_MISSING = "No module named esptool"

NOT_READ_BACK = "what was written cannot be read back: run this again; if it stays, the flash is worn"
_FAILURES = (
    # of what esptool says, what we say
    (_MODULE_MISSING, "esptool is not installed: pip install 'keiki-meter[boards]'"),
    ("No serial data received", "no answer from the chip: hold BOOT, press RESET, and run this again"),
    ("Wrong boot mode", "the chip is not in its boot loader: hold BOOT, press RESET, and run this again"),
    ("Failed to connect", "no answer from the chip: hold BOOT, press RESET, and run this again"),
    ("Could not open", "the port cannot be opened: is the cable in, and has no other program the port?"),
    ("Could not exclusively lock", "another program has the port: end it, and run this again"),
    ("MD5 of file does not match", NOT_READ_BACK),
)  # fmt: skip
_GONE = (
    "the board has stopped answering: check the cable, and run this again; it goes on with what is missing"
)


@dataclass(frozen=True)
class Part:
    """Bytes and where they go in the flash."""

    name: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Connected:
    """What answers: the chip by esptool's short name, and its flash."""

    chip: str
    flash_bytes: int


class EspTool:
    """A board's boot loader behind a port: a path, or socket://host:port."""

    def __init__(self, port: str, *, baud: int = 460800, stub: bool = True) -> None:
        self._port = port
        self._options = ["--port", port, "--baud", str(baud), *([] if stub else ["--no-stub"])]

    def connect(self) -> Connected:
        """Ask what is there. FlashError: nothing answers."""
        said = self._run(["flash-id"])
        chip, flash = _CHIP.search(said), _FLASH.search(said)
        if chip is None or flash is None:
            raise FlashError(f"{self._port}: esptool does not say which chip and flash this is")
        unit = {"K": 1 << 10, "M": 1 << 20}[flash[2]]
        return Connected(chip[1].lower().replace("-", ""), int(flash[1]) * unit)

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes of the flash."""
        with tempfile.TemporaryDirectory(prefix="keiki-flash-") as folder:
            path = Path(folder) / "read.bin"
            self._run(["read-flash", hex(offset), hex(size), str(path)])
            return path.read_bytes()

    def different(self, parts: Sequence[Part], *, last: bool = False) -> list[Part]:
        """Return those parts that the flash does not have, by their MD5 as the chip works it out.

        `last`: the chip runs what it has afterwards.
        """
        with _files(parts) as arguments:
            said = self._run(
                ["verify-flash", *arguments], may_differ=True, after="hard-reset" if last else "no-reset"
            )
        wrong: set[int] = set()
        right: set[int] = set()
        at = -1
        for line in said.splitlines():
            if found := _VERIFYING.search(line):
                at = int(found[1], 16)
            elif _SAME in line:
                right.add(at)
            elif _DIFFERENT in line:
                wrong.add(at)
        if right | wrong != {part.offset for part in parts}:
            raise FlashError(f"{self._port}: {_reason(said)}")
        return [part for part in parts if part.offset in wrong]

    def write(self, parts: Sequence[Part], progress: Callable[[int], None]) -> None:
        """Write parts; `progress` is called with the number of bytes done of all."""
        base = {part.offset: sum(len(other.data) for other in parts[:at]) for at, part in enumerate(parts)}

        def hear(line: str) -> None:
            if found := _AT.search(line):
                at = int(found[1], 16)
                for part in parts:
                    if part.offset <= at <= part.offset + len(part.data):
                        progress(base[part.offset] + at - part.offset)
                        return

        with _files(parts) as arguments:
            self._run(["write-flash", "--flash-size", "keep", *arguments], hear=hear)

    def leave(self) -> None:
        """Have the chip run what it has; one that is gone needs nothing."""
        with contextlib.suppress(FlashError):
            self._run(["read-mac"], after="hard-reset")

    def _run(
        self,
        arguments: Sequence[str],
        *,
        hear: Callable[[str], None] = lambda _line: None,
        may_differ: bool = False,
        after: str = "no-reset",
    ) -> str:
        command = [sys.executable, "-m", "esptool", *self._options, "--after", after, *arguments]
        said: list[str] = []
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as tool:
            assert tool.stdout is not None
            output = tool.stdout.fileno()
            try:
                for line in _lines(iter(lambda: os.read(output, 4096), b"")):
                    said.append(line)
                    hear(line)
            except BaseException:
                tool.terminate()
                raise
        text = "\n".join(said)
        if tool.returncode and not (may_differ and _DIFFERENT in text):
            raise FlashError(f"{self._port}: {_reason(text)}")
        return text


def _lines(chunks: Iterable[bytes]) -> Iterable[str]:
    """Lines of a program that writes its progress over itself."""
    kept = b""
    for chunk in chunks:
        *lines, kept = (kept + chunk).replace(b"\r", b"\n").split(b"\n")
        yield from (line.decode(errors="replace") for line in lines if line)
    if kept:
        yield kept.decode(errors="replace")


def _reason(said: str) -> str:
    for text, reason in _FAILURES:
        if text in said:
            return reason
    return _GONE


@contextlib.contextmanager
def _files(parts: Sequence[Part]) -> Iterator[list[str]]:
    """Parts as files in a folder that only we can read, as esptool's arguments."""
    with tempfile.TemporaryDirectory(prefix="keiki-flash-") as folder:
        arguments = []
        for part in parts:
            path = Path(folder) / f"{part.offset:x}.bin"
            path.write_bytes(part.data)
            arguments += [hex(part.offset), str(path)]
        yield arguments
