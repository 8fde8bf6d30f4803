"""keiki flash and an RP2 board: files through MicroPython's REPL, images to its boot drive; data stays."""

import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from keiki_host import cli
from keiki_host.flash import app_files, rp2, uf2

from tests.host import repl_pty

BOARD = "rp2_picow_bl0942"
CODE = {"keiki_main.mpy": b"code" * 300, "keiki/core.mpy": bytes(range(256)) * 3}
FULL = """
import builtins
class Full:
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def write(self, b): raise OSError(28)
    def close(self): pass
before = open
builtins.open = lambda name, mode="r": Full() if "w" in mode else before(name, mode)
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _small_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_files, "code", lambda board, version=None: CODE)


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """The file system of a board on which a meter has run: its data, and code of an older release."""
    folder = tmp_path / "board"
    (folder / "log").mkdir(parents=True)
    (folder / "log" / "1-7").write_bytes(b"registers")
    (folder / "app" / "keiki").mkdir(parents=True)
    (folder / "app" / "keiki" / "gone.mpy").write_bytes(b"of an older release")
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`keiki flash ...`: exit code, standard output, standard error."""

    def flash(*arguments: str, board: str = BOARD) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["keiki", "flash", board, *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return flash


def last_line(text: str) -> str:
    return text.splitlines()[-1]


def written(out: str) -> set[str]:
    return {part["name"] for part in json.loads(out)["parts"] if part["written"]}


def test_code_gets_to_the_board_once_and_the_data_stays(
    micropython: str, drive: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(rp2.CHIP_WORDS, "rp2040", "linux")
    (tmp_path / "meter.toml").write_text("digits = 7\n")
    with repl_pty.board(micropython, drive) as port:
        code, out, _ = run("--port", port, "--config", str(tmp_path / "meter.toml"), "--dry-run", "--json")
        assert code == 0 and written(out) == set() and not (drive / "main.py").exists()
        code, out, _ = run("--port", port, "--config", str(tmp_path / "meter.toml"), "--json")
        names = {"app/keiki_main.mpy", "app/keiki/core.mpy", "main.py", "selector.py", "config.json"}
        assert code == 0 and written(out) == names
        assert {str(path.relative_to(drive)) for path in drive.rglob("*") if path.is_file()} == names | {
            "log/1-7"
        }
        for name, data in CODE.items():
            assert (drive / "app" / name).read_bytes() == data
        assert json.loads((drive / "config.json").read_text()) == {"digits": 7}
        # an update stays as long as what was flashed does
        (drive / "update" / "a").mkdir(parents=True)
        (drive / "update" / "select").write_text("{}")
        assert written(run("--port", port, "--json")[1]) == set() and (drive / "update" / "select").exists()
        (drive / "app" / "keiki" / "core.mpy").write_bytes(b"broken")
        code, out, _ = run("--port", port, "--json")
        assert code == 0 and written(out) == {"app/keiki/core.mpy"}
        assert not (drive / "update" / "select").exists() and (drive / "update" / "a").exists()
    assert (drive / "log" / "1-7").read_bytes() == b"registers"


def test_another_chip_is_refused_before_anything_is_written(micropython: str, drive: Path, run: Run) -> None:
    with repl_pty.board(micropython, drive) as port:
        code, _, err = run("--port", port)
    assert code == 1 and last_line(err).startswith(f"keiki: {BOARD} has an rp2040, and this is 'linux")
    assert not (drive / "main.py").exists()


def test_a_full_board_keeps_what_it_has(
    micropython: str, drive: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rp2.CHIP_WORDS, "rp2040", "linux")
    (drive / "main.py").write_text("old")
    with repl_pty.board(micropython, drive, start=FULL) as port:
        code, _, err = run("--port", port)
    assert (code, last_line(err)) == (
        1,
        f"keiki: {port}: the board's file system is full: nothing old was lost",
    )
    assert (drive / "main.py").read_text() == "old" and (drive / "log" / "1-7").exists()


def test_data_is_erased_only_when_the_boards_name_is_typed(
    micropython: str, drive: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(rp2.CHIP_WORDS, "rp2040", "linux")
    with repl_pty.board(micropython, drive) as port:
        for typed, left in (("yes\n", True), (BOARD + "\n", False)):
            (tmp_path / "typed").write_text(typed)
            with (tmp_path / "typed").open() as lines:
                monkeypatch.setattr(sys, "stdin", lines)
                code, _, _ = run("--port", port, "--erase-data")
            assert code == (1 if left else 0) and (drive / "log" / "1-7").exists() == left


def blocks(family: int, *addresses: int) -> bytes:
    """A UF2 image of 256 bytes at each address."""
    head = [
        struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0x2000, at, 256, n, len(addresses), family)
        for n, at in enumerate(addresses)
    ]
    return b"".join(of + bytes(476) + struct.pack("<I", 0x0AB16F30) for of in head)


GOOD = blocks(0xE48BFF56, 0x10000000, 0x10000100)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "image: not a UF2 image"),
        (GOOD[:-1], "image: not a UF2 image"),
        (GOOD[:512], "image: not a whole UF2 image"),
        (blocks(0xE48BFF59, 0x10000000), "image: it is for another chip, and the board has an rp2040"),
        (blocks(0xE48BFF56, 0x1012C000), "image: it would lie over the file system with the meter's data"),
        (GOOD, "port: no board waits for an image: hold BOOTSEL while you plug it in"),
    ],
)
def test_an_image_that_is_none_is_refused(data: bytes, said: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "wrong.uf2").write_bytes(data)
    code, _, err = run("--port", "/no/such/drive", "--image", str(tmp_path / "wrong.uf2"))
    assert code == 2 and err.count("\n") == 1 and err.startswith(f"keiki: {said}")


