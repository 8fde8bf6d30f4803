"""Which driver goes with a board's metering IC; only that one is loaded.

A board's METERING names its "ic" and how it is wired. With two phases R comes first, then T:
bl0942     "uart", "baudrate", "addresses" on that line, "scale"
cse7766    "uarts", one for each phase, "scale"
atm90e32   "spi", "cs", and what its driver says
ade7953    "spi", "cs", "baudrate", "polarity", "phase", or "uarts"; "cs" and "uarts" have one entry for each
           phase, or a single one for a chip that does both; and what its driver says
"""

from keiki.drivers.line_reader import reader_of, streams
from keiki.wire.compat import const

_CSE7766_BAUD = const(4800)
_ADE7953_BAUD = const(4800)
_EVEN = const(0)
_ATM90E32_HZ = const(1000000)


def build(ic: dict, rating_a: int, phases: int, hal):
    """Return the driver (interface: drivers/metering.py); ValueError: there is none, or too few lines.

    `hal` has the lines: `uart(number, baudrate, parity, stop)` and
    `spi(number, cs, baudrate, polarity, phase)`.
    """
    name = ic["ic"]
    if name not in _BUILDERS:
        raise ValueError("metering: no driver for %s" % name)
    return _BUILDERS[name](ic, rating_a, phases, hal)


def _p_max_w(rating_a: int, phases: int) -> int:
    return rating_a * 100 * phases


def _bl0942(ic: dict, rating_a: int, phases: int, hal):
    from keiki.drivers.metering_bl0942 import Bl0942 as Driver

    reader, writer = streams(hal.uart(ic["uart"], ic["baudrate"], None))
    return Driver(reader, writer, _first(ic["addresses"], phases), ic["scale"], _p_max_w(rating_a, phases))


def _cse7766(ic: dict, rating_a: int, phases: int, hal):
    from keiki.drivers.metering_cse7766 import Cse7766 as Driver

    lines = [hal.uart(number, _CSE7766_BAUD, _EVEN) for number in _first(ic["uarts"], phases)]
    readers = [reader_of(line) for line in lines]
    return Driver(readers, ic["scale"], _p_max_w(rating_a, phases))


def _atm90e32(ic: dict, rating_a: int, phases: int, hal):
    from keiki.drivers.metering_atm90e32 import Atm90e32 as Driver

    return Driver(hal.spi(ic["spi"], ic["cs"], _ATM90E32_HZ, 1, 1), ic, rating_a, phases)


def _ade7953(ic: dict, rating_a: int, phases: int, hal):
    from keiki.drivers.metering_ade7953 import Ade7953 as Driver
    from keiki.drivers.metering_ade7953_transports import Spi, Uart

    chips = ic["cs"] if "spi" in ic else ic["uarts"]
    if len(chips) > 1:
        chips = _first(chips, phases)
    if "spi" in ic:
        mode = ic["baudrate"], ic["polarity"], ic["phase"]
        lines = [Spi(hal.spi(ic["spi"], cs, *mode)) for cs in chips]
    else:
        # why two stop bits: the chip wants a pause after each byte
        lines = [Uart(*streams(hal.uart(number, _ADE7953_BAUD, None, 2))) for number in chips]
    return Driver(lines, ic, rating_a, phases)


def _first(lines, phases: int):
    if len(lines) < phases:
        raise ValueError("metering: this board has %d phase(s)" % len(lines))
    return lines[:phases]


_BUILDERS = {"bl0942": _bl0942, "cse7766": _cse7766, "atm90e32": _atm90e32, "ade7953": _ade7953}
