"""Which driver goes with a board's metering IC; only that one is loaded.

A board's METERING names its "ic" and how it is wired. With two phases R comes first, then T:
bl0942     "uart", "baudrate", "addresses" on that line, "scale"
cse7766    "uarts", one for each phase, "scale"
atm90e32   "spi", "cs", and what its driver says
"""

import asyncio

_CSE7766_BAUD = 4800
_EVEN = 0
_SPI_HZ = 1000000


def build(ic: dict, rating_a: int, phases: int, hal):
    """Return the driver (interface: drivers/metering.py); ValueError: there is none, or too few lines.

    `hal` has the lines: `uart(number, baudrate, parity)` and `spi(number, cs, baudrate, polarity, phase)`.
    """
    p_max_w = rating_a * 100 * phases
    name = ic["ic"]
    if name == "bl0942":
        from keiki.drivers.metering_bl0942 import Bl0942

        stream = hal.uart(ic["uart"], ic["baudrate"], None)
        return Bl0942(
            asyncio.StreamReader(stream),
            asyncio.StreamWriter(stream, {}),
            _first(ic["addresses"], phases),
            ic["scale"],
            p_max_w,
        )
    if name == "cse7766":
        from keiki.drivers.metering_cse7766 import Cse7766

        readers = [
            asyncio.StreamReader(hal.uart(number, _CSE7766_BAUD, _EVEN))
            for number in _first(ic["uarts"], phases)
        ]
        return Cse7766(readers, ic["scale"], p_max_w)
    if name == "atm90e32":
        from keiki.drivers.metering_atm90e32 import Atm90e32

        return Atm90e32(hal.spi(ic["spi"], ic["cs"], _SPI_HZ, 1, 1), ic, rating_a, phases)
    raise ValueError("metering: no driver for %s" % name)


def _first(lines, phases: int):
    if len(lines) < phases:
        raise ValueError("metering: this board has %d phase(s)" % len(lines))
    return lines[:phases]
