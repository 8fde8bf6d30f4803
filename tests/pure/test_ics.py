"""Drivers from board data: which one, on which lines, for how many phases."""

from keiki.drivers import line_reader
from keiki.meter import ics

LINE = object()


class Streams:
    """Stands in for asyncio, whose streams are not alike on both Pythons."""

    def StreamReader(self, line):
        return line

    def StreamWriter(self, line, _extra):
        return line


def build(board, phases, hal):
    """Build with streams that are the lines themselves."""
    before, line_reader.asyncio = line_reader.asyncio, Streams()
    try:
        return ics.build(board, 60, phases, hal)
    finally:
        line_reader.asyncio = before


class Hal:
    """Keeps what was opened."""

    def __init__(self):
        self.opened = []

    def uart(self, *line):
        self.opened.append(("uart", line))
        return LINE

    def spi(self, *line):
        self.opened.append(("spi", line))
        return LINE


LSB = {"lsb_per_v_x1000": 25520853, "lsb_per_a_x1000": 63865934, "lsb_per_w_x1000": 97151}
RATIO = {"ratio_v_x1000000": 1000000, "ratio_a_x1000000": 4000000}
ADE_SPI = {
    "ic": "ade7953",
    "spi": 0,
    "cs": (5, 6),
    "baudrate": 1000000,
    "polarity": 1,
    "phase": 1,
    "scale": LSB,
}
ADE_UART = {"ic": "ade7953", "uarts": (1, 2), "scale": LSB}

# board data, phases, lines that it opens
BOARDS = (
    (
        {"ic": "bl0942", "uart": 3, "baudrate": 9600, "addresses": (0, 1), "scale": LSB},
        2,
        [("uart", (3, 9600, None))],
    ),
    ({"ic": "cse7766", "uarts": (0, 2), "scale": RATIO}, 2, [("uart", (0, 4800, 0)), ("uart", (2, 4800, 0))]),
    ({"ic": "cse7766", "uarts": (0, 2), "scale": RATIO}, 1, [("uart", (0, 4800, 0))]),
    (
        {"ic": "atm90e32", "spi": 1, "cs": 4, "line_hz": 50, "u_gain": 52801, "i_gain": 27962},
        2,
        [("spi", (1, 4, 1000000, 1, 1))],
    ),
    (ADE_SPI, 2, [("spi", (0, 5, 1000000, 1, 1)), ("spi", (0, 6, 1000000, 1, 1))]),
    (ADE_SPI, 1, [("spi", (0, 5, 1000000, 1, 1))]),
    (ADE_UART, 2, [("uart", (1, 4800, None, 2)), ("uart", (2, 4800, None, 2))]),
)


def test_each_board_gets_its_driver_on_its_lines():
    for board, phases, lines in BOARDS:
        hal = Hal()
        driver = build(board, phases, hal)
        assert type(driver).__name__.lower() == board["ic"]
        assert hal.opened == lines, (board["ic"], hal.opened)
        assert not getattr(driver, "assumes_symmetry", False)


def test_one_ade7953_for_both_legs_assumes_symmetry():
    for board, key in ((ADE_SPI, "cs"), (ADE_UART, "uarts")):
        single = dict(board)
        single[key] = board[key][:1]
        hal = Hal()
        assert build(single, 2, hal).assumes_symmetry
        assert len(hal.opened) == 1
        assert not build(single, 1, hal).assumes_symmetry


def test_a_board_that_cannot_be_is_refused():
    for board, phases in (
        ({"ic": "ade9000"}, 1),
        ({"ic": "cse7766", "uarts": (0,), "scale": RATIO}, 2),
        ({"ic": "bl0942", "uart": 0, "baudrate": 9600, "addresses": (0,), "scale": LSB}, 2),
    ):
        try:
            build(board, phases, Hal())
        except ValueError as error:
            assert str(error).startswith("metering: ")
            continue
        raise AssertionError(board)
