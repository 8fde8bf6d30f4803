"""Serial lines, buses and pins of a real board, as its board.py says: the same on ESP32 and RP2."""

import asyncio

import board
import machine

from keiki.wire.compat import const

_FAST_BAUD = const(19200)
_TX = const(256)  # an answer of some properties goes out without Python; who sends more waits for room
_OUT = machine.Pin.OUT
_IN = machine.Pin.IN

opened: list = []
"""The serial lines that are open."""
_buses: dict = {}


def uart(number: int, baudrate: int, parity: "int | None" = None, stop: int = 1):
    """Open serial line `number`; returns a stream for asyncio, None if the board has no such line."""
    plan = board.UARTS.get(number)
    if plan is None:
        return None
    # what comes in while flash is erased and Python stands still must not be lost: 40 ms and more of it
    size = 2048 if baudrate > _FAST_BAUD else 256
    pins = {name: machine.Pin(pin) for name, pin in plan.items()}
    if "rts" in plan:
        pins["flow"] = machine.UART.RTS | machine.UART.CTS
    line = machine.UART(
        number, baudrate, bits=8, parity=parity, stop=stop, timeout=0, rxbuf=size, txbuf=_TX, **pins
    )
    opened.append(line)
    return line


class Part:
    """One part on an SPI bus, with its chip select."""

    def __init__(self, bus, cs: int) -> None:
        self._bus = bus
        self._select = machine.Pin(cs, _OUT, value=1)

    def transfer(self, tx, rx) -> None:
        """One frame: sends `tx` while it fills `rx`, of the same length; they may be the same buffer."""
        self._select(0)
        self._bus.write_readinto(tx, rx)
        self._select(1)

    def send(self, head, data) -> None:
        """One frame: `head`, then `data`."""
        self._select(0)
        self._bus.write(head)
        self._bus.write(data)
        self._select(1)

    def fetch(self, head, into) -> None:
        """One frame: `head`, then as much as `into` takes."""
        self._select(0)
        self._bus.write(head)
        self._bus.readinto(into)
        self._select(1)


def spi(number: int, cs: int, baudrate: int, polarity: int, phase: int) -> "Part | None":
    """Return the part at chip select pin `cs` of SPI bus `number`; None: the board has no such bus.

    ValueError: the bus is used in another mode already.
    """
    plan = board.SPIS.get(number)
    if plan is None:
        return None
    mode = (baudrate, polarity, phase)
    known = _buses.get(number)
    if known is None:
        pins = {name: machine.Pin(pin) for name, pin in plan.items()}
        bus = machine.SPI(number, baudrate=baudrate, polarity=polarity, phase=phase, **pins)
        _buses[number] = known = (mode, bus)
    if known[0] != mode:
        raise ValueError("spi %d: one bus, two modes" % number)
    return Part(known[1], cs)


def i2c(number: int):
    """Return I2C bus `number`, None if the board has none. A part that does not answer is OSError."""
    plan = board.I2CS.get(number)
    if plan is None:
        return None
    return machine.I2C(number, scl=machine.Pin(plan["scl"]), sda=machine.Pin(plan["sda"]), freq=100000)


def input(pin: int):
    """Return a function that tells whether input `pin` is on. One that nothing is wired to is off."""
    low = pin in board.ACTIVE_LOW
    line = machine.Pin(pin, _IN, machine.Pin.PULL_UP if low else machine.Pin.PULL_DOWN)
    return lambda: line() != low


def output(pin: int):
    """Return a function that switches output `pin`, which is off now."""
    low = pin in board.ACTIVE_LOW
    line = machine.Pin(pin, _OUT, value=low)
    return lambda on: line(bool(on) != low)


class Edge:
    """An input that interrupts."""

    def __init__(self, pin: int) -> None:
        self._flag = asyncio.ThreadSafeFlag()
        self._line = machine.Pin(pin, _IN)
        self._line.irq(lambda _pin: self._flag.set(), machine.Pin.IRQ_RISING)

    async def wait(self) -> None:
        """Wait for the next rising edge."""
        await self._flag.wait()


def edge(pin: int) -> Edge:
    """Return an object whose `wait()` ends each time input `pin` goes on."""
    return Edge(pin)


def counter(pin: int):
    """Return a function that tells how many pulses input `pin` has had: by interrupt, modulo 2^32."""
    counted = bytearray(4)

    def count(_pin) -> None:
        at = 0
        while at < 4:  # no integer of more than 30 bits: this must not need the heap
            counted[at] = (counted[at] + 1) & 255
            if counted[at]:
                return
            at += 1

    line = machine.Pin(pin, _IN)
    line.irq(count, machine.Pin.IRQ_RISING)
    return lambda: int.from_bytes(counted, "little")
