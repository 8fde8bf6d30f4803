"""An RP2 board: MicroPython by its boot drive, the meter's code by the REPL into the folder it starts from.

The file system may hold the meter's data as well (folder `log`): nothing is written or removed but the code's
own folder, main.py, selector.py, config.json, and which update runs in place of the code.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keiki_host.board_schema import Board
from keiki_host.flash import app_files, uf2
from keiki_host.flash.errors import FlashError, FlashInputError
from keiki_host.flash.repl import Repl
from keiki_host.flash.shown import Shown

CHIP_WORDS = {"rp2040": "RP2040", "rp2350": "RP2350"}
"""What MicroPython says of its machine."""
SELECTED = "update/select"
"""Which update runs in place of what was flashed."""


@dataclass(frozen=True)
class Plan:
    """All files of a board, the names of those that it does not have, and what is no longer one."""

    files: dict[str, bytes]
    missing: list[str]
    stale: list[str]

    @property
    def new_code(self) -> bool:
        """Whether other code is flashed than before: it is to run, and not an update of what was before."""
        changed = [*self.missing, *self.stale]
        return any(name.startswith(f"{app_files.APP_FOLDER}/") for name in changed)


def plan(repl: Repl, board: Board, settings: dict[str, Any] | None, show: Shown) -> Plan:
    """Look at the board and say what it needs. FlashError: it is not this board."""
    machine = str(repl.ask("sys.implementation._machine"))
    if CHIP_WORDS[board.chip] not in machine:
        raise FlashError(f"{board.name} has an {board.chip}, and this is {machine!r}; nothing was written")
    code = {f"{app_files.APP_FOLDER}/{name}": data for name, data in app_files.code(board).items()}
    files = {**code, **app_files.start_files()}
    if settings:
        files[app_files.SETTINGS] = app_files.settings_text(settings)
    show.step("comparing")
    stale = [name for name in repl.files(app_files.APP_FOLDER) if name not in files]
    return Plan(files, repl.different(files), stale)


def carry_out(repl: Repl, planned: Plan, show: Shown) -> None:
    """Write what is missing, remove what is no longer code, read it back."""
    missing = {name: planned.files[name] for name in planned.missing}
    repl.remove(planned.stale)
    if missing:
        repl.write(missing, show.writing([f"{len(missing)} files"], sum(map(len, missing.values()))))
    if planned.new_code and SELECTED in repl.files(SELECTED.rpartition("/")[0]):
        repl.remove([SELECTED])


def erase_data(repl: Repl, board: Board) -> None:
    """Remove the meter's data. Ask first. FlashInputError: it does not lie where the REPL reaches."""
    folder = data_folder(board)
    repl.remove(repl.files(folder))


def data_folder(board: Board) -> str:
    """Return the folder of the meter's data. FlashInputError: it is on a chip of its own."""
    if board.flash.folder is None:
        raise FlashInputError(
            f"erase-data: {board.name} has its data on a flash chip of its own, which only the meter reaches"
        )
    return board.flash.folder


def boot_drive(port: str | None) -> Path | None:
    """Return the drive that was named, else the only one there is; None: there is none."""
    if port is not None:
        return Path(port) if Path(port).is_dir() else None
    found = uf2.drives()
    if len(found) > 1:
        there = ", ".join(map(str, found))
        raise FlashInputError(f"port: several boards wait for an image: --port one of {there}")
    return found[0] if found else None
