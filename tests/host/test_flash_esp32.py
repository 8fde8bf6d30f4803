"""keiki flash and an ESP32: esptool talks to the chip's boot loader; the meter's data is never touched."""

import json
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from keiki_host import board_data, cli
from keiki_host.flash import app_files, partition_table

from tests.host import esp_rom
from tests.host.esp_rom import Rom

BOARD = "esp32_devkit_atm90e32"
DATA = board_data.load(BOARD).partition("keiki")
ROMFS = board_data.load(BOARD).partition("romfs")
VFS = board_data.load(BOARD).partition("vfs")
CODE = {"keiki_main.mpy": b"code" * 500, "keiki/core.mpy": random.Random(1).randbytes(3000)}
CONFIG = 'serial = "KEIKI7654321"\nroute_b_password = "SECRET567890"\n'

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _small_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling the firmware has tests of its own."""
    monkeypatch.setattr(app_files, "code", lambda board, version=None: CODE)


@pytest.fixture
def chip() -> Iterator[Rom]:
    """An ESP32 whose data region has a meter's data."""
    with esp_rom.rom("esp32") as running:
        running.flash.data[DATA.offset : DATA.offset + DATA.size] = random.Random(7).randbytes(DATA.size)
        yield running


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """`keiki flash ...`: exit code, standard output, standard error."""
    (tmp_path / "micropython.bin").write_bytes(esp_rom.image("esp32"))
    (tmp_path / "meter.toml").write_text(CONFIG)
    # esptool waits for a chip that is gone as long as one may take to start: no chip here takes any time
    (tmp_path / "esptool.cfg").write_text("[esptool]\nconnect_attempts = 1\nwrite_block_attempts = 1\n")
    monkeypatch.chdir(tmp_path)

    def flash(*arguments: str, board: str = BOARD) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["keiki", "flash", board, "--no-stub", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return flash


def data_of(chip: Rom) -> bytes:
    return bytes(chip.flash.data[DATA.offset : DATA.offset + DATA.size])


def files_of(chip: Rom) -> dict[str, bytes]:
    return app_files.littlefs_files(bytes(chip.flash.data[VFS.offset : VFS.offset + VFS.size]))


def parts(out: str) -> dict[str, bool]:
    """Name of each part: whether it was written."""
    return {part["name"]: part["written"] for part in json.loads(out)["parts"]}


def last_line(text: str) -> str:
    return text.splitlines()[-1]


def test_a_bare_board_gets_everything_and_keeps_the_meters_data(chip: Rom, run: Run) -> None:
    before = data_of(chip)
    code, out, _ = run("--port", chip.url, "--image", "micropython.bin", "--config", "meter.toml", "--json")
    assert code == 0 and all(parts(out).values()) and len(parts(out)) == 5
    flash = chip.flash.data
    whole = esp_rom.image("esp32")
    assert flash[0x1000:0x2000] == whole[:0x1000]
    assert flash[0x10000 : 0x1000 + len(whole)] == whole[0xF000:]
    table = partition_table.decode(bytes(flash[0x8000:0x8C00]))
    assert table is not None and partition_table.Row("romfs", 1, 0x8F, ROMFS.offset, ROMFS.size) in table
    rom = app_files.rom(board_data.load(BOARD))
    assert flash[ROMFS.offset : ROMFS.offset + len(rom)] == rom
    files = files_of(chip)
    assert json.loads(files.pop("config.json")) == {
        "serial": "KEIKI7654321",
        "route_b_password": "SECRET567890",
    }
    assert files == app_files.start_files()
    assert data_of(chip) == before


def test_only_what_changed_is_written(chip: Rom, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = ("--port", chip.url, "--image", "micropython.bin", "--json")
    assert run(*everything)[0] == 0
    written = chip.flash.blocks
    code, out, _ = run(*everything)
    assert code == 0 and not any(parts(out).values()) and chip.flash.blocks == written
    monkeypatch.setattr(app_files, "code", lambda board, version=None: {**CODE, "keiki/core.mpy": b"newer"})
    code, out, _ = run("--port", chip.url, "--json")
    assert code == 0 and parts(out) == {"partition table": False, "the meter's code": True}


def test_another_configuration_leaves_the_wifi_and_updates_of_a_board(chip: Rom, run: Run) -> None:
    assert run("--port", chip.url, "--image", "micropython.bin")[0] == 0
    kept = {"wifi.json": b"{}", "update/key": b"k" * 384, "update/a/rom.img": b"9", "update/a/id": b"i"}
    held = app_files.littlefs_image({**kept, "config.json": b"of before", "main.py": b"old"}, VFS.size)
    chip.flash.data[VFS.offset : VFS.offset + VFS.size] = held.ljust(VFS.size, b"\xff")
    code, out, _ = run("--port", chip.url, "--config", "meter.toml", "--json")
    assert code == 0 and [name for name, written in parts(out).items() if written] == ["configuration"]
    files = files_of(chip)
    assert {name: files.get(name) for name in kept} == kept and b"KEIKI7654321" in files["config.json"]
    assert files["main.py"] == app_files.start_files()["main.py"]


def test_a_dry_run_writes_nothing(chip: Rom, run: Run) -> None:
    before = bytes(chip.flash.data)
    code, out, _ = run("--port", chip.url, "--image", "micropython.bin", "--dry-run")
    assert code == 0 and out.count("to be written") == 5 and "untouched" in out
    assert bytes(chip.flash.data) == before


def test_another_chip_is_refused_before_anything_is_written(run: Run) -> None:
    with esp_rom.rom("esp32s3") as chip:
        before = bytes(chip.flash.data)
        code, _, err = run("--port", chip.url, "--image", "micropython.bin")
        assert code == 1
        assert last_line(err) == f"keiki: {BOARD} has an esp32, and this is an esp32s3; nothing was written"
        assert bytes(chip.flash.data) == before


def test_a_flash_that_does_not_take_it_fails(chip: Rom, run: Run) -> None:
    chip.flash.spoil = {ROMFS.offset + 100}
    before = data_of(chip)
    code, _, err = run("--port", chip.url, "--image", "micropython.bin")
    assert code == 1 and "what was written cannot be read back" in last_line(err)
    assert data_of(chip) == before


def test_what_is_lost_between_writing_and_verifying_fails(chip: Rom, run: Run) -> None:
    chip.flash.fade = {VFS.offset + 20}
    code, _, err = run("--port", chip.url, "--image", "micropython.bin")
    assert code == 1 and last_line(err).startswith(
        "keiki: configuration: what was written cannot be read back"
    )


def test_a_cable_pulled_in_the_middle_loses_nothing_and_the_next_run_goes_on(chip: Rom, run: Run) -> None:
    before = data_of(chip)
    chip.flash.pull = 25
    code, _, err = run("--port", chip.url, "--image", "micropython.bin")
    assert code == 1 and "stopped answering: check the cable, and run this again" in last_line(err)
    chip.flash.pull = None
    code, out, _ = run("--port", chip.url, "--image", "micropython.bin", "--json")
    assert code == 0 and 0 < sum(parts(out).values()) < 5
    assert data_of(chip) == before


def test_data_is_erased_only_when_the_boards_name_is_typed(
    chip: Rom, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = bytes(chip.flash.data)
    (tmp_path / "typed").write_text("yes\n")
    with (tmp_path / "typed").open() as lines:
        monkeypatch.setattr(sys, "stdin", lines)
        code, _, err = run("--port", chip.url, "--image", "micropython.bin", "--erase-data")
    assert code == 1 and last_line(err).endswith("nothing was erased or written: it was not confirmed")
    assert bytes(chip.flash.data) == before
    (tmp_path / "typed").write_text(BOARD + "\n")
    with (tmp_path / "typed").open() as lines:
        monkeypatch.setattr(sys, "stdin", lines)
        code, out, _ = run("--port", chip.url, "--image", "micropython.bin", "--erase-data")
    assert code == 0 and out.endswith("the meter's data: erased\n")
    assert data_of(chip) == b"\xff" * DATA.size


def test_a_layout_that_would_lose_the_meters_data_is_refused(chip: Rom, run: Run) -> None:
    moved = [partition_table.Row("keiki", 1, 0x40, 0x300000, 0x80000)]
    chip.flash.data[0x8000:0x8C00] = partition_table.encode(moved)
    before = bytes(chip.flash.data)
    code, _, err = run("--port", chip.url, "--image", "micropython.bin")
    assert code == 1 and "a meter's data elsewhere (512 KiB at 0x300000), which would be lost" in err
    assert bytes(chip.flash.data) == before


def test_a_bare_board_needs_an_image(chip: Rom, run: Run) -> None:
    code, _, err = run("--port", chip.url)
    assert (code, last_line(err)) == (2, "keiki: image: this board has no MicroPython yet: --image FILE")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--port", "/dev/ttyNONE"],
            "/dev/ttyNONE: there is no such port: is the cable in?",
        ),
        (["--port", "/dev/null"], "/dev/null: not a serial port"),
        (["--image", "/no/such.bin"], "image: /no/such.bin: No such file or directory"),
        (["--config", "broken.toml"], "config: broken.toml: Expected '=' after a key"),
        (["--config", "wrong.toml"], "config: digits: not a whole number"),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(
    arguments: list[str], said: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "broken.toml").write_text("digits 6\n")
    (tmp_path / "wrong.toml").write_text('digits = "six"\n')
    code, _, err = run(*arguments)
    assert code == 2 and err.count("\n") == 1 and err.startswith(f"keiki: {said}")


def test_an_unknown_board_is_told_the_known_ones(run: Run) -> None:
    code, _, err = run(board="esp32_toaster")
    assert code == 2 and err.count("\n") == 1 and "esp32_toaster" in err and BOARD in err


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x7fELF" * 100, "image: not an ESP32 image of MicroPython"),
        (b"", "image: not an ESP32 image of MicroPython"),
        (esp_rom.image("esp32s3")[0x1000:], "image: not an ESP32 image"),
        (esp_rom.image("esp32c3"), "image: it is for an esp32c3, and the board has an esp32"),
        (esp_rom.image("esp32")[:0x8000], "image: not a whole image for an esp32"),
        (esp_rom.image("esp32")[:-1], "image: not a whole image for an esp32: its end is missing"),
        (
            esp_rom.image("esp32").replace(b"pythonpython", b"pythonPython", 1),
            "image: not as it was made for an esp32: its sum is wrong",
        ),
        (
            esp_rom.image("esp32", romfs=False),
            "image: this MicroPython has no ROMFS, and the meter's code does not fit the heap",
        ),
        (
            esp_rom.image("esp32", flash_mb_log2=1),
            "image: it is for 2 MB of flash, and the board's layout needs 4",
        ),
    ],
)
def test_an_image_that_is_none_is_refused(data: bytes, said: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "wrong.bin").write_bytes(data)
    code, _, err = run("--port", "socket://127.0.0.1:1", "--image", "wrong.bin")
    assert code == 2 and err.count("\n") == 1 and err.startswith(f"keiki: {said}")


def test_nobody_there_is_told_what_to_do(run: Run) -> None:
    code, _, err = run("--port", "socket://127.0.0.1:1", "--image", "micropython.bin")
    assert code == 1 and "is the cable in, and has no other program the port?" in last_line(err)


def test_the_commands_of_the_document_work(chip: Rom, run: Run, tmp_path: Path) -> None:
    (tmp_path / "ESP32_GENERIC.bin").write_bytes(esp_rom.image("esp32"))
    text = (Path(__file__).resolve().parents[2] / "docs" / "flash.md").read_text()
    commands = [line for line in text.splitlines() if line.startswith(f"keiki flash {BOARD}")]
    assert len(commands) == 3
    for command in commands:
        words = command.partition("#")[0].split()[3:]
        code, _, err = run(*words, "--port", chip.url)
        assert code == 0, err