def test_an_image_is_copied_to_the_drive_of_its_chip_only(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mp.uf2").write_bytes(GOOD)
    arguments = ("--port", str(tmp_path / "disk"), "--image", str(tmp_path / "mp.uf2"))
    (tmp_path / "disk").mkdir()
    code, _, err = run(*arguments)
    assert code == 2 and "not the drive of a board" in last_line(err)
    (tmp_path / "disk" / "INFO_UF2.TXT").write_text("UF2 Bootloader v1.0\nModel: Pico 2\nBoard-ID: RP2350\n")
    code, _, err = run(*arguments)
    assert code == 1 and "not the drive of an rp2040; nothing was written" in last_line(err)
    (tmp_path / "disk" / "INFO_UF2.TXT").write_text("UF2 Bootloader v3.0\nBoard-ID: RPI-RP2\n")
    assert uf2.drives([str(tmp_path)]) == [tmp_path / "disk"]
    code, _, _ = run(*arguments)
    assert code == 0 and (tmp_path / "disk" / "micropython.uf2").read_bytes() == GOOD


def test_the_commands_of_the_document_work(
    micropython: str, drive: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "flash.md").read_text()
    commands = [line for line in text.splitlines() if line.startswith(f"keiki flash {BOARD}")]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(rp2.CHIP_WORDS, "rp2040", "linux")
    (tmp_path / "RPI_PICO_W.uf2").write_bytes(GOOD)
    (tmp_path / "meter.toml").write_text("digits = 7\n")
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "INFO_UF2.TXT").write_text("Board-ID: RPI-RP2\n")
    image, code = (command.partition("#")[0].split()[3:] for command in commands)
    assert run(*image, "--port", "disk")[0] == 0
    with repl_pty.board(micropython, drive) as port:
        assert run(*code, "--port", port)[0] == 0
    assert (tmp_path / "disk" / "micropython.uf2").read_bytes() == GOOD and (drive / "main.py").exists()


def test_a_board_whose_data_is_on_a_chip_of_its_own_does_not_erase_it(run: Run) -> None:
    code, _, err = run("--erase-data", board="rp2_pico2w_atm90e32")
    assert code == 2 and "has its data on a flash chip of its own, which only the meter reaches" in err
