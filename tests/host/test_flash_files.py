"""What keiki flash gives a board: its code fits, and MicroPython reads the file system that it is given."""

import json
import subprocess
from pathlib import Path

import pytest
from keiki_host import board_data, romfs
from keiki_host.flash import app_files, partition_table
from keiki_host.flash.errors import FlashError

SIZE = 0xC0000
MOUNT = """
import sys, vfs
class Blocks:
    def __init__(self):
        self.data = bytearray(b'\\xff' * %d)
        with open(sys.argv[1], 'rb') as file:
            file.readinto(self.data)
    def readblocks(self, block, buffer, offset=0):
        at = block * 4096 + offset
        buffer[:] = self.data[at:at + len(buffer)]
    def writeblocks(self, block, buffer, offset=0):
        at = block * 4096 + offset
        self.data[at:at + len(buffer)] = buffer
    def ioctl(self, op, arg):
        return {4: %d, 5: 4096, 6: 0}.get(op)
vfs.mount(Blocks(), '/x')
with open('/x/main.py') as file:
    print(file.readline())
with open('/x/new', 'w') as file:
    file.write('can be written')
""" % (SIZE, SIZE // 4096)


WATCHDOG = """
class WDT:
    def __init__(self, timeout):
        with open("watchdog", "w") as file:
            file.write(str(timeout))
"""
ROM = """
import sys, vfs
def load():
    with open("romfs", "rb") as file:
        return file.read()
class Board:  # what the vfs module of a board has more
    mount, umount, VfsRom, whole = vfs.mount, vfs.umount, vfs.VfsRom, load()
    rom_ioctl = staticmethod(lambda op, part: Board.whole if (op, part) == (2, 0) else -22)
sys.modules["vfs"] = Board
vfs.mount(vfs.VfsRom(Board.whole), "/rom")
sys.path.append("/rom")
with open("main.py") as file:
    exec(file.read())
"""


def test_an_esp32s_code_is_its_ports_and_fits_its_partition() -> None:
    board = board_data.load("esp32_c3_bl0942")
    files = app_files.code(board)
    hals = {name.split("/")[2].split("_")[0] for name in files if name.startswith("keiki/hal/")}
    assert not hals & {"unix.mpy", "unix", "rp2.mpy", "rp2"}
    assert "main.mpy" not in files, "a main.py that imports main would import itself"
    assert {"board.mpy", "keiki_main.mpy", "keiki/core.mpy"} <= set(files)
    assert len(romfs.build(files)) < board.rom_bytes == 0x40000


def test_micropython_mounts_the_file_system_and_writes_to_it(micropython: str, tmp_path: Path) -> None:
    (tmp_path / "vfs.img").write_bytes(app_files.littlefs_image(app_files.start_files(), SIZE))
    (tmp_path / "mount.py").write_text(MOUNT)
    done = subprocess.run(
        [micropython, "mount.py", "vfs.img"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith('"""main.py of a board: ')


def test_a_configuration_that_does_not_fit_is_told() -> None:
    with pytest.raises(FlashError, match="it does not fit the 32 KiB of the partition"):
        app_files.littlefs_image({"config.json": bytes(40_000)}, 0x8000)


def test_a_partition_table_reads_back_and_no_damage_goes_unseen() -> None:
    rows = [
        partition_table.row("nvs", "data", "nvs", 0x9000, 0x6000),
        partition_table.row("k", "data", 64, 0, 1),
    ]
    table = partition_table.encode(rows)
    assert partition_table.decode(table) == rows and len(table) == partition_table.SIZE
    for at in range(partition_table.ROW_SIZE * 3):
        broken = bytearray(table)
        broken[at] ^= 1
        assert partition_table.decode(bytes(broken)) is None
    assert partition_table.decode(b"\xff" * partition_table.SIZE) is None
    assert partition_table.decode(b"") is None


def test_a_board_starts_the_slot_that_was_selected_and_goes_back_from_a_broken_one(
    micropython: str, tmp_path: Path
) -> None:
    for name, data in app_files.start_files().items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "machine.py").write_text(WATCHDOG)
    for folder, text in (("app", "print('flashed')"), ("update/a", "print('a')"), ("update/b", "1 // 0")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "keiki_main.py").write_text(text)

    def start() -> tuple[str, int]:
        done = subprocess.run(
            [micropython, "main.py"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return done.stdout.strip(), done.returncode

    def select(**record: object) -> None:
        (tmp_path / "update" / "select").write_text(json.dumps({"previous": "", "tries": 0, **record}))

    assert start() == ("flashed", 0)
    select(active="a", good=True)
    assert start() == ("a", 0)
    select(active="b", previous="a", good=True)
    assert [start() for _ in range(4)] == [("", 1), ("", 1), ("", 1), ("a", 0)]
    assert (tmp_path / "watchdog").read_text() == "8000"


def test_a_board_runs_a_version_from_its_third_of_the_partition(micropython: str, tmp_path: Path) -> None:
    for name, data in app_files.start_files().items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "boot.py").write_text(ROM)
    (tmp_path / "machine.py").write_text(WATCHDOG)
    for slot in "ab":
        (tmp_path / "update" / slot).mkdir(parents=True)
        (tmp_path / "update" / slot / "rom.img").write_text("4096")

    def part(says: str, built: str = "") -> bytes:
        files = {"keiki_main.py": f"print({says!r})".encode(), app_files.BUILT: built.encode()}
        return romfs.build(files).ljust(4096, b"\xff")

    def flash(built: str) -> None:
        (tmp_path / "romfs").write_bytes(part("flashed", built) + part("a") + b"no image".ljust(4096))

    def start() -> tuple[str, int]:
        done = subprocess.run(
            [micropython, "boot.py"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return done.stdout.strip(), done.returncode

    def select(**record: object) -> None:
        (tmp_path / "update" / "select").write_text(json.dumps({"previous": "", "tries": 0, **record}))

    flash("1")
    assert start() == ("flashed", 0)
    select(active="a", good=True)
    assert start() == ("a", 0)
    select(active="b", previous="a", good=True)
    assert [start() for _ in range(4)] == [("", 1), ("", 1), ("", 1), ("a", 0)]
    # a version on trial that ends, as one does that finds the settings wrong, has failed
    select(active="a", good=False)
    assert [start() for _ in range(4)] == [("a", 1), ("a", 1), ("a", 1), ("flashed", 0)]
    # what is flashed after an update runs, and updates go on from there
    select(active="a", good=True)
    flash("2")
    assert start() == ("flashed", 0) and not (tmp_path / "update" / "select").exists()
    select(active="a", good=True)
    assert start() == ("a", 0)
