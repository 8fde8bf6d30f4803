"""A board to test on: emulated, if an image of MicroPython is named, or a real one (--device PORT)."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from keiki_host import board_data
from keiki_host.flash import app_files

IMAGES = {"pico": "KEIKI_RP2_UF2", "pico_w": "KEIKI_RP2W_UF2"}
BOARD = {"pico": "rp2_pico_bl0942", "pico_w": "rp2_picow_bl0942"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", help="serial port of a board that `keiki flash` has flashed")


class RealBoard:
    """A board on a serial port: what runs on it is what `keiki flash` has put there."""

    def __init__(self, port: str) -> None:
        from keiki_host.flash.repl import Repl

        self._repl = Repl(port)

    def run(self, text: str) -> str:
        """Run a program and return what it prints."""
        return self._repl.run(text)

    def close(self) -> None:
        """Leave it."""
        self._repl.close()


def emulated(kind: str) -> Any:
    """Return an emulated board with the meter's code in /app, or skip."""
    named = os.environ.get(IMAGES[kind])
    if not named:
        pytest.skip(f"{IMAGES[kind]} names no MicroPython image: nothing to emulate")
    pytest.importorskip("rp2040py", reason="rp2040py is not installed: pip install 'keiki-meter[ontarget]'")
    from tests.ontarget.emulated import EmulatedBoard

    code = app_files.code(board_data.load(BOARD[kind]))
    return EmulatedBoard(kind, Path(named), {f"app/{name}": data for name, data in code.items()})


@pytest.fixture(scope="session")
def pico() -> Iterator[Any]:
    """An emulated Pico."""
    board = emulated("pico")
    yield board
    board.close()


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The board named by --device, else an emulated Pico."""
    port = request.config.getoption("--device", None)
    if not port:
        yield request.getfixturevalue("pico")
        return
    board = RealBoard(port)
    yield board
    board.close()
